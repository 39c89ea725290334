import { PassbandError } from '../../errors.ts';
import { Admission } from '../../gateway/guard/admission.ts';
import type { Identity } from '../../gateway/guard/identity.ts';
import { LiveStreams } from '../../gateway/guard/live-streams.ts';
import type { Places } from '../../gateway/guard/places.ts';
import type { Allowance } from '../../gateway/guard/policy.ts';
import type { Turns } from '../../gateway/guard/turns.ts';

/** A call as far as limits are concerned. */
export interface LimitedCall {
  readonly streaming: boolean;
  /** Whose limits it counts against; undefined while unknown, and for callers of a gateway, which has counted them. */
  readonly holder: Identity | undefined;
  /** The entry of the policy under which it has its place; undefined before it has one. */
  readonly entry: string | undefined;
  /** The entries under one of which it will have its place, while it waits for its first message; otherwise none. */
  readonly mayTake: readonly string[];
}

/** Holds those who call the backend themselves to the limits of the entry that lets them in, each to their own share. */
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
   * @returns the entries under one of which the stream is going to have its place.
   * @throws PassbandError RESOURCE_EXHAUSTED when the caller has all of its streams open, whatever it is going to ask for.
   */
  requireRoom(holder: Identity, places: Places | undefined): readonly string[] {
    if (places === undefined) return [];
    const { entries, most } = places;
    if (most === Number.POSITIVE_INFINITY) return entries;
    let open = 0;
    for (const call of this.#calls) {
      if (!call.streaming || call.holder?.cn !== holder.cn) continue;
      const taken = call.entry === undefined ? call.mayTake : [call.entry];
      // One that may still find its place elsewhere keeps nobody out here.
      if (taken.length > 0 && taken.every((entry) => entries.includes(entry))) open++;
    }
    if (open >= most) throw noMoreThan(most);
    return entries;
  }

  /**
   * Looks whether there is a place for a stream under an entry, beside the others.
   *
   * @param before what it has a place under already.
   * @throws PassbandError RESOURCE_EXHAUSTED when the caller has all of its streams open.
   */
  requirePlace(stream: LimitedCall, holder: Identity, { entry, limits }: Allowance, before?: Allowance): void {
    const { concurrentStreams: most } = limits;
    if (most === undefined || before?.entry === entry) return;
    let open = 0;
    for (const call of this.#calls) {
      if (call !== stream && call.streaming && call.entry === entry && call.holder?.cn === holder.cn) open++;
    }
    if (open >= most) throw noMoreThan(most);
  }

  /**
   * Counts a request; undefined when they are not counted.
   *
   * @throws PassbandError RESOURCE_EXHAUSTED when the caller has had its requests of this minute (rejected).
   */
  request(holder: Identity, allowed: Allowance): Promise<void> | undefined {
    return allowed.limits.requestsPerMinute === undefined ? undefined : this.#admission.request(holder, allowed);
  }

  /**
   * To be asked before a call that is answered at once.
   *
   * @throws PassbandError RESOURCE_EXHAUSTED while the caller has had more bytes than its rate.
   */
  requireBytes(holder: Identity, allowed: Allowance): void {
    this.#admission.requireBytes(holder, allowed);
  }

  /** The pace at which the caller may be sent bytes, all of its calls together; undefined without a limit. */
  pace(holder: Identity, allowed: Allowance): Turns | undefined {
    return this.#admission.pace(holder, allowed);
  }
}

function noMoreThan(most: number): PassbandError {
  return new PassbandError('RESOURCE_EXHAUSTED', `no more than ${most} streams at one time`);
}
