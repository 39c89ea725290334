import type { Metadata, ServerInterceptingCallInterface } from '@grpc/grpc-js';
import { PassbandError } from '../errors.ts';
import { type Decision, decide, isDelegate, names } from '../gateway/guard/decide.ts';
import { checkValidity, type Identity, identityFromCertificate } from '../gateway/guard/identity.ts';
import { identityFromJson } from '../gateway/guard/identity-json.ts';
import type { Policy } from '../gateway/guard/policy.ts';
import { IDENTITY_METADATA } from '../identity-metadata.ts';
import { policyName } from './platform-methods.ts';

const HEALTH = 'grpc.health.v1.Health/';

/** What grpc-js knows of the connection's TLS; it does not export the type by its name. */
export type AuthContext = ReturnType<ServerInterceptingCallInterface['getAuthContext']>;

/** Who calls. */
export interface Caller {
  /** Holder of the certificate at the other end of this connection. */
  readonly peer: Identity;
  /** On whose behalf; the peer itself unless it is a delegate that said otherwise. */
  readonly identity: Identity;
}

/** The backend's own access decision: it believes no one, the gateway included, beyond what its policy says. */
export class Door {
  readonly #policy: Policy;

  constructor(policy: Policy) {
    this.#policy = policy;
  }

  /**
   * Who calls, by the certificate and, where the peer is a delegate, by its metadata.
   *
   * @throws PassbandError UNAUTHENTICATED without a valid certificate; PERMISSION_DENIED for one that names nobody, and
   * for an identity that is claimed by a peer that is no delegate.
   */
  identify(context: AuthContext, metadata: Metadata, nowMs: number): Caller {
    const peer = peerOf(context);
    checkValidity(peer, nowMs);
    const claims = metadata.get(IDENTITY_METADATA);
    if (claims.length === 0) return { peer, identity: peer };
    if (!isDelegate(this.#policy, peer)) {
      throw new PassbandError(
        'PERMISSION_DENIED',
        `this peer may not call on behalf of others; leave ${IDENTITY_METADATA} out`,
      );
    }
    const [claim] = claims;
    if (claims.length > 1 || typeof claim !== 'string') {
      throw new PassbandError('PERMISSION_DENIED', `${IDENTITY_METADATA} must be given once`);
    }
    const identity = identityFromJson(claim);
    checkValidity(identity, nowMs);
    return { peer, identity };
  }

  /**
   * Whether a caller may use a method, with a request or before there is one.
   *
   * @param path gRPC path, `/package.Service/Method`.
   */
  decide(caller: Caller, path: string, request: Readonly<Record<string, unknown>> | undefined): Decision {
    const name = policyName(path);
    const decision = decide(this.#policy, caller.identity, name, request, Date.now());
    if (decision.allow || !name.startsWith(HEALTH)) return decision;
    // Whoever the policy knows at all may ask whether the backend is well.
    if (!isDelegate(this.#policy, caller.peer) && !names(this.#policy, caller.identity)) return decision;
    return { allow: true, rule: 'health', limits: {}, shadowed: [] };
  }
}

/** Who the certificate at the other end names; asked on every call, and read once by identityFromCertificate's memory. */
function peerOf(context: AuthContext): Identity {
  const certificate = context.sslPeerCertificate;
  if (certificate === undefined) throw new PassbandError('UNAUTHENTICATED', 'a client certificate is required');
  return identityFromCertificate(certificate.raw);
}
