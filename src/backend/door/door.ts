import type { Metadata, MetadataValue } from '@grpc/grpc-js';
import { PassbandError } from '../../errors.ts';
import { type Decision, decide, isDelegate, names } from '../../gateway/guard/decide.ts';
import { checkValidity, type Identity, identityFromCertificate } from '../../gateway/guard/identity.ts';
import { identityFromJson } from '../../gateway/guard/identity-json.ts';
import { type Places, placesFor } from '../../gateway/guard/places.ts';
import type { Allowance, Policy } from '../../gateway/guard/policy.ts';
import { IDENTITY_METADATA } from '../../identity-metadata.ts';
import { faultOfPeer } from '../../peer-refused.ts';
import { forwardedFault, standingFault } from '../../trust/standing.ts';
import type { PeerChain, Trust } from '../../trust/trust.ts';
import { type Connection, REFUSED_PEER_MS } from './connections.ts';
import { policyName } from './platform-methods.ts';

const HEALTH = 'grpc.health.v1.Health/';

/** Who calls. */
export interface Caller {
  readonly connection: Connection;
  /** Holder of the certificate at the other end of the connection. */
  readonly peer: Identity;
  /** On whose behalf; the peer itself unless it is a delegate that said otherwise. */
  readonly identity: Identity;
}

/** What lets a call in: a rule, or none where a delegate asks for the backend's health on its own behalf. */
export type Admitted = Allowance & {
  readonly allow: true;
  readonly rule: string | undefined;
  readonly shadowed: readonly string[];
};

/** Gateways ask by themselves, for their own `/readyz`. No rule says so, and so none is named for it. */
const HEALTH_OF_DELEGATES: Admitted = Object.freeze({
  allow: true,
  rule: undefined,
  entry: '',
  limits: {},
  shadowed: [],
});

/** Asks an OCSP responder about a certificate; the answer is why it is not good, undefined when it is. */
export interface OcspQuestion {
  fault(chain: PeerChain, trust: Trust, nowMs: number): Promise<string | undefined>;
}

/** By what the door decides, as it is at the moment of asking. */
export interface DoorOptions {
  readonly policy: () => Policy;
  readonly trust: () => Trust;
  /** Undefined when nobody is asked. */
  readonly ocsp?: OcspQuestion | undefined;
}

/**
 * The backend's own access decision: it believes no one, the gateway included, beyond what its policy says. It keeps
 * nothing: what is asked of it again is answered by the policy and the trust of that moment.
 */
export class Door {
  readonly #policy: () => Policy;
  readonly #trust: () => Trust;
  readonly #ocsp: OcspQuestion | undefined;

  constructor({ policy, trust, ocsp }: DoorOptions) {
    this.#policy = policy;
    this.#trust = trust;
    this.#ocsp = ocsp;
  }

