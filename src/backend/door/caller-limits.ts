import { PassbandError } from '../../errors.ts';
import { Admission } from '../../gateway/guard/admission.ts';
import type { Identity } from '../../gateway/guard/identity.ts';
import { LiveStreams } from '../../gateway/guard/live-streams.ts';
import type { Places } from '../../gateway/guard/places.ts';
import type { Limits } from '../../gateway/guard/policy.ts';
import type { Turns } from '../../gateway/guard/turns.ts';

/** A call as far as limits are concerned. */
export interface LimitedCall {
  readonly streaming: boolean;
  /** Whose limits it counts against; undefined while unknown, and for callers of a gateway, which has counted them. */
  readonly holder: Identity | undefined;
  /** The rule under which it has its place; undefined before it has one. */
  readonly rule: string | undefined;
  /** The rules under one of which it will have its place, while it waits for its first message; otherwise none. */
  readonly mayTake: readonly string[];
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
   * Looks whether there may be a place for one more stream, of whose request nothing is known yet. Streams that wait for
   * their first message count as if they were let in: headers alone keep no more places than streams do.
   *
   * @param places undefined where none are counted.
   * @returns the rules under one of which the stream is going to have its place.
   * @throws PassbandError RESOURCE_EXHAUSTED when the caller has all of its streams open, whatever it is going to ask for.
   */
  requireRoom(holder: Identity, places: Places | undefined): readonly string[] {
    if (places === undefined) return [];
    const { rules, most } = places;
    if (most === Number.POSITIVE_INFINITY) return rules;
    let open = 0;
    for (const call of this.#calls) {
      if (!call.streaming || call.holder?.cn !== holder.cn) continue;
      const taken = call.rule === undefined ? call.mayTake : [call.rule];
      // One that may still find its place elsewhere keeps nobody out here.
      if (taken.length > 0 && taken.every((rule) => rules.includes(rule))) open++;
    }
    if (open >= most) throw noMoreThan(most);
    return rules;
  }

  /**
   * Looks whether there is a place for a stream under a rule, beside the others.
   *
   * @param before what it has a place under already.
   * @throws PassbandError RESOURCE_EXHAUSTED when the caller has all of its streams open.
   */
  requirePlace(stream: LimitedCall, holder: Identity, { rule, limits }: LimitingRule, before?: LimitingRule): void {
    const { concurrentStreams: most } = limits;
    if (most === undefined || (before?.rule === rule && before.limits.concurrentStreams === most)) return;
    let open = 0;
    for (const call of this.#calls) {
      if (call !== stream && call.streaming && call.rule === rule && call.holder?.cn === holder.cn) open++;
    }
    if (open >= most) throw noMoreThan(most);
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

function noMoreThan(most: number): PassbandError {
  return new PassbandError('RESOURCE_EXHAUSTED', `no more than ${most} streams at one time`);
}
