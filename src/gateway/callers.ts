import type { EdgeRequest, Peer } from './edge/peer.ts';
import { peerOf } from './edge/peer.ts';
import { checkValidity, type Identity, identityFromCertificate, identityToJson } from './guard/identity.ts';

/** Who is calling, as this connection proves it. */
export interface Caller {
  readonly identity: Identity;
  /** The identity as the backend is told it. */
  readonly identityJson: string;
  readonly peer: Peer;
}

/**
 * Finds the caller of a request. The certificate is parsed once a connection, its validity looked at on every request:
 * a connection, or a resumed session, may outlive it.
 */
export class Callers {
  private readonly known = new WeakMap<object, Caller>();

  of(request: EdgeRequest): Caller {
    const peer = peerOf(request);
    let caller = this.known.get(peer.connection);
    if (caller === undefined) {
      const identity = identityFromCertificate(peer.certificate);
      caller = { identity, identityJson: identityToJson(identity), peer };
      this.known.set(peer.connection, caller);
    }
    checkValidity(caller.identity, Date.now());
    return caller;
  }
}
