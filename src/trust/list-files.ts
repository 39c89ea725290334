import type { X509Certificate } from 'node:crypto';
import { UsageError } from '../errors.ts';
import { certificateFacts } from '../pki/certificate-facts.ts';
import type { UnreadCrl } from '../pki/crl.ts';
import { openCrlFile, type RevocationList, verifyUnreadCrl } from '../pki/crl-file.ts';
import { isEarlier, type RevocationLists, revocationLists } from './revocation-lists.ts';
import type { Trust } from './trust.ts';

/** Does work that may fail; undefined when it did, which somebody has been told then. */
export type Attempt = <T>(work: () => T | Promise<T>) => Promise<T | undefined>;

/**
 * Reads the revocation lists of files: each a full one, signed by one of the authorities. What is wrong with one is told
 * through `attempt`, and the others are read all the same.
 *
 * @param before what was trusted; its lists are handed back when there are no others. That one of them is missing from the
 * files, or is an earlier one there, is wrong as well, unless its authority is gone, too. A list of an authority that is gone
 * is none of these: waiting for it to be removed would keep that authority in use.
 */
export async function loadLists(
  files: readonly string[],
  authorities: readonly X509Certificate[],
  before: Pick<Trust, 'authorities' | 'revocations'> | undefined,
  attempt: Attempt,
): Promise<RevocationLists> {
  const gone = [...(before?.authorities ?? []), ...(before?.revocations.orphaned ?? [])].filter(
    (authority) => !has(authorities, authority),
  );
  const lists: RevocationList[] = [];
  const orphans: RevocationList[] = [];
  let isWhole = true;
  for (const file of files) {
    const unread = await attempt(() => openCrlFile(file));
    isWhole &&= unread !== undefined;
    for (const list of unread ?? []) {
      const found = await attempt(() => verified(list, file, [...authorities, ...gone], before?.revocations));
      isWhole &&= found !== undefined;
      if (found !== undefined) (isTrusted(found, authorities) ? lists : orphans).push(found);
    }
  }
  // Of lists that cannot be read it is not known whose they are.
  const orphaned = isWhole ? gone.filter((authority) => orphans.some((list) => isTrusted(list, [authority]))) : gone;
  const now = revocationLists(lists, orphaned);
  // What could not be read is not lost: that has been told.
  for (const list of isWhole ? (before?.revocations.lists ?? []) : []) {
    await attempt(() => refuseLoss(list, now, authorities));
  }
  return keepSame(before?.revocations, now);
}

/**
 * The lists in use, each of them replaced where there is a later one of its issuer and key.
 *
 * @param authorities whose lists remain: those of ca.crt.
 * @param left those of them that are in use: a list of another one that is new comes with it.
 */
export function laterLists(
  before: RevocationLists,
  now: RevocationLists,
  authorities: readonly X509Certificate[],
  left: readonly X509Certificate[],
): RevocationLists {
  const used = before.lists.filter((list) => isTrusted(list, authorities));
  const later = now.lists.filter((list) => isTrusted(list, left) || used.some((other) => isOneIssuer(list, other)));
  return keepSame(before, revocationLists([...used, ...later], now.orphaned));
}

async function verified(
  unread: UnreadCrl,
  file: string,
  authorities: readonly X509Certificate[],
  before: RevocationLists | undefined,
): Promise<RevocationList> {
  const known = before?.by(unread.issuerDer).find(({ sha256 }) => sha256 === unread.sha256);
  const list = known ?? (await verifyUnreadCrl(unread, file, authorities, Date.now()));
  if (list !== undefined) return list;
  throw new UsageError(
    `${file} has a list of an issuer that is not in ca.crt; add its CA certificate there, or take the list out`,
  );
}

/** Refuses a set in which a list is missing, or older than the one in use, though its authority is still trusted. */
function refuseLoss(used: RevocationList, now: RevocationLists, authorities: readonly X509Certificate[]): void {
  const { issuerDer, issuer, file } = used;
  const next = now.by(issuerDer).find((list) => isOneIssuer(list, used));
  if (next === undefined) {
    if (!isTrusted(used, authorities)) return;
    throw new UsageError(
      `${file} has lost the list of ${issuer}, and whom it revoked would be let in again; put it back, or take that CA out of ca.crt as well`,
    );
  }
  if (isEarlier(next, used)) {
    throw new UsageError(
      `${next.file} has an earlier list of ${issuer} (number ${numberOf(next)}) than the one in use (number ${numberOf(used)}); put the latest there`,
    );
  }
}

function isOneIssuer(list: RevocationList, other: RevocationList): boolean {
  return list.issuerDer === other.issuerDer && list.issuerKeyId === other.issuerKeyId;
}

function isTrusted({ issuerDer, issuerKeyId }: RevocationList, authorities: readonly X509Certificate[]): boolean {
  return authorities.some((authority) => {
    const { subjectDer, keyId } = certificateFacts(authority);
    return subjectDer === issuerDer && keyId === issuerKeyId;
  });
}

function numberOf({ number, thisUpdateMs }: RevocationList): string {
  return `${number ?? 'none'}, of ${new Date(thisUpdateMs).toISOString()}`;
}

/** What was before where both have the same lists, byte for byte. */
function keepSame(before: RevocationLists | undefined, now: RevocationLists): RevocationLists {
  if (before === undefined) return now;
  const isKnown = ({ issuerDer, sha256 }: RevocationList): boolean =>
    before.by(issuerDer).some((other) => other.sha256 === sha256);
  const isSame = before.size === now.size && now.lists.every(isKnown);
  const areSame =
    before.orphaned.length === now.orphaned.length && now.orphaned.every((one) => has(before.orphaned, one));
  return isSame && areSame ? before : now;
}

function has(authorities: readonly X509Certificate[], one: X509Certificate): boolean {
  return authorities.some(({ fingerprint256 }) => fingerprint256 === one.fingerprint256);
}
