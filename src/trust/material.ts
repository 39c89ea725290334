import type { X509Certificate } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../errors.ts';
import { certificateFacts } from '../pki/certificate-facts.ts';
import { type RevocationList, readCrlFile, verifyCrl } from '../pki/crl-file.ts';
import { loadTlsMaterial, parseCertificates, type TlsMaterial } from '../pki/store.ts';
import { isEarlier, type RevocationLists, revocationLists } from './revocation-lists.ts';
import type { Trust } from './trust.ts';

/** Everything a program's TLS works with, read together and replaced together. */
export interface Material<Name extends string> {
  /** Certificate, key and CA bundle by the name of the pair, such as `server`. */
  readonly tls: Readonly<Record<Name, TlsMaterial>>;
  readonly trust: Trust;
}

/** Where revocation lists come from, and what one means that is out of date. */
export interface RevocationOptions {
  /** Files that must be there; none means crl.pem of the folder, if it is there. */
  readonly crlFiles: readonly string[];
  readonly staleLists: Trust['staleLists'];
}

/** Every file that {@link loadMaterial} reads, to be watched. */
export function materialFiles(
  dir: string,
  names: readonly string[],
  { crlFiles }: Pick<RevocationOptions, 'crlFiles'>,
): readonly string[] {
  const pairs = names.flatMap((name) => [join(dir, `${name}.crt`), join(dir, `${name}.key`)]);
  return [join(dir, 'ca.crt'), ...pairs, ...(crlFiles.length === 0 ? [join(dir, 'crl.pem')] : crlFiles)];
}

/**
 * Reads the pairs NAME.crt and NAME.key, ca.crt and the revocation lists of one folder, and promises that they can be used
 * together now: see loadTlsMaterial for the pairs; every list is a full one, signed by an authority of ca.crt.
 *
 * What is as it was before is handed over from `before`, object for object: two equal parts need not be compared, and when
 * nothing at all is new `before` itself is returned.
 *
 * @param before what is in use. A list that was in use may be replaced by a later one only: its file gone, an earlier list,
 * or none of that issuer is a broken set, so that nobody is let in again by deleting a file. A list goes with its authority
 * when that is taken out of ca.crt.
 * @throws UsageError naming the file and the remedy.
 */
export async function loadMaterial<Name extends string>(
  dir: string,
  names: readonly Name[],
  options: RevocationOptions,
  before?: Material<Name>,
): Promise<Material<Name>> {
  const loaded = new Map<Name, TlsMaterial>();
  for (const name of names) loaded.set(name, keepEqual(await loadTlsMaterial(dir, name), before?.tls[name]));
  const tls = Object.freeze(Object.fromEntries(loaded) as Record<Name, TlsMaterial>);
  const authorities = authoritiesOf(tls[names[0] as Name], before);
  const revocations = await loadLists(dir, options, authorities, before?.trust.revocations);

  const { staleLists } = options;
  const sameTrust =
    before?.trust.authorities === authorities &&
    before.trust.revocations === revocations &&
    before.trust.staleLists === staleLists;
  const trust = sameTrust ? before.trust : Object.freeze({ authorities, revocations, staleLists });
  if (sameTrust && names.every((name) => before.tls[name] === tls[name])) return before;
  return Object.freeze({ tls, trust });
}

function keepEqual(now: TlsMaterial, before: TlsMaterial | undefined): TlsMaterial {
  const same = before?.certPem === now.certPem && before.keyPem === now.keyPem && before.caPem === now.caPem;
  return same ? before : Object.freeze(now);
}

function authoritiesOf(tls: TlsMaterial, before: Material<string> | undefined): readonly X509Certificate[] {
  const authorities = parseCertificates(tls.caPem, tls.caFile);
  const known = before?.trust.authorities ?? [];
  const same =
    known.length === authorities.length &&
    known.every((one, i) => authorities[i]?.fingerprint256 === one.fingerprint256);
  return same ? known : Object.freeze(authorities);
}

async function loadLists(
  dir: string,
  { crlFiles }: RevocationOptions,
  authorities: readonly X509Certificate[],
  before: RevocationLists | undefined,
): Promise<RevocationLists> {
  const optional = join(dir, 'crl.pem');
  const files = crlFiles.length === 0 ? (statSync(optional, { throwIfNoEntry: false }) ? [optional] : []) : crlFiles;
  const lists: RevocationList[] = [];
  for (const file of files) lists.push(...(await loadListsOf(file, authorities, before)));
  const now = revocationLists(lists);
  for (const list of before?.lists ?? []) refuseLoss(list, now, authorities);
  return before !== undefined && isSame(before, now) ? before : now;
}

async function loadListsOf(
  file: string,
  authorities: readonly X509Certificate[],
  before: RevocationLists | undefined,
): Promise<RevocationList[]> {
  const lists: RevocationList[] = [];
  for (const parsed of await readCrlFile(file)) {
    const used = before?.by(parsed.issuerDer) ?? [];
    const known = used.find(({ sha256 }) => sha256 === parsed.sha256);
    const list = known ?? (await verifyCrl(parsed, file, authorities, Date.now()));
    // The list of an authority that has just been taken out says nothing about anybody who is still let in. Waiting for
    // its removal would keep that authority in use.
    if (list !== undefined && isTrusted(list, authorities)) lists.push(list);
    else if (used.length === 0) {
      throw new UsageError(
        `${file} has a list of an issuer that is not in ca.crt; add its CA certificate there, or take the list out`,
      );
    }
  }
  return lists;
}

/** Refuses a set in which a list is missing, or older than the one in use, though its authority is still trusted. */
function refuseLoss(used: RevocationList, now: RevocationLists, authorities: readonly X509Certificate[]): void {
  const { issuerDer, issuerKeyId, issuer, file } = used;
  const next = now.by(issuerDer).find((list) => list.issuerKeyId === issuerKeyId);
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

function isTrusted({ issuerDer, issuerKeyId }: RevocationList, authorities: readonly X509Certificate[]): boolean {
  return authorities.some((authority) => {
    const { subjectDer, keyId } = certificateFacts(authority);
    return subjectDer === issuerDer && keyId === issuerKeyId;
  });
}

function numberOf({ number, thisUpdateMs }: RevocationList): string {
  return `${number ?? 'none'}, of ${new Date(thisUpdateMs).toISOString()}`;
}

/** Whether both have the same lists, byte for byte. */
function isSame(before: RevocationLists, now: RevocationLists): boolean {
  const isKnown = ({ issuerDer, sha256 }: RevocationList): boolean =>
    before.by(issuerDer).some((other) => other.sha256 === sha256);
  return before.size === now.size && now.lists.every(isKnown);
}
