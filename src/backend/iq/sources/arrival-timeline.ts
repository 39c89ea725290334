import type { Clock } from '../../clock.ts';
import type { ReceiverTime } from './receiver-tags.ts';

/**
 * Samples that may be missing between two messages at most; half a day at 20 MS/s. A count that goes further on is another
 * flowgraph's, and says nothing of a loss.
 */
const MOST_LOST = 2 ** 40;
/** Indices up to here are believed, so that what is added to one is still exact. */
const LAST_INDEX = 2 ** 52;
/** Nanoseconds by which a receiver's clock may differ from ours to be taken for the time of day: an hour. */
const SAME_TIME_NS = 3_600_000_000_000n;
/** How near to a whole number of samples a jump of the receiver's time has to be to be lost samples. */
const WHOLE_SAMPLE = 0.05;

/** Where samples that come from elsewhere, in pieces, lie in the station's count and in time. */
export class ArrivalTimeline {
  readonly #clock: Clock;
  #sampleRateHz: number;
  /** Index after the last sample that came, and when it came. */
  #next = 0;
  #cameAtMs: number;
  /** Samples have come since the last `pause`. */
  #runs = false;
  /** Number that the sender gives to the sample after the last that came; undefined where that is not known. */
  #senders: bigint | undefined;
  /** The next samples do not follow those before. */
  #isBroken = true;
  /** A sample whose time is known. */
  #stamp: { readonly index: number; readonly ns: bigint };
  #receiver: { readonly index: number; readonly time: ReceiverTime } | undefined;

  constructor(clock: Clock, sampleRateHz: number) {
    this.#clock = clock;
    this.#sampleRateHz = sampleRateHz;
    this.#cameAtMs = clock.nowMs();
    this.#stamp = { index: 0, ns: clock.wallNs() };
  }

  /** Index of the next sample: it follows the last that came, or the clock where none come. Never goes back. */
  get next(): number {
    return this.#runs ? this.#next : this.#dueIndex();
  }

  /** Somebody takes samples from now on: none that comes lies before the index of this moment. */
  resume(): void {
    this.#next = this.next;
    this.#cameAtMs = this.#clock.nowMs();
  }

  /** Nobody takes samples for now. */
  pause(): void {
    this.#runs = false;
    this.#senders = undefined;
    this.breakOff();
  }

  /** What comes next need not follow what came last. The sender's own count, where there is one, tells whether it does. */
  breakOff(): void {
    this.#isBroken = true;
  }

  /**
   * Places samples that have just come; gives the index of the first. A sender's count that goes on from the last gives
   * the exact loss. Without one, or with one that began anew, samples after a break are placed by the clock.
   */
  place(count: number, senders?: bigint): number {
    const lost = this.#lostBy(senders);
    const byClock = lost === undefined && (this.#isBroken || senders !== undefined);
    const index = byClock ? Math.max(this.#next, this.#dueIndex() - count) : this.#next + (lost ?? 0);
    if (byClock) {
      // The last of them has just been made.
      this.#stamp = { index: index + count, ns: this.#clock.wallNs() };
      this.#receiver = undefined;
    }
    this.#next = index + count;
    this.#cameAtMs = this.#clock.nowMs();
    this.#runs = true;
    this.#isBroken = false;
    this.#senders = senders === undefined ? undefined : senders + BigInt(count);
    return index;
  }

  /** Time of a sample, nanoseconds since 1970-01-01T00:00:00Z. */
  timestampNs(index: number): bigint {
    const seconds = (index - this.#stamp.index) / this.#sampleRateHz;
    return this.#stamp.ns + BigInt(Math.round(seconds * 1e9));
  }

  /** Another rate holds from a sample on. */
  setRate(index: number, sampleRateHz: number): void {
    this.#stamp = { index, ns: this.timestampNs(index) };
    this.#sampleRateHz = sampleRateHz;
    this.#receiver = undefined;
  }

  /**
   * The receiver says when a sample was received. Gives the samples that were lost before it: those by which its time is
   * further on than its count, where they are a whole number. The sample's index and all behind it go up by as many.
   */
  setTime(index: number, time: ReceiverTime): number {
    const before = this.#receiver;
    const ns = BigInt(time.wholeS) * 1_000_000_000n + BigInt(Math.round(time.fractionS * 1e9));
    let lost = 0;
    if (before !== undefined) {
      const elapsedS = time.wholeS - before.time.wholeS + (time.fractionS - before.time.fractionS);
      const ahead = elapsedS * this.#sampleRateHz - (index - before.index);
      const whole = Math.round(ahead);
      if (whole > 0 && whole <= MOST_LOST && Math.abs(ahead - whole) < WHOLE_SAMPLE) lost = whole;
    }
    if (this.#next + lost > LAST_INDEX) lost = 0;
    this.#next += lost;
    this.#receiver = { index: index + lost, time };
    const aside = ns - this.#clock.wallNs();
    // A receiver that counts from when it was switched on tells nothing of the time of day.
    if (aside < SAME_TIME_NS && aside > -SAME_TIME_NS) this.#stamp = { index: index + lost, ns };
    return lost;
  }

  /** Samples that are missing by the sender's count; undefined where that began anew or is not known. */
  #lostBy(senders: bigint | undefined): number | undefined {
    if (senders === undefined || this.#senders === undefined) return undefined;
    const lost = Number(senders - this.#senders);
    return lost >= 0 && lost <= MOST_LOST && this.#next + lost <= LAST_INDEX ? lost : undefined;
  }

  #dueIndex(): number {
    const elapsedMs = this.#clock.nowMs() - this.#cameAtMs;
    return this.#next + Math.max(0, Math.floor((elapsedMs * this.#sampleRateHz) / 1000));
  }
}
