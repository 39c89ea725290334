import { PassbandError } from '../errors.ts';
import { Admission } from '../gateway/guard/admission.ts';
import type { Identity } from '../gateway/guard/identity.ts';
import { LiveStreams } from '../gateway/guard/live-streams.ts';
import type { Limits } from '../gateway/guard/policy.ts';
import type { Turns } from '../gateway/guard/turns.ts';

/** A call as far as limits are concerned. */
export interface LimitedCall {
  readonly streaming: boolean;
  /** Whose limits it counts against; undefined while unknown, and for callers of a gateway, which has counted them. */
  readonly holder: Identity | undefined;
  /** The rule under which it has its place; undefined before it has one. */
  readonly rule: string | undefined;
}

/** What lets a call in, and within which limits. */
export interface LimitingRule {
  readonly rule: string;
  readonly limits: Limits;
}

/** Holds those who call the backend themselves to the limits of the rule that lets them in, each to their own share. */
export class CallerLimits {
  readonly #calls: ReadonlySet<LimitedCall>;
  readonly #admission = new Admission(new LiveStreams());

  constructor(calls: ReadonlySet<LimitedCall>) {
    this.#calls = calls;
  }

  /**
   * Looks whether there is a place for one more stream.
   *
   * @throws PassbandError RESOURCE_EXHAUSTED when the caller has all of its streams open.
   */
  requirePlace(holder: Identity, { rule, limits }: LimitingRule): void {
    const { concurrentStreams: most } = limits;
    if (most === undefined) return;
    let open = 0;
    for (const call of this.#calls) {
      if (call.streaming && call.rule === rule && call.holder?.cn === holder.cn) open++;
    }
    if (open >= most) throw new PassbandError('RESOURCE_EXHAUSTED', `no more than ${most} streams at one time`);
  }

  /**
   * Counts a request; undefined when they are not counted.
   *
   * @throws PassbandError RESOURCE_EXHAUSTED when the caller has had its requests of this minute (rejected).
   */
  request(holder: Identity, { rule, limits }: LimitingRule): Promise<void> | undefined {
    return limits.requestsPerMinute === undefined ? undefined : this.#admission.request(holder, rule, limits);
  }

  /**
   * To be asked before a call that is answered at once.
   *
   * @throws PassbandError RESOURCE_EXHAUSTED while the caller has had more bytes than its rate.
   */
  requireBytes(holder: Identity, { rule, limits }: LimitingRule): void {
    this.#admission.requireBytes(holder, rule, limits);
  }

  /** The pace at which the caller may be sent bytes, all of its calls together; undefined without a limit. */
  pace(holder: Identity, { rule, limits }: LimitingRule): Turns | undefined {
    return this.#admission.pace(holder, rule, limits);
  }
}