  /**
   * Who calls, by the certificate and, where the peer is a delegate, by its metadata.
   *
   * @param connection what the call came over; undefined when it is over, or its peer showed no certificate.
   * @throws PassbandError UNAUTHENTICATED without a certificate that is valid and not revoked; PERMISSION_DENIED for one
   * that names nobody, and for an identity that is claimed by a peer that is no delegate. Where an identity is claimed,
   * faults of the peer are marked as such: it is not to tell them to the one for whom it speaks.
   */
  identify(connection: Connection | undefined, metadata: Metadata, nowMs: number): Caller {
    const claims = metadata.get(IDENTITY_METADATA);
    if (claims.length === 0) {
      const own = required(connection);
      const peer = this.#peer(own, nowMs);
      return { connection: own, peer, identity: peer };
    }
    const caller = faultOfPeer(() => {
      const own = required(connection);
      return { connection: own, peer: this.#delegate(own, nowMs), identity: claimed(claims) };
    });
    this.#requireForwarded(caller.identity, nowMs);
    return caller;
  }

  /**
   * Looks at a caller that was let in before.
   *
   * @throws PassbandError as identify does: the certificate has expired or is revoked, or a delegate is none any more.
   */
  requireStanding({ connection, peer, identity }: Caller, nowMs: number): void {
    if (identity === peer) {
      this.#peer(connection, nowMs);
      return;
    }
    faultOfPeer(() => this.#delegate(connection, nowMs));
    this.#requireForwarded(identity, nowMs);
  }

  /** Whether anybody is asked about callers beyond the lists. */
  get asksResponders(): boolean {
    return this.#ocsp !== undefined;
  }

  /**
   * Asks the responder of a direct caller's certificate, where one is to be asked; undefined when there is nothing to wait
   * for. A delegate is no client: it has asked about its own, and its certificate is a matter of the revocation lists.
   * A connection that is no good any more is cut.
   *
   * @throws PassbandError UNAUTHENTICATED when the certificate is not good (rejected).
   */
  requireGoodAnswer(connection: Connection, nowMs: number): Promise<void> | undefined {
    if (this.#ocsp === undefined || isDelegate(this.#policy(), this.#peer(connection, nowMs))) return undefined;
    return this.#ocsp.fault(connection.chain, this.#trust(), nowMs).then((fault) => {
      if (fault !== undefined) connection.cut(REFUSED_PEER_MS);
      requireNone(fault);
    });
  }

  /**
   * Why a connection is of no use to its peer: its certificate has no standing or names nobody, or no rule is about its
   * holder and it is no delegate. Undefined when there is no reason.
   */
  connectionFault(connection: Connection, nowMs: number): PassbandError | undefined {
    try {
      const peer = this.#peer(connection, nowMs);
      if (isDelegate(this.#policy(), peer) || names(this.#policy(), peer)) return undefined;
      return new PassbandError('PERMISSION_DENIED', 'no rule names this caller');
    } catch (error) {
      return PassbandError.from(error);
    }
  }

  /**
   * Whether a caller may use a method, with a request or before there is one.
   *
   * @param path gRPC path, `/package.Service/Method`.
   */
  decide(
    caller: Caller,
    path: string,
    request: Readonly<Record<string, unknown>> | undefined,
    nowMs: number,
  ): Decision | Admitted {
    const name = policyName(path);
    const policy = this.#policy();
    const decision = decide(policy, caller.identity, name, request, nowMs);
    if (decision.allow || !name.startsWith(HEALTH)) return decision;
    // Of the caller, and not of the peer: on behalf of another a delegate may what that other may.
    return isDelegate(policy, caller.identity) ? HEALTH_OF_DELEGATES : decision;
  }

  /** The places that a caller's streams of a method have, before there is a request; undefined where none are counted. */
  places({ identity }: Caller, path: string, nowMs: number): Places | undefined {
    return placesFor(this.#policy(), identity, policyName(path), nowMs);
  }

  /** Read once by identityFromCertificate's memory; its standing is asked for every time. */
  #peer({ chain, certificate }: Connection, nowMs: number): Identity {
    const peer = identityFromCertificate(certificate);
    checkValidity(peer, nowMs);
    requireNone(standingFault(this.#trust(), chain, nowMs));
    return peer;
  }

  #delegate(connection: Connection, nowMs: number): Identity {
    const peer = this.#peer(connection, nowMs);
    if (isDelegate(this.#policy(), peer)) return peer;
    throw new PassbandError(
      'PERMISSION_DENIED',
      `this peer may not call on behalf of others; leave ${IDENTITY_METADATA} out`,
    );
  }

  #requireForwarded(identity: Identity, nowMs: number): void {
    checkValidity(identity, nowMs);
    requireNone(forwardedFault(this.#trust(), identity, nowMs));
  }
}

/** @throws PassbandError UNAUTHENTICATED when there is none. */
function required(connection: Connection | undefined): Connection {
  if (connection === undefined) throw new PassbandError('UNAUTHENTICATED', 'a client certificate is required');
  return connection;
}

/** @throws PassbandError PERMISSION_DENIED for anything but one that can be read. */
function claimed(claims: readonly MetadataValue[]): Identity {
  const [claim] = claims;
  if (claims.length > 1 || typeof claim !== 'string') {
    throw new PassbandError('PERMISSION_DENIED', `${IDENTITY_METADATA} must be given once`);
  }
  return identityFromJson(claim);
}

/** @throws PassbandError UNAUTHENTICATED when there is a fault. */
function requireNone(fault: string | undefined): void {
  if (fault !== undefined) throw new PassbandError('UNAUTHENTICATED', fault);
}
