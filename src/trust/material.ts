import type { X509Certificate } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import {
  type CaBundle,
  checkAuthorities,
  loadTlsPair,
  parseCertificates,
  readPem,
  type TlsMaterial,
  type TlsPair,
} from '../pki/tls-files.ts';
import { type Attempt, laterLists, loadLists } from './list-files.ts';
import type { RevocationLists } from './revocation-lists.ts';
import type { Trust } from './trust.ts';

/**
 * Everything a program's TLS works with, read together: certificates, keys, CA bundle and revocation lists are replaced all
 * together or not at all. Only what takes trust away waits for nothing, see {@link loadMaterial}.
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

/** What a broken set says where it is not to be kept as it was. */
const refuse = (fault: unknown): never => {
  throw fault;
};

/**
 * Reads the pairs NAME.crt and NAME.key, ca.crt and the revocation lists of one folder, and promises that they can be used
 * together now: see loadTlsPair and checkAuthorities; every list is a full one, signed by an authority of ca.crt.
 *
 * What is as it was before is handed over from `before`, object for object: two equal parts need not be compared, and when
 * nothing at all is new `before` itself is returned. A pair that is as it was needs no new proof: that it has run out since
 * must not hold up what is replaced beside it.
 *
 * @param before what is in use. A list that was in use may be replaced by a later one only: its file gone, an earlier list,
 * or none of that issuer is a broken set, so that nobody is let in again by deleting a file. A list goes with its authority
 * when that is taken out of ca.crt.
 * @param onFault is told everything that is wrong with a set that cannot be used. `before` then stays, but for what takes
 * trust away: later lists of files that can be parsed, each by itself, and the loss of authorities that are in ca.crt no
 * more. A key that is broken must not keep a revocation from being taken. Without `before` the first fault is thrown, and
 * unless told otherwise with it, too.
 * @throws UsageError naming the file and the remedy.
 */
export async function loadMaterial<Name extends string>(
  dir: string,
  names: readonly Name[],
  options: RevocationOptions,
  before?: Material<Name>,
  onFault: (fault: unknown) => void = refuse,
): Promise<Material<Name>> {
  const faults: unknown[] = [];
  const attempt: Attempt = async (work) => {
    try {
      return await work();
    } catch (fault) {
      faults.push(fault);
      return undefined;
    }
  };
  // The CA first: without it nobody could be told from anybody, whatever else is right.
  const ca = await attempt(() => loadAuthorities(dir, before?.trust.authorities));
  if (ca !== undefined) await attempt(() => checkAuthorities(ca.authorities, ca.bundle.caFile));
  const authorities = ca?.authorities ?? before?.trust.authorities ?? [];
  const lists = await loadLists(listFiles(dir, options), authorities, before?.trust, attempt);
  const pairs = new Map<Name, TlsPair>();
  for (const name of names) {
    const pair = await attempt(() => loadTlsPair(dir, name, before?.tls[name]));
    if (pair !== undefined) pairs.set(name, pair);
  }
  if (ca !== undefined && faults.length === 0) {
    const material = [...pairs].map(([name, pair]) => [name, keepEqual({ ...pair, ...ca.bundle }, before?.tls[name])]);
    const tls = Object.freeze(Object.fromEntries(material) as Record<Name, TlsMaterial>);
    return keepSame({ tls, trust: trustOf(authorities, lists, options, before?.trust) }, before);
  }
  if (before === undefined) throw faults[0];
  for (const fault of faults) onFault(fault);
  const left = stillIn(before.trust.authorities, authorities);
  const later = laterLists(before.trust.revocations, lists, authorities, left);
  return keepSame({ tls: before.tls, trust: trustOf(left, later, options, before.trust) }, before);
}

async function loadAuthorities(
  dir: string,
  known: readonly X509Certificate[] = [],
): Promise<{ readonly bundle: CaBundle; readonly authorities: readonly X509Certificate[] }> {
  const caFile = join(dir, 'ca.crt');
  const bundle = { caPem: await readPem(caFile, false), caFile };
  const authorities = parseCertificates(bundle.caPem, caFile);
  const isSame = authorities.length === known.length && known.every((one, i) => isOne(one, authorities[i]));
  return { bundle, authorities: isSame ? known : Object.freeze(authorities) };
}

/** Those of the authorities in use that a bundle still has. */
function stillIn(used: readonly X509Certificate[], bundle: readonly X509Certificate[]): readonly X509Certificate[] {
  const left = used.filter((authority) => bundle.some((other) => isOne(authority, other)));
  return left.length === used.length ? used : Object.freeze(left);
}

function isOne(certificate: X509Certificate, other: X509Certificate | undefined): boolean {
  return certificate.fingerprint256 === other?.fingerprint256;
}

function listFiles(dir: string, { crlFiles }: RevocationOptions): readonly string[] {
  if (crlFiles.length > 0) return crlFiles;
  const optional = join(dir, 'crl.pem');
  // There is something of that name, be it a link that leads nowhere: what is wrong with it the reading says.
  return lstatSync(optional, { throwIfNoEntry: false }) ? [optional] : [];
}

function trustOf(
  authorities: readonly X509Certificate[],
  revocations: RevocationLists,
  { staleLists }: RevocationOptions,
  before: Trust | undefined,
): Trust {
  const isSame = before?.authorities === authorities && before.revocations === revocations;
  return isSame && before.staleLists === staleLists ? before : Object.freeze({ authorities, revocations, staleLists });
}

function keepEqual(now: TlsMaterial, before: TlsMaterial | undefined): TlsMaterial {
  const same = before?.certPem === now.certPem && before.keyPem === now.keyPem && before.caPem === now.caPem;
  return same ? before : Object.freeze(now);
}

function keepSame<Name extends string>(now: Material<Name>, before: Material<Name> | undefined): Material<Name> {
  if (before === undefined || before.trust !== now.trust) return Object.freeze(now);
  const isSame = Object.entries(now.tls).every(([name, pair]) => before.tls[name as Name] === pair);
  return isSame ? before : Object.freeze(now);
}
