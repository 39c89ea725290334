import { ConnectionCount } from '../../connection-count.ts';
import { isDelegate } from '../../gateway/guard/decide.ts';
import { holderOf } from '../../gateway/guard/holder.ts';
import { identityFromCertificate } from '../../gateway/guard/identity.ts';
import type { Policy } from '../../gateway/guard/policy.ts';
import type { Reloadable } from '../../trust/reloadable.ts';
import type { Connection } from './connections.ts';

/** Connections at a time of one holder: as many as the gateway lets one have unless told; one of them carries all calls. */
const MAX_CONNECTIONS_PER_HOLDER = 128;

/**
 * Every holder's share of the connections, so that none has all of them. Delegates have no bound of their own: all who come
 * through a gateway come over its connections.
 */
export class ConnectionShares {
  readonly #policy: Reloadable<Policy>;
  readonly #count = new ConnectionCount(MAX_CONNECTIONS_PER_HOLDER);

  constructor(policy: Reloadable<Policy>) {
    this.#policy = policy;
  }

  /**
   * Takes a place for a connection; the function that is returned gives it back.
   *
   * @param isGood whether its peer has standing: one that is revoked speaks for nobody.
   * @returns undefined when the holder has all of its places.
   */
  take({ certificate }: Connection, isGood: boolean): (() => void) | undefined {
    // A certificate that names nobody is never good.
    if (isGood && isDelegate(this.#policy.current(), identityFromCertificate(certificate))) return () => {};
    const holder = holderOf(certificate);
    return this.#count.take(holder) ? () => this.#count.release(holder) : undefined;
  }
}

/** Why one more is refused. */
export const SHARE_IS_TAKEN = `no more than ${MAX_CONNECTIONS_PER_HOLDER} connections of one holder`;
