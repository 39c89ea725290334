import type { X509Certificate } from 'node:crypto';
import { UsageError } from '../errors.ts';
import { certificateFacts, plainName } from './certificate-facts.ts';
import { openCrl, type ParsedCrl, type UnreadCrl } from './crl.ts';
import { verifySignature } from './verify-signature.ts';
import { readWholeFile } from './whole-file.ts';

/** A revocation list that its issuer has signed. */
export interface RevocationList extends Omit<ParsedCrl, 'signed'> {
  /** Issuer's name as identities have it: attributes joined by commas. */
  readonly issuer: string;
  /** SHA-256 of the public key that signed it, hexadecimal: one name may have several keys, as in a roll-over. */
  readonly issuerKeyId: string;
  /** Where it was read, for messages. */
  readonly file: string;
}

/** Bytes of a file of revocation lists; half a million revoked certificates fit. */
export const MAX_CRL_FILE_BYTES = 16 * 1024 * 1024;
const CRL_FILE = {
  what: 'a revocation list',
  maxBytes: MAX_CRL_FILE_BYTES,
  missing: 'put the revocation list there',
};
/** Lists in one file: as many issuers as a bundle sensibly has. */
const MAX_LISTS_PER_FILE = 64;
/** Milliseconds that the clock of an issuer may be ahead of ours. */
const MAX_CLOCK_SKEW_MS = 5 * 60_000;

const ARMOUR_BEGIN = '-----BEGIN X509 CRL-----';
const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----\r?\n([A-Za-z0-9+/=\s]+)-----END \1-----/g;

/**
 * Reads a file of revocation lists, PEM (several, of several issuers) or DER (one).
 *
 * @throws UsageError naming the file and the remedy: missing, too large, cut short, not a list, or a list that is less
 * than a full one.
 */
export async function readCrlFile(file: string): Promise<readonly ParsedCrl[]> {
  return await parseCrls(readWholeFile(file, CRL_FILE).bytes, file);
}

/**
 * Reads the bytes of such a file.
 *
 * @throws UsageError naming the file and the remedy.
 */
export async function parseCrls(bytes: Uint8Array, file: string): Promise<readonly ParsedCrl[]> {
  const lists: ParsedCrl[] = [];
  for (const { readRevoked, ...head } of openCrls(bytes, file)) {
    lists.push({ ...head, revoked: await readRevoked() });
  }
  return lists;
}

/**
 * Reads such a file but for whom its lists revoke; see {@link verifyUnreadCrl}.
 *
 * @throws UsageError naming the file and the remedy.
 */
export function openCrlFile(file: string): readonly UnreadCrl[] {
  return openCrls(readWholeFile(file, CRL_FILE).bytes, file);
}

function openCrls(bytes: Uint8Array, file: string): readonly UnreadCrl[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  // 0x30 begins a SEQUENCE, and is the digit 0 in a text: no PEM file begins with either.
  const ders = bytes[0] === 0x30 && !text.includes(ARMOUR_BEGIN) ? [bytes] : pemLists(text, file);
  const toUsageError = (error: unknown): never => {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${file}: ${why}`, { cause: error });
  };
  return ders.map((der) => {
    try {
      const list = openCrl(der);
      return { ...list, readRevoked: () => list.readRevoked().catch(toUsageError) };
    } catch (error) {
      return toUsageError(error);
    }
  });
}

/**
 * Verifies that an authority has signed a list, and that it is not of the future.
 *
 * @returns undefined when none of the authorities has the name of its issuer.
 * @throws UsageError naming the file and the remedy.
 */
export async function verifyCrl(
  list: ParsedCrl,
  file: string,
  authorities: readonly X509Certificate[],
  nowMs: number,
): Promise<RevocationList | undefined> {
  const signer = signerOf(list, file, authorities, nowMs);
  const { signed: _, ...rest } = list;
  return signer && Object.freeze({ ...rest, ...signer, file });
}

/**
 * The same, of a list whose entries are read only once its signature is known to be good: a list that anybody may have
 * written costs a digest and no more.
 */
export async function verifyUnreadCrl(
  list: UnreadCrl,
  file: string,
  authorities: readonly X509Certificate[],
  nowMs: number,
): Promise<RevocationList | undefined> {
  const signer = signerOf(list, file, authorities, nowMs);
  const { signed: _, readRevoked, ...rest } = list;
  return signer && Object.freeze({ ...rest, revoked: await readRevoked(), ...signer, file });
}

function signerOf(
  { issuerDer, thisUpdateMs, signed }: Pick<ParsedCrl, 'issuerDer' | 'thisUpdateMs' | 'signed'>,
  file: string,
  authorities: readonly X509Certificate[],
  nowMs: number,
): Pick<RevocationList, 'issuer' | 'issuerKeyId'> | undefined {
  const named = authorities.filter((authority) => certificateFacts(authority).subjectDer === issuerDer);
  const [first] = named;
  if (first === undefined) return undefined;
  const issuer = plainName(first.subject);
  if (thisUpdateMs > nowMs + MAX_CLOCK_SKEW_MS) {
    const from = new Date(thisUpdateMs).toISOString();
    throw new UsageError(
      `${file}: the list of ${issuer} is of the future (thisUpdate ${from}); check this machine's clock`,
    );
  }
  for (const authority of named) {
    const { signsLists, publicKey, keyId } = certificateFacts(authority);
    if (
      signsLists &&
      publicKey !== undefined &&
      verifySignature(signed.algorithmDer, signed.data, signed.signature, publicKey)
    ) {
      return { issuer, issuerKeyId: keyId };
    }
  }
  throw new UsageError(
    `${file}: the list of ${issuer} is not signed by any CA certificate of that name which may sign lists; fetch it anew`,
  );
}

/** The DER of every PEM block. Text between blocks is a comment; text behind the last one may be half a block. */
function pemLists(text: string, file: string): Uint8Array[] {
  const ders: Uint8Array[] = [];
  let end = 0;
  for (const match of text.matchAll(BLOCK)) {
    const [whole, label, body = ''] = match;
    if (label !== 'X509 CRL') throw new UsageError(`${file} has a ${label} in it; it takes revocation lists alone`);
    ders.push(Buffer.from(body, 'base64'));
    end = match.index + whole.length;
  }
  if (ders.length > MAX_LISTS_PER_FILE) throw new UsageError(`${file} has more than ${MAX_LISTS_PER_FILE} lists`);
  const armours = text.split(ARMOUR_BEGIN).length - 1;
  if (ders.length === 0 && armours === 0) {
    throw new UsageError(`${file} has no revocation list in it; put PEM (${ARMOUR_BEGIN}) or DER there`);
  }
  if (armours !== ders.length || text.slice(end).trim() !== '') {
    throw new UsageError(`${file} is cut short or damaged; put the whole revocation list there`);
  }
  return ders;
}
