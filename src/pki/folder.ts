import { createPrivateKey, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { exists } from '../durable-files.ts';
import { UsageError } from '../errors.ts';
import type { IssuedCertificate, Validity } from './authority.ts';
import { certificateFacts, plainSerial } from './certificate-facts.ts';
import { withFolderLock } from './folder-lock.ts';
import { appendEntry } from './journal.ts';
import { finishInterrupted } from './pair-files.ts';
import { commonNames } from './subject.ts';
import { parseCertificates, readPem } from './tls-files.ts';

/** A CA of a folder that can sign: its key is there. */
export interface Authority extends IssuedCertificate {
  readonly certificate: X509Certificate;
  /** Its certificate and those above it but for the root, as PEM: what a leaf's file has behind the leaf. */
  readonly chainPem: string;
  /** Name of its key's file, for messages. */
  readonly keyFile: string;
}

export const DAY_MS = 86_400_000;

/** How far back validity begins, so that a machine whose clock is behind accepts what was made just now. */
const BACKDATE_MS = 3_600_000;

/** From an hour ago for a number of days from now; not beyond `end`. */
export function validityOf(days: number, end = Number.POSITIVE_INFINITY): Validity {
  const nowMs = Date.now();
  return {
    notBefore: new Date(nowMs - BACKDATE_MS),
    notAfter: new Date(Math.min(nowMs + days * DAY_MS, end)),
  };
}

/**
 * Runs `work` while nobody else changes the folder, after what a killed process left half done is done. Makes the folder
 * where it is not there: for whoever makes a CA.
 */
export async function inFolder<T>(dir: string, work: () => Promise<T>): Promise<T> {
  return await withFolderLock(dir, async () => {
    await finishInterrupted(dir);
    return await work();
  });
}

/**
 * Runs `work` in the folder of a CA, as inFolder does, and never makes one: there, a name that is not there is mistyped.
 *
 * @throws UsageError when there is no CA.
 */
export async function inCaFolder<T>(dir: string, work: () => Promise<T>): Promise<T> {
  await requireCa(dir);
  return await inFolder(dir, work);
}

/**
 * Promises that a folder has a CA, of whose making at most the last step is to be done.
 *
 * @throws UsageError with the remedy when there is none.
 */
export async function requireCa(dir: string): Promise<void> {
  const file = join(dir, 'ca.crt');
  if ((await exists(file)) || (await exists(`${file}.issued`))) return;
  throw noCa(dir);
}

function noCa(dir: string): UsageError {
  return new UsageError(
    `no CA here: ${join(dir, 'ca.crt')} is missing; make a CA with \`passband pki init --certs ${dir}\`, put yours there, ` +
      'or name its folder with --certs',
  );
}

/**
 * The CA that signs leaves: the issuing CA (issuing.crt) where there is one, else that of ca.crt.
 *
 * @throws UsageError when its key is not there or not its own.
 */
export async function openSigner(dir: string): Promise<Authority> {
  const bundle = await readBundle(dir);
  const name = (await exists(join(dir, 'issuing.crt'))) ? 'issuing' : 'ca';
  const keyFile = join(dir, `${name}.key`);
  const found = await openAuthority(keyFile, bundle);
  if (found === undefined) {
    throw new UsageError(
      `${keyFile} is not there, so nothing can be signed; put the key of ${join(dir, `${name}.crt`)} there`,
    );
  }
  return found;
}

/** Every CA of the folder whose key is there, the one that signs leaves first. */
export async function openAuthorities(dir: string): Promise<readonly Authority[]> {
  const bundle = await readBundle(dir);
  const found = [];
  for (const name of ['issuing', 'ca']) {
    const authority = await openAuthority(join(dir, `${name}.key`), bundle);
    if (authority !== undefined) found.push(authority);
  }
  return found;
}

/**
 * The certificates of ca.crt, and of issuing.crt where that is not among them.
 *
 * @throws UsageError when there is no CA.
 */
export async function readBundle(dir: string): Promise<readonly X509Certificate[]> {
  const file = join(dir, 'ca.crt');
  if (!(await exists(file))) throw noCa(dir);
  const bundle = [...parseCertificates(await readPem(file, false), file)];
  const issuing = join(dir, 'issuing.crt');
  if (await exists(issuing)) {
    const more = parseCertificates(await readPem(issuing, false), issuing);
    bundle.push(...more.filter((one) => !bundle.some((other) => other.fingerprint256 === one.fingerprint256)));
  }
  return bundle;
}

/** Whoever of these has signed a certificate. */
export function signerAmong(
  authorities: readonly X509Certificate[],
  certificate: X509Certificate,
): X509Certificate | undefined {
  return authorities.find((ca) => certificate.checkIssued(ca) && certificate.verify(ca.publicKey));
}

async function openAuthority(keyFile: string, bundle: readonly X509Certificate[]): Promise<Authority | undefined> {
  if (!(await exists(keyFile))) return undefined;
  const keyPem = await readPem(keyFile, true);
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED/.test(keyPem)) {
    throw new UsageError(
      `${keyFile} has a passphrase, which cannot be typed here; take it off with: ` +
        `(umask 077; openssl pkey -in ${keyFile} -out FILE), and put FILE in its place`,
    );
  }
  let matches: (certificate: X509Certificate) => boolean;
  try {
    const key = createPrivateKey(keyPem);
    matches = (certificate) => certificate.checkPrivateKey(key);
  } catch (error) {
    throw new UsageError(`${keyFile} has no private key that can be parsed; put a PEM key there`, { cause: error });
  }
  // Of a CA that was renewed with its key, the certificate that lasts longest.
  const [certificate] = bundle.filter(matches).sort((a, b) => b.validToDate.getTime() - a.validToDate.getTime());
  if (certificate === undefined) {
    throw new UsageError(
      `${keyFile} is the key of no certificate in ca.crt; put the CA's certificate there, or its key`,
    );
  }
  if (!certificateFacts(certificate).signsCertificates) {
    throw new UsageError(
      `${keyFile} is not the key of a CA: its certificate (${certificate.subject}) may sign nothing`,
    );
  }
  if (certificate.validToDate.getTime() < Date.now()) {
    const notAfter = certificate.validToDate.toISOString();
    throw new UsageError(`the CA ${certificate.subject} has expired (notAfter ${notAfter}); make a new one`);
  }
  return { certPem: certificate.toString(), keyPem, certificate, chainPem: chainOf(certificate, bundle), keyFile };
}

function chainOf(certificate: X509Certificate, bundle: readonly X509Certificate[]): string {
  const chain: X509Certificate[] = [];
  let at: X509Certificate | undefined = certificate;
  while (at !== undefined && !certificateFacts(at).isSelfIssued && !chain.includes(at)) {
    const below: X509Certificate = at;
    chain.push(below);
    at = bundle.find((above) => below.checkIssued(above) && below.verify(above.publicKey));
  }
  return chain.map(String).join('');
}

/** Puts a certificate into the index of a folder: to be done before the certificate is anywhere else. */
export async function recordIssued(
  dir: string,
  certPem: string,
  { name, profile, issuer }: { readonly name: string; readonly profile: string; readonly issuer?: X509Certificate },
): Promise<X509Certificate> {
  const certificate = new X509Certificate(certPem);
  await appendEntry(dir, {
    event: 'issued',
    at: new Date().toISOString(),
    serial: plainSerial(certificate.serialNumber),
    authority: certificateFacts(issuer ?? certificate).keyId,
    name,
    profile,
    cn: commonNames(certificate).join(' + '),
    notAfter: certificate.validToDate.toISOString(),
    sha256: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
  });
  return certificate;
}
