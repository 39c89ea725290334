/** The first pause, milliseconds; each next one is twice as long. */
export const FIRST_RETRY_MS = 1_000;
/** The longest pause, milliseconds. */
export const MAX_RETRY_MS = 30_000;

/** Pauses between attempts to connect: 1 s, 2 s and so on to 30 s, each shortened by up to a half at random. */
export class RetryDelays {
  readonly #random: () => number;
  #failures = 0;

  /** @param random a number from 0 to below 1. */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** Milliseconds to wait now; by chance shorter than the step, so that clients of one server do not come all at once. */
  next(): number {
    const stepMs = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, MAX_RETRY_MS);
    if (stepMs < MAX_RETRY_MS) this.#failures++;
    return stepMs * (1 - this.#random() / 2);
  }

  /** All is well: the next pause is the first again. */
  reset(): void {
    this.#failures = 0;
  }
}
