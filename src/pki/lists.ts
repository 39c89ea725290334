import type { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, exists, replaceFile } from '../durable-files.ts';
import { UsageError } from '../errors.ts';
import { certificateFacts, plainName } from './certificate-facts.ts';
import type { ParsedCrl } from './crl.ts';
import { parseCrls, verifyCrl } from './crl-file.ts';
import { type Authority, DAY_MS, inCaFolder, openAuthorities, readBundle } from './folder.ts';
import { appendEntry, certificateKey, readLedger } from './journal.ts';
import { buildCrl, REVOCATION_REASONS, type RevocationReason } from './revocation.ts';
import { CERTIFICATE_MODE } from './tls-files.ts';

/** Days until the next list is due, unless told; and for a root above an issuing CA, whose key is put away. */
export const LIST_DAYS = 30;
export const ROOT_LIST_DAYS = 365;

/** How far back a list begins, so that a machine whose clock is behind believes it. */
const BACKDATE_MS = 3_600_000;

const CRL_BLOCK = /-----BEGIN X509 CRL-----[\s\S]*?-----END X509 CRL-----/g;

/** A list that was written. */
export interface WrittenList {
  readonly issuer: string;
  readonly number: bigint;
  readonly revoked: number;
  readonly nextUpdate: Date;
}

/** What became of crl.pem. */
export interface WrittenLists {
  readonly file: string;
  readonly written: readonly WrittenList[];
  /** Names of CAs of the folder of which crl.pem has no list, since their keys are not here. */
  readonly lacking: readonly string[];
  /** Names of CAs of the folder in whose name crl.pem had a list that they have not signed; it is left out. */
  readonly dropped: readonly string[];
}

/**
 * Writes crl.pem anew: a list of every CA whose key is here; lists of others in it are kept, but for
 * those in the name of a CA of the folder that has not signed them.
 *
 * @param days until the next one is due; 30 unless told, and 365 for a root above an issuing CA.
 */
export async function writeLists(dir: string, days?: number): Promise<WrittenLists> {
  return await inCaFolder(dir, async () => {
    const authorities = await openAuthorities(dir);
    if (authorities.length === 0) throw new UsageError(`no key of a CA is in ${dir}; put ca.key there to sign a list`);
    await adoptRevocations(dir, authorities);
    return await replaceLists(dir, authorities, days);
  });
}

interface PresentList {
  readonly pem: string;
  readonly list: ParsedCrl;
  /** Identifier of the key that has verifiably signed it; undefined where that is none of this folder's. */
  readonly keyId: string | undefined;
}

async function signerOf(
  list: ParsedCrl,
  file: string,
  bundle: readonly X509Certificate[],
): Promise<string | undefined> {
  try {
    return (await verifyCrl(list, file, bundle, Number.POSITIVE_INFINITY))?.issuerKeyId;
  } catch (error) {
    // Of a CA's name and not by its key: such a list is somebody else's.
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}

async function presentLists(dir: string, bundle: readonly X509Certificate[]): Promise<readonly PresentList[]> {
  const file = join(dir, 'crl.pem');
  const text = await readFile(file, 'latin1').catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  });
  const found: PresentList[] = [];
  for (const pem of text.match(CRL_BLOCK) ?? []) {
    const [list] = await parseCrls(Buffer.from(`${pem}\n`), file);
    if (list === undefined) continue;
    found.push({ pem: `${pem.replaceAll('\r', '')}\n`, list, keyId: await signerOf(list, file, bundle) });
  }
  if (found.length === 0 && text.trim() !== '') {
    throw new UsageError(
      `${file} has no revocation list in PEM; move it away, and what it lists shall be revoked anew`,
    );
  }
  return found;
}

/**
 * What another tool has revoked with the same CA's key goes into the index: no revocation is ever lost.
 * Call it in the folder.
 */
