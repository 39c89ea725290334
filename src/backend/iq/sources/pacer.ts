import type { Clock } from '../../clock.ts';

/** Milliseconds between two deliveries: short against what people and TCP notice, long against a timer's cost. */
const TICK_MS = 10;
/** The same at high rates, where 10 ms would make bursts of megabytes. */
const FAST_TICK_MS = 2;
/** Samples a second from which on a rate is high. */
const FAST_RATE_HZ = 4e6;

/**
 * Milliseconds of samples that are made up for after a stall. What a longer stall missed becomes a gap: making it all up
 * would keep the process busy and so prolong the stall.
 */
const MAX_CATCH_UP_MS = 1000;

/**
 * Milliseconds that a source works without giving way to others at most; the rest waits for the next tick. A rate that is
 * too much for the machine then costs this station samples, and no other station its time.
 */
const MAX_WORK_MS = 50;

/**
 * When samples are due that are made here. The schedule cannot drift: sample n is due at the anchor + (n - the anchor's
 * number) / rate of the steady clock, whatever the timers do.
 */
export class Pacer {
  /** Number of the first sample that was not made yet; whoever makes samples counts it up. */
  next = 0;
  readonly #clock: Clock;
  #rateHz: number;
  #anchor = 0;
  #anchorMs: number;
  #cancelTimer: (() => void) | undefined;

  /** Sample 0 is due now. */
  constructor(clock: Clock, rateHz: number) {
    this.#clock = clock;
    this.#rateHz = rateHz;
    this.#anchorMs = clock.nowMs();
  }

  /** End (exclusive) of the samples whose time has come. */
  get due(): number {
    const elapsedMs = this.#clock.nowMs() - this.#anchorMs;
    // Multiplied first: 4.1 s at 2 MS/s would come out a sample short.
    return this.#anchor + Math.floor((elapsedMs * this.#rateHz) / 1000);
  }

  /** A sample is due now, and those after it at this rate. */
  anchor(number: number, rateHz = this.#rateHz): void {
    this.#anchor = number;
    this.#rateHz = rateHz;
    this.#anchorMs = this.#clock.nowMs();
  }

  /** Calls from now on, as often as the rate wants it; in place of those of before. */
  start(tick: () => void): void {
    this.stop();
    this.#cancelTimer = this.#clock.every(this.#rateHz >= FAST_RATE_HZ ? FAST_TICK_MS : TICK_MS, tick);
  }

  /** Calls no more. */
  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  /**
   * Has all that is due made, or as much as there is time for.
   *
   * @param make is told how many samples from `next` on are due, makes some of them and counts `next` up; gives false when
   *   there is nothing to be had for now.
   * @param end number beyond which there are none.
   */
  keepUp(make: (due: number) => boolean, end = Number.POSITIVE_INFINITY): void {
    const due = Math.min(this.due, end);
    const maxCatchUp = Math.ceil((MAX_CATCH_UP_MS / 1000) * this.#rateHz);
    if (due - this.next > maxCatchUp) this.next = due - maxCatchUp;
    const untilMs = this.#clock.nowMs() + MAX_WORK_MS;
    while (this.next < due && this.#clock.nowMs() <= untilMs && make(due - this.next)) {
      // The samples are made by the question whether there are any.
    }
  }
}
