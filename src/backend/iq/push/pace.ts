import type { Clock } from '../../clock.ts';

/** Milliseconds of samples that a producer may be ahead of real time, and behind it and make up for. */
export const BURST_MS = 1000;

/**
 * How much faster than its stated rate a producer may be for good: more than two oscillators and clocks ever differ, so that
 * one that sends in real time by its own clock is never slowed.
 */
const MARGIN = 1.01;

/**
 * When samples that are pushed should be taken, so that they come no faster than readers can follow: in real time, with some
 * leeway. A quarter of the ring is the most that comes at once, and half of it the most that is made up for.
 */
export class Pace {
  readonly #clock: Clock;
  /** When the samples taken so far would end if they had been taken in real time. */
  #endMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds that the samples taken so far are ahead of real time; 0 when they are not. */
  get aheadMs(): number {
    return Math.max(0, this.#endMs - this.#clock.nowMs());
  }

  /** A batch has come: its samples were made in the time before it, so that much is not ahead. */
  begin(batchMs: number, ringMs: number): void {
    const behindMs = Math.min(leewayMs(ringMs) + batchMs, ringMs / 2);
    this.#endMs = Math.max(this.#endMs, this.#clock.nowMs() - behindMs);
  }

  /** Some of its samples were taken; returns the milliseconds to wait before more are, 0 for none. */
  spend(samplesMs: number, ringMs: number): number {
    this.#endMs += samplesMs / MARGIN;
    const leeway = leewayMs(ringMs);
    // Waiting for half of it at once spares a timer for each batch.
    return this.aheadMs <= leeway ? 0 : this.aheadMs - leeway / 2;
  }
}

function leewayMs(ringMs: number): number {
  return Math.min(BURST_MS, ringMs / 4);
}