export async function adoptRevocations(dir: string, authorities: readonly Authority[]): Promise<void> {
  const ledger = await readLedger(dir);
  const names = new Map(
    Object.entries(REVOCATION_REASONS).map(([name, code]) => [code as number, name as RevocationReason]),
  );
  const bundle = authorities.map(({ certificate }) => certificate);
  for (const { list, keyId } of await presentLists(dir, bundle)) {
    if (keyId === undefined) continue;
    for (const [serial, { reason, atMs }] of list.revoked) {
      const key = certificateKey(keyId, serial);
      if (ledger.revoked.has(key) || ledger.restored.has(key)) continue;
      const at = new Date(atMs).toISOString();
      const name = names.get(reason) ?? 'unspecified';
      await appendEntry(dir, { event: 'revoked', at, serial, authority: keyId, reason: name });
    }
  }
}

/**
 * An hour ago, but not before the list that is replaced, which readers that go by dates would take for the later one. Nor
 * is it of the future, which readers refuse: a clock may have been ahead when that list was made.
 */
function thisUpdateAfter(replaced: readonly ParsedCrl[]): Date {
  const nowMs = Date.now();
  const beforeMs = Math.max(nowMs - BACKDATE_MS, ...replaced.map(({ thisUpdateMs }) => thisUpdateMs));
  return new Date(Math.min(beforeMs, nowMs));
}

/** Writes crl.pem from the index (see writeLists). Call it in the folder. */
export async function replaceLists(
  dir: string,
  authorities: readonly Authority[],
  days?: number,
): Promise<WrittenLists> {
  const [ledger, bundle] = [await readLedger(dir), await readBundle(dir)];
  const present = await presentLists(dir, bundle);
  const hasIssuing = await exists(join(dir, 'issuing.crt'));
  const written: WrittenList[] = [];
  const pems: string[] = [];
  for (const authority of authorities) {
    const { keyId } = certificateFacts(authority.certificate);
    const isRootAbove = hasIssuing && authority.keyFile === join(dir, 'ca.key');
    const nextUpdate = new Date(Date.now() + (isRootAbove ? ROOT_LIST_DAYS : (days ?? LIST_DAYS)) * DAY_MS);
    const replaced = present.filter((one) => one.keyId === keyId).map(({ list }) => list);
    const used = replaced.map((list) => list.number ?? 0n);
    const number = [ledger.listNumbers.get(keyId) ?? 0n, ...used].reduce((a, b) => (a > b ? a : b)) + 1n;
    const at = new Date().toISOString();
    await appendEntry(dir, {
      event: 'list',
      at,
      authority: keyId,
      number: String(number),
      nextUpdate: nextUpdate.toISOString(),
    });
    const revoked = [...ledger.revoked.values()].filter((entry) => entry.authority === keyId);
    const entries = revoked.map(({ serial, reason, at: since }) => ({ serial, reason, at: new Date(since) }));
    pems.push(await buildCrl(authority, entries, { number, thisUpdate: thisUpdateAfter(replaced), nextUpdate }));
    written.push({ issuer: plainName(authority.certificate.subject), number, revoked: entries.length, nextUpdate });
  }
  const ours = authorities.map(({ certificate }) => certificateFacts(certificate).keyId);
  // A list in a CA's name that it has not signed would have every program refuse the whole file.
  const nameOf = ({ list }: PresentList): string | undefined =>
    bundle.find((ca) => certificateFacts(ca).subjectDer === list.issuerDer)?.subject;
  const unsigned = present.filter((one) => one.keyId === undefined && nameOf(one) !== undefined);
  const kept = present.filter((one) => !unsigned.includes(one) && !ours.includes(one.keyId ?? ''));
  const file = join(dir, 'crl.pem');
  await replaceFile(file, [...pems, ...kept.map(({ pem }) => pem)].join(''), CERTIFICATE_MODE);
  const listed = [...ours, ...kept.map(({ keyId }) => keyId)];
  const lacking = bundle.filter((ca) => !listed.includes(certificateFacts(ca).keyId));
  const dropped = unsigned.map((one) => plainName(nameOf(one) ?? ''));
  return { file, written, lacking: lacking.map(({ subject }) => plainName(subject)), dropped };
}
