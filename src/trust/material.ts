import type { X509Certificate } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../errors.ts';
import { certificateFacts } from '../pki/certificate-facts.ts';
import { openCrlFile, type RevocationList, verifyUnreadCrl } from '../pki/crl-file.ts';
import { type CaBundle, loadCaBundle, loadTlsPair, parseCertificates, type TlsMaterial } from '../pki/store.ts';
import { isEarlier, type RevocationLists, revocationLists } from './revocation-lists.ts';
import type { Trust } from './trust.ts';

/**
 * Everything a program's TLS works with, read together. Each certificate is replaced with its key, and the CA bundle with
 * the revocation lists: a part that cannot be used holds up no other.
 */
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

/** What a broken part says where it is not to be kept as it was. */
const refuse = (fault: unknown): never => {
  throw fault;
};

/**
 * Reads the pairs NAME.crt and NAME.key, ca.crt and the revocation lists of one folder, and promises that they can be used
 * together now: see loadTlsPair and loadCaBundle; every list is a full one, signed by an authority of ca.crt.
 *
 * What is as it was before is handed over from `before`, object for object: two equal parts need not be compared, and when
 * nothing at all is new `before` itself is returned.
 *
 * @param before what is in use. A list that was in use may be replaced by a later one only: its file gone, an earlier list,
 * or none of that issuer is a broken set, so that nobody is let in again by deleting a file. A list goes with its authority
 * when that is taken out of ca.crt.
 * @param onPartFault is told why a part cannot be used, which then stays as it is in `before`: a pair by itself, the bundle
 * with the lists. An own certificate that has run out must not keep a revocation from being taken. Without `before` every
 * fault is thrown, and unless told otherwise with it, too.
 * @throws UsageError naming the file and the remedy.
 */
export async function loadMaterial<Name extends string>(
  dir: string,
  names: readonly Name[],
  options: RevocationOptions,
  before?: Material<Name>,
  onPartFault: (fault: unknown) => void = refuse,
): Promise<Material<Name>> {
  const onFault = before === undefined ? refuse : onPartFault;
  const { bundle, trust } = await loadTrust(dir, options, before && trustOf(before, names), onFault);
  const loaded = new Map<Name, TlsMaterial>();
  for (const name of names) loaded.set(name, await loadPair(dir, name, bundle, before?.tls[name], onFault));
  const tls = Object.freeze(Object.fromEntries(loaded) as Record<Name, TlsMaterial>);
  if (before?.trust === trust && names.every((name) => before.tls[name] === tls[name])) return before;
  return Object.freeze({ tls, trust });
}

interface LoadedTrust {
  readonly bundle: CaBundle;
  readonly trust: Trust;
}

/** The bundle and the lists in use. Every pair has the same bundle. */
function trustOf<Name extends string>({ tls, trust }: Material<Name>, names: readonly Name[]): LoadedTrust {
  const { caPem, caFile } = tls[names[0] as Name];
  return { bundle: { caPem, caFile }, trust };
}

async function loadTrust(
  dir: string,
  options: RevocationOptions,
  before: LoadedTrust | undefined,
  onFault: (fault: unknown) => void,
): Promise<LoadedTrust> {
  try {
    const bundle = await loadCaBundle(dir);
    const authorities = authoritiesOf(bundle, before?.trust.authorities);
    const revocations = await loadLists(dir, options, authorities, before?.trust.revocations);
    const { staleLists } = options;
    const isSameTrust =
      before?.trust.authorities === authorities &&
      before.trust.revocations === revocations &&
      before.trust.staleLists === staleLists;
    return { bundle, trust: isSameTrust ? before.trust : Object.freeze({ authorities, revocations, staleLists }) };
  } catch (fault) {
    onFault(fault);
    if (before === undefined) throw fault;
    return before;
  }
}

async function loadPair(
  dir: string,
  name: string,
  bundle: CaBundle,
  before: TlsMaterial | undefined,
  onFault: (fault: unknown) => void,
): Promise<TlsMaterial> {
  try {
    return keepEqual({ ...(await loadTlsPair(dir, name)), ...bundle }, before);
  } catch (fault) {
    onFault(fault);
    if (before === undefined) throw fault;
    return keepEqual({ ...before, ...bundle }, before);
  }
}

function keepEqual(now: TlsMaterial, before: TlsMaterial | undefined): TlsMaterial {
  const same = before?.certPem === now.certPem && before.keyPem === now.keyPem && before.caPem === now.caPem;
  return same ? before : Object.freeze(now);
}

function authoritiesOf(
  { caPem, caFile }: CaBundle,
  known: readonly X509Certificate[] = [],
): readonly X509Certificate[] {
  const authorities = parseCertificates(caPem, caFile);
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
  for (const unread of openCrlFile(file)) {
    const used = before?.by(unread.issuerDer) ?? [];
    const known = used.find(({ sha256 }) => sha256 === unread.sha256);
    const list = known ?? (await verifyUnreadCrl(unread, file, authorities, Date.now()));
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
