import type { X509Certificate } from 'node:crypto';
import { basename, dirname, join, resolve } from 'node:path';
import * as pkijs from 'pkijs';
import { exists } from '../durable-files.ts';
import { UsageError } from '../errors.ts';
import { signCertificate } from './authority.ts';
import { certificateFacts, plainName } from './certificate-facts.ts';
import { leafExtensions } from './extensions.ts';
import { DAY_MS, inCaFolder, openSigner, readBundle, recordIssued, signerAmong } from './folder.ts';
import { type Issued, leafValidity } from './issue.ts';
import { certificateKey, readLedger } from './journal.ts';
import { type KeyAlgorithm, keyAlgorithm, newKey, publicKeyInfo } from './keys.ts';
import { writePair } from './pair-files.ts';
import { checkKey, parseCertificates, readPem } from './tls-files.ts';

/** How a certificate is to be renewed. */
export interface RenewOrder {
  /** Keeps the key; a new one of the same kind unless told. */
  readonly sameKey?: boolean;
  /** Kind of the new key. */
  readonly algorithm?: KeyAlgorithm;
  /** As long as the old one was good for, unless told. */
  readonly days?: number;
}

/** A renewed certificate, and the one that it replaces, which stays good until its end or its revocation. */
export interface Renewed extends Issued {
  readonly old: X509Certificate;
}

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';

/**
 * Gives NAME.crt (and NAME.key) successors that say the same: subject, alternative names, extended key usage and the
 * address of the revocation list.
 *
 * @param name base name, or a file of the folder.
 * @throws UsageError when it is not of this CA, revoked, or its key is elsewhere.
 */
export async function renewIn(dir: string, name: string, order: RenewOrder): Promise<Renewed> {
  const base = baseName(dir, name);
  const [certFile, keyFile] = [join(dir, `${base}.crt`), join(dir, `${base}.key`)];
  return await inCaFolder(dir, async () => {
    const [old] = parseCertificates(await readPem(certFile, false), certFile);
    const key = await proveRenewable(dir, base, old);
    const oldKeyPem = (await exists(keyFile)) ? await readPem(keyFile, true) : undefined;
    if (oldKeyPem !== undefined) checkKey(oldKeyPem, keyFile, old, certFile);
    else if (order.sameKey !== true) {
      throw new UsageError(`${keyFile} is not here: have a new request made where it is, or renew with --same-key`);
    }
    const algorithm = order.algorithm ?? keyAlgorithm(old.publicKey) ?? 'p256';
    const keyPem = order.sameKey === true ? undefined : await newKey(algorithm);
    const parsed = pkijs.Certificate.fromBER(Uint8Array.from(old.raw));
    const publicKey = keyPem === undefined ? parsed.subjectPublicKeyInfo : publicKeyInfo(keyPem);
    const signer = await openSigner(dir);
    const certPem = await signCertificate(signer, '', {
      subject: parsed.subject,
      publicKey,
      extensions: (authority) => successorExtensions(parsed, publicKey, authority, old),
      ...leafValidity(signer, order.days, lifetimeDays(old)),
    });
    const profile = (await readLedger(dir)).issued.get(key)?.profile ?? sideOf(old);
    const certificate = await recordIssued(dir, certPem, { name: base, profile, issuer: signer.certificate });
    const pair = { certPem: certPem + signer.chainPem, ...(keyPem === undefined ? {} : { keyPem }) };
    await writePair(dir, base, pair, 'renewed');
    return { name: base, certificate, certFile, keyFile: keyPem === undefined ? undefined : keyFile, old };
  });
}

function baseName(dir: string, name: string): string {
  const base = basename(name).replace(/\.(crt|key)$/, '');
  if (basename(name) !== name && resolve(dirname(name)) !== resolve(dir)) {
    throw new UsageError(`${name} is not in ${dir}; name its folder with --certs`);
  }
  if (base === 'ca' || base === 'issuing') {
    throw new UsageError(
      `a CA is not renewed but followed: make the next one in an empty folder, put both certificates into every ca.crt, ` +
        'and issue from the new one',
    );
  }
  return base;
}

/** Gives the certificate's key in the index. */
async function proveRenewable(dir: string, base: string, old: X509Certificate): Promise<string> {
  const signer = signerAmong(await readBundle(dir), old);
  if (signer === undefined) {
    throw new UsageError(
      `no CA of ca.crt has signed ${join(dir, `${base}.crt`)}; its issuer is ${plainName(old.issuer)}: renew it there`,
    );
  }
  const key = certificateKey(certificateFacts(signer).keyId, certificateFacts(old).serial);
  const revoked = (await readLedger(dir)).revoked.get(key);
  if (revoked !== undefined) {
    throw new UsageError(
      `${join(dir, `${base}.crt`)} has been revoked (${revoked.reason}, ${revoked.at}) and is not renewed; if its holder ` +
        'shall have another, issue it under another --name',
    );
  }
  return key;
}

/**
 * What the profile of its making says about a key of this kind, and the extensions that say what it is good for and where
 * it would be revoked.
 */
function successorExtensions(
  old: pkijs.Certificate,
  publicKey: pkijs.PublicKeyInfo,
  authority: pkijs.Certificate,
  { keyUsage }: X509Certificate,
): pkijs.Extension[] {
  const copied = [pkijs.id_ExtKeyUsage, pkijs.id_SubjectAltName, pkijs.id_CRLDistributionPoints];
  const purpose = keyUsage?.includes(SERVER_AUTH) === true ? 'server' : 'none';
  return [
    ...leafExtensions(publicKey, authority, purpose).filter(({ extnID }) => !copied.includes(extnID)),
    ...(old.extensions ?? []).filter(({ extnID }) => copied.includes(extnID)),
  ];
}

/** What another tool has made has no profile; it is put down as the side that it was made for. */
function sideOf({ keyUsage }: X509Certificate): 'client' | 'server' {
  return keyUsage?.includes(SERVER_AUTH) === true ? 'server' : 'client';
}

function lifetimeDays(certificate: X509Certificate): number {
  const ms = certificate.validToDate.getTime() - certificate.validFromDate.getTime();
  return Math.max(1, Math.floor(ms / DAY_MS));
}
