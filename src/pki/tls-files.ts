import { createPrivateKey, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { UsageError } from '../errors.ts';
import { readWholeFile } from './whole-file.ts';

/** A certificate chain, its private key and the CA bundle to trust, each with the file it came from. */
export interface TlsMaterial {
  readonly certPem: string;
  readonly keyPem: string;
  readonly caPem: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
}

/** Bytes that a certificate, key or CA file may have; a bundle of every public CA there is has a quarter of it. */
const MAX_PEM_BYTES = 1024 * 1024;

/** Permission bits of what its owner alone may read, and of what all may. */
export const KEY_MODE = 0o600;
export const CERTIFICATE_MODE = 0o644;

const PEM_FILE = {
  what: 'a PEM file',
  maxBytes: MAX_PEM_BYTES,
  missing: 'put it there, or run `passband pki init` for a development set',
};

/** Permission bits for everyone but the owner. A key that has any of them is known to more than its owner. */
const OTHERS_MODE = 0o077;

const CERTIFICATE_BLOCK =
  /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[\s\S]*?-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;
const CERTIFICATE_ARMOUR = /-----(?:BEGIN|END) (?:TRUSTED |X509 )?CERTIFICATE-----/g;

/**
 * Reads a PEM file of bounded size.
 *
 * @param secret whether the file holds a private key: then it is refused when group or others have any right to it.
 * @throws UsageError naming the file and the remedy.
 */
export async function readPem(file: string, secret: boolean): Promise<string> {
  const { bytes, mode } = readWholeFile(file, PEM_FILE);
  // Windows has no such bits and reports them all as set.
  if (secret && process.platform !== 'win32' && (mode & OTHERS_MODE) !== 0) {
    throw new UsageError(
      `${file} may be read by others (mode ${mode.toString(8).padStart(4, '0')}); run: chmod 600 ${file}`,
    );
  }
  return bytes.toString('utf8');
}

/**
 * Every certificate of a PEM file, in its order.
 *
 * @throws UsageError naming the file when there is none, one cannot be parsed, or one is there in part only: of a file that
 * is being written, the certificates that are there already are not all.
 */
export function parseCertificates(pem: string, file: string): readonly [X509Certificate, ...X509Certificate[]] {
  const [first, ...rest] = pem.match(CERTIFICATE_BLOCK) ?? [];
  const armours = pem.match(CERTIFICATE_ARMOUR)?.length ?? 0;
  if (armours !== 2 * (first === undefined ? 0 : 1 + rest.length)) {
    throw new UsageError(`${file} is cut short or damaged; put all of its certificates there, whole`);
  }
  if (first === undefined) {
    throw new UsageError(
      `${file} has no certificate in it; put a PEM block that begins with -----BEGIN CERTIFICATE-----`,
    );
  }
  const parse = (block: string): X509Certificate => {
    try {
      return new X509Certificate(block);
    } catch (error) {
      throw new UsageError(`${file} has a certificate that cannot be parsed; write it anew as PEM`, { cause: error });
    }
  };
  return [parse(first), ...rest.map(parse)];
}

/**
 * Proves that a key is that of a certificate.
 *
 * @throws UsageError naming the files and the remedy.
 */
export function checkKey(keyPem: string, keyFile: string, certificate: X509Certificate, certFile: string): void {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED/.test(keyPem)) {
    throw new UsageError(
      `${keyFile} has a passphrase, which nobody is here to type; run: openssl pkey -in ${keyFile} -out FILE`,
    );
  }
  let matches: boolean;
  try {
    matches = certificate.checkPrivateKey(createPrivateKey(keyPem));
  } catch (error) {
    throw new UsageError(`${keyFile} has no private key that can be parsed; put a PEM key there`, { cause: error });
  }
  if (!matches)
    throw new UsageError(`${keyFile} is not the key of ${certFile}; put the pair there that belongs together`);
}

function checkDates(certificate: X509Certificate, file: string, nowMs: number): void {
  if (nowMs > certificate.validToDate.getTime()) {
    const notAfter = certificate.validToDate.toISOString();
    throw new UsageError(
      `${file} has expired (notAfter ${notAfter}); renew it, or remove it and its key to have a new one made`,
    );
  }
  if (nowMs < certificate.validFromDate.getTime()) {
    const notBefore = certificate.validFromDate.toISOString();
    throw new UsageError(`${file} is not valid yet (notBefore ${notBefore}); check this machine's clock`);
  }
}

/** The CA bundle of a folder. */
export type CaBundle = Pick<TlsMaterial, 'caPem' | 'caFile'>;

/** A certificate chain and its private key. */
export type TlsPair = Omit<TlsMaterial, keyof CaBundle>;

/**
 * Whether at least one authority of a bundle is within its validity.
 *
 * @throws UsageError when none is.
 */
export function checkAuthorities(authorities: readonly X509Certificate[], caFile: string): void {
  const nowMs = Date.now();
  const one = authorities.find((authority) => nowMs <= authority.validToDate.getTime()) ?? authorities[0];
  if (one !== undefined) checkDates(one, caFile, nowMs);
}

/**
 * Reads NAME.crt (leaf first, then any intermediates) and NAME.key (PKCS#8, SEC1 or PKCS#1) of a folder and promises that
 * they can be used now: the key is the certificate's and its owner's alone, the certificate is within its validity.
 *
 * @param proven a pair of which that was proven: when the files have its bytes still, only their owner is looked at.
 * @throws UsageError naming the file and the remedy.
 */
export async function loadTlsPair(dir: string, name: string, proven?: TlsPair): Promise<TlsPair> {
  const [certFile, keyFile] = [join(dir, `${name}.crt`), join(dir, `${name}.key`)];
  const certPem = await readPem(certFile, false);
  const [leaf] = parseCertificates(certPem, certFile);
  const keyPem = await readPem(keyFile, true);
  const pair = { certPem, keyPem, certFile, keyFile };
  if (proven?.certPem === certPem && proven.keyPem === keyPem) return pair;
  checkKey(keyPem, keyFile, leaf, certFile);
  checkDates(leaf, certFile, Date.now());
  return pair;
}

/**
 * The CA bundle and a pair of one folder (see checkAuthorities and loadTlsPair), which can be used together now.
 *
 * @throws UsageError naming the file and the remedy.
 */
export async function loadTlsMaterial(dir: string, name: string): Promise<TlsMaterial> {
  // The CA first: without it nobody could be told from anybody, whatever else is right.
  const caFile = join(dir, 'ca.crt');
  const caPem = await readPem(caFile, false);
  checkAuthorities(parseCertificates(caPem, caFile), caFile);
  return { ...(await loadTlsPair(dir, name)), caPem, caFile };
}
