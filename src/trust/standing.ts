import type { X509Certificate } from 'node:crypto';
import { certificateFacts, plainName, plainSerial } from '../pki/certificate-facts.ts';
import type { RevocationList } from '../pki/crl-file.ts';
import { type CertificatePath, pathsToRoot } from './paths.ts';
import type { PeerChain, Trust } from './trust.ts';

/** An identity that somebody else vouches for, by what its certificate said. */
export interface ForwardedCertificate {
  /** Issuer's name as identities have it: attributes joined by commas. */
  readonly issuer: string;
  /** Serial number, hexadecimal. */
  readonly serial: string;
}

/**
 * Whether a certificate that TLS once let in is still good: some way leads to an authority that is trusted now, and on it
 * everything is within its validity and on no revocation list of its issuer. An issuer without a list revokes nobody; a
 * list without nextUpdate never goes stale. Pure, and cheap for a chain that was asked about before.
 *
 * @param whose what the sentence is about: `the client certificate` unless told.
 * @returns what is wrong, safe to show to the peer; undefined when nothing is.
 */
export function standingFault(
  trust: Trust,
  chain: PeerChain,
  nowMs: number,
  whose = 'the client certificate',
): string | undefined {
  const paths = pathsToRoot(trust.authorities, chain);
  let first: string | undefined;
  for (const path of paths) {
    const fault = pathFault(trust, path, nowMs, whose);
    if (fault === undefined) return undefined;
    first ??= fault;
  }
  return first ?? `${whose} leads to no authority that is trusted here`;
}

/**
 * Whether a certificate that a delegate speaks for has been revoked, by its issuer's name and its serial number. Its path
 * and dates are not known here.
 *
 * @returns what is wrong, safe to show to the peer; undefined when nothing is.
 */
export function forwardedFault(
  trust: Trust,
  { issuer, serial }: ForwardedCertificate,
  nowMs: number = Date.now(),
  whose = 'the client certificate',
): string | undefined {
  const lists = trust.revocations.named(issuer);
  if (lists.length === 0) return undefined;
  return listFault(trust, lists, plainSerial(serial), nowMs, whose);
}

/**
 * The certificate of a chain that a revocation list names, its own first: with it revoked, no way to a root is left. Neither
 * dates nor how old the lists are matter, and a chain that leads to no authority of ours is looked at by its issuers' names.
 */
export function revokedOf(trust: Trust, chain: PeerChain): X509Certificate | undefined {
  const isRevoked = ({ issuer, serialNumber }: X509Certificate): boolean => {
    // Undefined where the name is empty, whatever the type says.
    const name: string | undefined = issuer;
    const lists = name === undefined ? [] : trust.revocations.named(plainName(name));
    return lists.some(({ revoked }) => revoked.has(plainSerial(serialNumber)));
  };
  const ways = pathsToRoot(trust.authorities, chain).map((path) => path.slice(0, -1));
  if (ways.length === 0) ways.push([chain.leaf, ...chain.intermediates]);
  const found = ways.map((way) => way.find(isRevoked));
  return found.includes(undefined) ? undefined : found[0];
}

/**
 * The next moment at which somebody's standing may change though no file does: a list goes stale, an authority begins or
 * ceases to be valid. Milliseconds since 1970; undefined when there is none. The leaves' own dates are not among them.
 */
export function nextChangeMs(trust: Trust, nowMs: number): number | undefined {
  const moments = [
    ...trust.revocations.lists.map(({ nextUpdateMs = 0 }) => nextUpdateMs),
    ...trust.authorities.flatMap((authority) => {
      const { notBeforeMs, notAfterMs } = certificateFacts(authority);
      return [notBeforeMs, notAfterMs];
    }),
  ].filter((ms) => ms >= nowMs);
  return moments.length === 0 ? undefined : Math.min(...moments);
}

function pathFault(trust: Trust, path: CertificatePath, nowMs: number, whose: string): string | undefined {
  for (const [i, certificate] of path.entries()) {
    const subject = i === 0 ? whose : `an authority of ${whose}`;
    const { notBeforeMs, notAfterMs, serial } = certificateFacts(certificate);
    // Written so that a date which could not be read (NaN) refuses.
    if (!(nowMs >= notBeforeMs)) return `${subject} is not valid yet`;
    if (!(nowMs <= notAfterMs)) return `${subject} has expired`;
    const issuer = path[i + 1];
    if (issuer === undefined) continue;
    const { subjectDer, keyId } = certificateFacts(issuer);
    const lists = trust.revocations.by(subjectDer);
    if (lists.length === 0) continue;
    const fault = listFault(trust, lists, serial, nowMs, subject, keyId);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/**
 * What the lists of one issuer say. A certificate is revoked by any of them, since serial numbers are one issuer's whatever
 * its key. Whether they are up to date is asked of the list by the key that signed the certificate, where there is one.
 */
function listFault(
  trust: Trust,
  lists: readonly RevocationList[],
  serial: string,
  nowMs: number,
  whose: string,
  keyId?: string,
): string | undefined {
  if (lists.some(({ revoked }) => revoked.has(serial))) return `${whose} has been revoked`;
  if (trust.staleLists === 'warn') return undefined;
  const own = lists.filter(({ issuerKeyId }) => issuerKeyId === keyId);
  const isFresh = (own.length > 0 ? own : lists).some((list) => !isStale(list, nowMs));
  return isFresh ? undefined : `the revocation list for ${whose} is out of date`;
}

/** Whether a list is past the moment for which its issuer promised the next one. */
export function isStale({ nextUpdateMs }: RevocationList, nowMs: number): boolean {
  return nextUpdateMs !== undefined && nowMs > nextUpdateMs;
}
