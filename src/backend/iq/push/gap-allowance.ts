import { PassbandError } from '../../../errors.ts';
import type { Clock } from '../../clock.ts';
import { MAX_JUMP_SECONDS } from './batch-sequence.ts';

/**
 * What the producers of one station may say they have lost: MAX_JUMP_SECONDS of samples, and as many seconds more as go by.
 * Nobody loses more than was made, and so no producer takes a station's count of samples to where it is not exact any more.
 */
export class GapAllowance {
  readonly #clock: Clock;
  #leftS = MAX_JUMP_SECONDS;
  #filledAtMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#filledAtMs = clock.nowMs();
  }

  /** Spends the seconds of a gap. @throws PassbandError INVALID_ARGUMENT when they are not left; none are spent then. */
  spend(gapS: number): void {
    if (gapS === 0) return;
    const nowMs = this.#clock.nowMs();
    this.#leftS = Math.min(MAX_JUMP_SECONDS, this.#leftS + (nowMs - this.#filledAtMs) / 1000);
    this.#filledAtMs = nowMs;
    if (gapS > this.#leftS) {
      throw new PassbandError(
        'INVALID_ARGUMENT',
        `sequence_number leaves out ${gapS} s of samples, and gaps before it more than can have been lost: they may be ${MAX_JUMP_SECONDS} s together, and a second more for each that goes by`,
      );
    }
    this.#leftS -= gapS;
  }
}
