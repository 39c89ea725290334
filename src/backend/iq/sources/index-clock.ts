import type { Clock } from '../../clock.ts';

/** Indices up to here are given, so that what is added to one is still exact: two years of the highest rate. */
export const LAST_INDEX = 2 ** 52;

/** How a pause of samples begins. */
interface Pause {
  /** Since when none come, milliseconds of the steady clock; since the last came unless told. */
  readonly sinceMs?: number;
  /** Samples that are missing at least, however soon the next come; 0 unless told. */
  readonly leastGap?: number;
}

/**
 * Index of samples that come from elsewhere. While they come it counts them; while none can come it follows the clock, so that
 * a pause is a gap of about its length.
 */
export class IndexClock {
  readonly #clock: Clock;
  #rateHz: number;
  /** Index after the last sample that came. */
  #next = 0;
  /** When it came, or was first awaited. */
  #cameAtMs: number;
  /** Since when the index follows the clock; undefined while it stands until more samples come. */
  #pausedAtMs: number | undefined;
  #leastGap = 0;

  /** It stands at 0. */
  constructor(clock: Clock, rateHz: number) {
    this.#clock = clock;
    this.#rateHz = rateHz;
    this.#cameAtMs = clock.nowMs();
  }

  /** The index that the next sample gets if it is made now. */
  get next(): number {
    if (this.#pausedAtMs === undefined) return this.#next;
    const pausedMs = Math.max(0, this.#clock.nowMs() - this.#pausedAtMs);
    // Multiplied first: 4.1 s at 2 MS/s would come out a sample short.
    return this.#next + Math.max(this.#leastGap, Math.floor((pausedMs * this.#rateHz) / 1000));
  }

  /** Whether the clock says where the next samples lie, unless they say so themselves. */
  get isPaused(): boolean {
    return this.#pausedAtMs !== undefined;
  }

  /** No samples come for now, or what comes need not follow what came: the index goes by the clock until they do. */
  pause({ sinceMs = this.#cameAtMs, leastGap = 0 }: Pause = {}): void {
    if (this.#pausedAtMs !== undefined) return;
    this.#pausedAtMs = sinceMs;
    this.#leastGap = leastGap;
  }

  /** The next sample to come is the next by its index, however long it takes. */
  expect(): void {
    this.#next = this.next;
    this.#cameAtMs = this.#clock.nowMs();
    this.#pausedAtMs = undefined;
  }

  /**
   * Samples have just come; returns the index of the first. They follow those before, or as many behind as are known to be
   * lost. After a pause the last of them was made now.
   *
   * @param lost samples that are missing before them, where that is known.
   */
  place(count: number, lost?: number): number {
    const first = lost === undefined ? this.#firstOf(count) : this.#next + lost;
    this.#next = first + count;
    this.#cameAtMs = this.#clock.nowMs();
    this.#pausedAtMs = undefined;
    return first;
  }

  /** Samples came, or were lost, that nobody is given. In a pause the clock counts them. */
  skip(samples: number): void {
    if (this.#pausedAtMs !== undefined) return;
    this.#next += samples;
    this.#cameAtMs = this.#clock.nowMs();
  }

  /** The rate is another from the next sample on. */
  setRate(rateHz: number): void {
    if (this.#pausedAtMs !== undefined) {
      this.#next = this.next;
      this.#leastGap = 0;
      this.#pausedAtMs = Math.max(this.#pausedAtMs, this.#clock.nowMs());
    }
    this.#rateHz = rateHz;
  }

  #firstOf(count: number): number {
    return this.#pausedAtMs === undefined ? this.#next : Math.max(this.#next + this.#leastGap, this.next - count);
  }
}
