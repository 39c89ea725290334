import type { X509Certificate } from 'node:crypto';
import type { RevocationList } from '../pki/crl-file.ts';

/** The revocation lists in use, by issuer. */
export interface RevocationLists {
  /** How many lists there are. */
  readonly size: number;
  readonly lists: readonly RevocationList[];
  /**
   * Authorities that have been taken out, and whose lists lie in the files still: once in use, these are no mistake of the
   * operator's, and say nothing about anybody who is let in.
   */
  readonly orphaned: readonly X509Certificate[];
  /** The lists of an issuer by the DER of its name, hexadecimal: one for each of its keys, as in a roll-over. */
  by(issuerDer: string): readonly RevocationList[];
  /** The lists of an issuer by the text of its name, as identities have it. */
  named(issuer: string): readonly RevocationList[];
}

const NONE: readonly RevocationList[] = [];

/** Lists put in order. Of several lists of one issuer and key the latest is kept. */
export function revocationLists(
  given: readonly RevocationList[],
  orphaned: readonly X509Certificate[] = [],
): RevocationLists {
  const latest = new Map<string, RevocationList>();
  for (const list of given) {
    const key = `${list.issuerDer} ${list.issuerKeyId}`;
    const other = latest.get(key);
    if (other === undefined || isEarlier(other, list)) latest.set(key, list);
  }
  const lists = Object.freeze([...latest.values()]);
  const byDer = Map.groupBy(lists, ({ issuerDer }) => issuerDer);
  const byText = Map.groupBy(lists, ({ issuer }) => issuer);
  return Object.freeze({
    size: lists.length,
    lists,
    orphaned,
    by: (issuerDer: string) => byDer.get(issuerDer) ?? NONE,
    named: (issuer: string) => byText.get(issuer) ?? NONE,
  });
}

/** No lists at all: nobody is revoked. */
export const NO_REVOCATION_LISTS: RevocationLists = revocationLists([]);

/**
 * Whether a list is an earlier edition than another of the same issuer and key. Where both have numbers these alone decide
 * (RFC 5280 section 5.2.3): an issuer whose clock was ahead and was put right dates its next list, which may revoke
 * somebody, before the last one.
 */
export function isEarlier(list: RevocationList, other: RevocationList): boolean {
  const numbered = list.number !== undefined && other.number !== undefined;
  if (numbered && list.number !== other.number) return list.number < other.number;
  return list.thisUpdateMs < other.thisUpdateMs;
}
