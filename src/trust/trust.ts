import type { X509Certificate } from 'node:crypto';
import type { RevocationLists } from './revocation-lists.ts';

/** By what peers are believed: the authorities, what they have revoked, and what to do when they fall silent. */
export interface Trust {
  /** The CA bundle: roots and, where given, intermediates. */
  readonly authorities: readonly X509Certificate[];
  readonly revocations: RevocationLists;
  /** What a revocation list past its nextUpdate means for the certificates of its issuer. */
  readonly staleLists: 'refuse' | 'warn';
}

/** A peer's certificate and what it sent along to lead to an authority. */
export interface PeerChain {
  readonly leaf: X509Certificate;
  readonly intermediates: readonly X509Certificate[];
}
