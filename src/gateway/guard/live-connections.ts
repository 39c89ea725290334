import { afterMoment } from '../../expiry.ts';
import { nextChangeMs as nextListChangeMs, standingFault } from '../../trust/standing.ts';
import type { PeerChain, Trust } from '../../trust/trust.ts';
import { type Decision, decide, names, nextChangeMs } from './decide.ts';
import type { Identity } from './identity.ts';
import type { StreamEnd } from './live-streams.ts';
import type { Policy } from './policy.ts';
import type { Extent } from './request-match.ts';

/**
 * Milliseconds that a reader has to take the end of what it has lost the right to: one that reads needs a few, and all of
 * a revocation shall be over within a second.
 */
export const LAST_WORD_MS = 400;

/** A decision that lets a caller in. */
type Allowed = Extract<Decision, { allow: true }>;

/** What a call was let in for: all that is needed to decide on it again. */
export interface Grant {
  /** `package.Service/Method` */
  readonly method: string;
  /** The request; of a stream of requests the latest. Undefined while it is not here yet. */
  readonly request: Readonly<Record<string, unknown>> | undefined;
  /** Whether that is all of the request, as unless told, or what its path says of messages that are still to come. */
  readonly extent?: Extent;
  /** The decision that holds now. */
  readonly decision: Allowed;
}

/** A call that is not over, and the way to end it. */
export interface LiveCall {
  /** Undefined until it was let in. */
  grant: Grant | undefined;
  end(status: StreamEnd): void;
}

/** A connection with a verified certificate. */
export interface LiveConnection {
  readonly chain: PeerChain;
  /** Undefined when the certificate names nobody. */
  readonly identity: Identity | undefined;
  /** Calls that are not over. */
  readonly calls: Set<LiveCall>;
  /** Ends it, once its calls have come to their ends. */
  close(): void;
}

/** What a look at all connections has ended. */
export interface Recheck {
  readonly calls: number;
  readonly connections: number;
}

/** By what connections and calls are judged, as it is at each moment. */
export interface Judges {
  readonly policy: () => Policy;
  readonly trust: () => Trust;
  /** Is told of each look that ended something. */
  readonly onRecheck: (ended: Recheck) => void;
  /** Is told, after the look, that a moment has come at which certificates or lists run out. */
  readonly onMoment: () => void;
}

/**
 * Why a connection's certificate is good for nothing now, undefined when it is good. To be asked on every request: a
 * resumed session, or a connection that is kept open, has not had its certificate looked at for long.
 */
export function certificateFault(trust: Trust, chain: PeerChain, nowMs: number): StreamEnd | undefined {
  const message = standingFault(trust, chain, nowMs);
  return message === undefined ? undefined : { code: 'UNAUTHENTICATED', message };
}

/**
 * Every connection and every call on it. When the policy, the CA bundle or a revocation list changes, when a certificate
 * or a list runs out and when a time window opens or closes, all of them are judged again, in one pass without a pause:
 * calls that lost their right are ended, and connections that lost their certificate's standing, or whose holder no rule
 * names any more, are closed.
 */
export class LiveConnections {
  private readonly open = new Set<LiveConnection>();
  private readonly judges: Judges;
  private disarm: () => void = () => {};
  private nextMs = Number.POSITIVE_INFINITY;
  private isStopped = false;

  constructor(judges: Judges) {
    this.judges = judges;
    this.arm(this.nextChangeMs(Date.now()));
  }

  /** Registers a connection; the function that is returned takes it off again. */
  add(connection: LiveConnection): () => void {
    this.open.add(connection);
    const untilMs = lastMomentMs(connection);
    // What is over already is refused at its first request.
    if (untilMs < this.nextMs && untilMs >= Date.now()) this.arm(untilMs);
    return () => this.open.delete(connection);
  }

  get size(): number {
    return this.open.size;
  }

  /** All of them, as they are now. */
  all(): readonly LiveConnection[] {
    return [...this.open];
  }

  /** Ends one connection and every call on it, unless it has ended. */
  end(connection: LiveConnection, status: StreamEnd): void {
    if (!this.open.delete(connection)) return;
    const calls = [...connection.calls];
    for (const call of calls) call.end(status);
    connection.close();
    this.judges.onRecheck({ calls: calls.length, connections: 1 });
  }

  /** Judges everything again. */
  recheck(): Recheck {
    const nowMs = Date.now();
    const policy = this.judges.policy();
    const trust = this.judges.trust();
    let calls = 0;
    let connections = 0;
    for (const connection of [...this.open]) {
      const fault = certificateFault(trust, connection.chain, nowMs);
      const ended = [...connection.calls].filter((call) => endIfLost(call, fault ?? lostRight(call, connection)));
      calls += ended.length;
      if (fault === undefined && isNamed(policy, connection.identity)) continue;
      connections++;
      connection.close();
      this.open.delete(connection);
    }
    this.arm(this.nextChangeMs(nowMs));
    if (calls + connections > 0) this.judges.onRecheck({ calls, connections });
    return { calls, connections };

    function lostRight(call: LiveCall, { identity }: LiveConnection): StreamEnd | undefined {
      const { grant } = call;
      if (grant === undefined || identity === undefined) return undefined;
      const decision = decide(policy, identity, grant.method, grant.request, nowMs, grant.extent);
      if (!decision.allow) return { code: 'PERMISSION_DENIED', message: decision.reason };
      // Another rule may be what lets it go on, with limits of its own.
      call.grant = { ...grant, decision };
      return undefined;
    }
  }

  /** Ends the waiting for moments. */
  stop(): void {
    this.isStopped = true;
    this.disarm();
  }

  private nextChangeMs(nowMs: number): number {
    const { policy, trust } = this.judges;
    let next = Number.POSITIVE_INFINITY;
    const consider = (moment: number | undefined): void => {
      if (moment !== undefined && moment >= nowMs && moment < next) next = moment;
    };
    consider(nextChangeMs(policy(), nowMs));
    consider(nextListChangeMs(trust(), nowMs));
    for (const connection of this.open) consider(lastMomentMs(connection));
    return next;
  }

  private arm(atMs: number): void {
    this.disarm();
    this.nextMs = atMs;
    if (this.isStopped || atMs === Number.POSITIVE_INFINITY) return;
    this.disarm = afterMoment(atMs, () => {
      this.recheck();
      this.judges.onMoment();
    });
  }
}

/** The last moment at which a connection's certificates are all valid. */
function lastMomentMs({ chain }: LiveConnection): number {
  return Math.min(...[chain.leaf, ...chain.intermediates].map(({ validToDate }) => validToDate.getTime()));
}

/** Nobody can lose a name that they never had: a certificate without one is refused request by request. */
function isNamed(policy: Policy, identity: Identity | undefined): boolean {
  return identity === undefined || names(policy, identity);
}

function endIfLost(call: LiveCall, status: StreamEnd | undefined): boolean {
  if (status !== undefined) call.end(status);
  return status !== undefined;
}
