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
/** Milliseconds over which the arrival of samples is watched before anything is concluded. */
const WINDOW_MS = 10_000;
/** Milliseconds by which all samples of a window must have come too late for some to be missing. */
const SUSPECT_MS = 250;

/** Where samples belong that have just come. */
export interface Arrival {
  /** Index of the first. */
  readonly sampleIndex: number;
  /** Samples that seem to be missing before, by the clock; 0 nearly always, and where the sender counts. */
  readonly suspectedLoss: number;
  /** The sender's count does not go on from the last: what lies between is only known by the clock. */
  readonly beganAnew: boolean;
}

/** A sample whose time is known. */
interface Stamp {
  readonly index: number;
  /** Nanoseconds since 1970-01-01T00:00:00Z. */
  readonly ns: bigint;
  /** Steady clock. */
  readonly atMs: number;
  /** It is the receiver's word, and needs no watch over arrivals. */
  readonly isReceivers: boolean;
}

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
  #stamp: Stamp;
  #receiver: { readonly index: number; readonly time: ReceiverTime } | undefined;
  #windowEndsMs = 0;
  #leastLateMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, sampleRateHz: number) {
    this.#clock = clock;
    this.#sampleRateHz = sampleRateHz;
    this.#cameAtMs = clock.nowMs();
    this.#stamp = { index: 0, ns: clock.wallNs(), atMs: clock.nowMs(), isReceivers: false };
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
   * Places samples that have just come. A sender's count that goes on from the last gives the exact loss. Without one, or
   * with one that began anew, samples after a break are placed by the clock.
   */
  place(count: number, senders?: bigint): Arrival {
    const lost = this.#lostBy(senders);
    const byClock = lost === undefined && (this.#isBroken || senders !== undefined);
    const sampleIndex = byClock ? Math.max(this.#next, this.#dueIndex() - count) : this.#next + (lost ?? 0);
    this.#next = sampleIndex + count;
    this.#cameAtMs = this.#clock.nowMs();
    this.#runs = true;
    this.#isBroken = false;
    const beganAnew = byClock && senders !== undefined && this.#senders !== undefined;
    this.#senders = senders === undefined ? undefined : senders + BigInt(count);
    const missingMs = byClock ? this.#begin() : this.#watch();
    const isSuspect = senders === undefined && missingMs > SUSPECT_MS;
    const suspectedLoss = isSuspect ? Math.round((missingMs * this.#sampleRateHz) / 1000) : 0;
    return { sampleIndex, suspectedLoss, beganAnew };
  }

  /** Time of a sample, nanoseconds since 1970-01-01T00:00:00Z. */
  timestampNs(index: number): bigint {
    return this.#stamp.ns + BigInt(Math.round(this.#msSinceStamp(index) * 1e6));
  }

  /** Another rate holds from a sample on. */
  setRate(index: number, sampleRateHz: number): void {
    const atMs = this.#stamp.atMs + this.#msSinceStamp(index);
    this.#stamp = { ...this.#stamp, index, ns: this.timestampNs(index), atMs };
    this.#sampleRateHz = sampleRateHz;
    this.#receiver = undefined;
  }

  /**
   * The receiver says when a sample was received. Gives the samples that were lost before it: those by which its time is
   * further on than its count, where they are a whole number. The sample's index and all behind it go up by as many.
   */
  setTime(index: number, time: ReceiverTime): number {
    const lost = this.#lostByTime(index, time);
    this.#next += lost;
    this.#receiver = { index: index + lost, time };
    const ns = BigInt(time.wholeS) * 1_000_000_000n + BigInt(Math.round(time.fractionS * 1e9));
    const aside = ns - this.#clock.wallNs();
    // A receiver that counts from when it was switched on tells nothing of the time of day.
    if (aside < SAME_TIME_NS && aside > -SAME_TIME_NS) {
      this.#stamp = { index: index + lost, ns, atMs: this.#clock.nowMs(), isReceivers: true };
    }
    return lost;
  }

  /** Samples that are missing by the sender's count; undefined where that began anew or is not known. */
  #lostBy(senders: bigint | undefined): number | undefined {
    if (senders === undefined || this.#senders === undefined) return undefined;
    const lost = Number(senders - this.#senders);
    return lost >= 0 && lost <= MOST_LOST && this.#next + lost <= LAST_INDEX ? lost : undefined;
  }

  #lostByTime(index: number, time: ReceiverTime): number {
    const before = this.#receiver;
    if (before === undefined) return 0;
    const elapsedS = time.wholeS - before.time.wholeS + (time.fractionS - before.time.fractionS);
    const ahead = elapsedS * this.#sampleRateHz - (index - before.index);
    const lost = Math.round(ahead);
    const isLoss = lost > 0 && lost <= MOST_LOST && this.#next + lost <= LAST_INDEX;
    return isLoss && Math.abs(ahead - lost) < WHOLE_SAMPLE ? lost : 0;
  }

  /** The last sample that came was made now. */
  #begin(): number {
    this.#receiver = undefined;
    this.#setStamp(0);
    return 0;
  }

  /**
   * Samples come with delays that vary; those with the least tell when samples are made. At the end of a window the time
   * is set by them. Gives the milliseconds by which it was set on.
   */
  #watch(): number {
    if (this.#stamp.isReceivers) return 0;
    const nowMs = this.#clock.nowMs();
    const lateMs = nowMs - this.#stamp.atMs - this.#msSinceStamp(this.#next);
    this.#leastLateMs = Math.min(this.#leastLateMs, lateMs);
    if (nowMs < this.#windowEndsMs) return 0;
    const leastMs = this.#leastLateMs;
    this.#setStamp(lateMs - leastMs);
    return leastMs;
  }

  /** The last sample that came was made so long ago. */
  #setStamp(agoMs: number): void {
    const nowMs = this.#clock.nowMs();
    const ns = this.#clock.wallNs() - BigInt(Math.round(agoMs * 1e6));
    this.#stamp = { index: this.#next, ns, atMs: nowMs - agoMs, isReceivers: false };
    this.#windowEndsMs = nowMs + WINDOW_MS;
    this.#leastLateMs = Number.POSITIVE_INFINITY;
  }

  #msSinceStamp(index: number): number {
    return ((index - this.#stamp.index) * 1000) / this.#sampleRateHz;
  }

  #dueIndex(): number {
    const elapsedMs = this.#clock.nowMs() - this.#cameAtMs;
    return this.#next + Math.max(0, Math.floor((elapsedMs * this.#sampleRateHz) / 1000));
  }
}
