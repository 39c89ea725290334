import { samplesNs } from '../../../sigmf/samples-ns.ts';
import type { Clock } from '../../clock.ts';
import { ArrivalClock } from './arrival-clock.ts';
import { IndexClock, LAST_INDEX } from './index-clock.ts';
import type { ReceiverTime } from './receiver-tags.ts';

/**
 * Samples that may be missing between two messages at most; half a day at 20 MS/s. A count that goes further on is another
 * flowgraph's, and says nothing of a loss.
 */
const MOST_LOST = 2 ** 40;
/** Nanoseconds by which a receiver's clock may differ from ours to be taken for the time of day: an hour. */
const SAME_TIME_NS = 3_600_000_000_000n;
/** How near to a whole number of samples a jump of the receiver's time has to be to be lost samples. */
const WHOLE_SAMPLE = 0.05;

/** Where samples belong that have just come. */
export interface Arrival {
  /** Index of the first. */
  readonly sampleIndex: number;
  /** Samples that seem to be missing before, by the clock; 0 nearly always, and where the sender counts. */
  readonly suspectedLoss: number;
  /** The sender's count does not go on from the last: what lies between is only known by the clock. */
  readonly beganAnew: boolean;
}

/** Where the samples of a sink lie in the station's count and in time: by what the sink says, and else by their arrival. */
export class SinkTimeline {
  readonly #clock: Clock;
  readonly #index: IndexClock;
  readonly #arrivals: ArrivalClock;
  #sampleRateHz: number;
  /** Number that the sender gives to the sample after the last that came; undefined where that is not known. */
  #senders: bigint | undefined;
  /** A sample whose time of day is the receiver's word. */
  #stamp: { readonly index: number; readonly ns: bigint } | undefined;
  #receiver: { readonly index: number; readonly time: ReceiverTime } | undefined;

  constructor(clock: Clock, sampleRateHz: number) {
    this.#clock = clock;
    this.#sampleRateHz = sampleRateHz;
    this.#index = new IndexClock(clock, sampleRateHz);
    this.#index.pause();
    this.#arrivals = new ArrivalClock(clock, sampleRateHz);
  }

  /** The index that the next sample gets if it is made now. */
  get next(): number {
    return this.#index.next;
  }

  /** Somebody takes samples from now on; the next to come is the next by its index. */
  expect(): void {
    this.#index.expect();
  }

  /** Nobody takes samples for now: what comes later is another count. */
  stop(): void {
    this.#senders = undefined;
    this.#forgetReceiver();
    this.pause();
  }

  /** No samples come: the index follows the clock. The sender's own count, where there is one, tells what was lost meanwhile. */
  pause(): void {
    this.#index.pause();
    this.#arrivals.breakOff();
  }

  /** What comes next need not follow what came last, unless the sender's own count says so. */
  breakOff(): void {
    if (this.#senders === undefined) this.pause();
  }

  /**
   * Places samples that have just come. A sender's count that goes on from the last gives the exact loss. Without one, or
   * with one that began anew, samples after a break are placed by the clock.
   */
  place(count: number, senders?: bigint): Arrival {
    const lost = this.#lostBy(senders);
    const beganAnew = lost === undefined && senders !== undefined && this.#senders !== undefined;
    if (beganAnew) {
      this.#forgetReceiver();
      this.pause();
    }
    const sampleIndex = this.#index.place(count, lost);
    this.#senders = senders === undefined ? undefined : senders + BigInt(count);
    const { suspectedLoss } = this.#arrivals.arrived(this.#index.next);
    return { sampleIndex, suspectedLoss: senders === undefined ? suspectedLoss : 0, beganAnew };
  }

  /** Time of a sample, nanoseconds since 1970-01-01T00:00:00Z. */
  timestampNs(index: number): bigint {
    if (this.#stamp === undefined) return this.#arrivals.timestampNs(index);
    return this.#stamp.ns + samplesNs(index - this.#stamp.index, this.#sampleRateHz);
  }

  /** Another rate holds from a sample on. */
  setRate(index: number, sampleRateHz: number): void {
    if (this.#stamp !== undefined) this.#stamp = { index, ns: this.timestampNs(index) };
    this.#receiver = undefined;
    this.#index.setRate(sampleRateHz);
    this.#arrivals.setRate(index, sampleRateHz);
    this.#sampleRateHz = sampleRateHz;
  }

  /**
   * The receiver says when a sample was received. Gives the samples that were lost before it: those by which its time is
   * further on than its count, where they are a whole number. The sample's index and all behind it go up by as many.
   */
  setTime(index: number, time: ReceiverTime): number {
    const lost = this.#lostByTime(index, time);
    this.#index.skip(lost);
    this.#receiver = { index: index + lost, time };
    const ns = BigInt(time.wholeS) * 1_000_000_000n + BigInt(Math.round(time.fractionS * 1e9));
    const aside = ns - this.#clock.wallNs();
    // A receiver that counts from when it was switched on tells nothing of the time of day.
    if (aside < SAME_TIME_NS && aside > -SAME_TIME_NS) this.#stamp = { index: index + lost, ns };
    return lost;
  }

  #forgetReceiver(): void {
    this.#stamp = undefined;
    this.#receiver = undefined;
  }

  /** Samples that are missing by the sender's count; undefined where that began anew or is not known. */
  #lostBy(senders: bigint | undefined): number | undefined {
    if (senders === undefined || this.#senders === undefined) return undefined;
    return this.#believed(Number(senders - this.#senders));
  }

  #lostByTime(index: number, time: ReceiverTime): number {
    const before = this.#receiver;
    if (before === undefined) return 0;
    const elapsedS = time.wholeS - before.time.wholeS + (time.fractionS - before.time.fractionS);
    const ahead = elapsedS * this.#sampleRateHz - (index - before.index);
    const lost = Math.round(ahead);
    return Math.abs(ahead - lost) < WHOLE_SAMPLE ? (this.#believed(lost) ?? 0) : 0;
  }

  #believed(lost: number): number | undefined {
    return lost >= 0 && lost <= MOST_LOST && this.#index.next + lost <= LAST_INDEX ? lost : undefined;
  }
}
