import type { Clock } from '../../clock.ts';

/** Milliseconds over which the arrival of samples is watched before anything is concluded. */
export const WINDOW_MS = 10_000;
/**
 * Milliseconds by which every chunk of a window must have come too late for samples to be missing: delays of a network
 * pass, and the chunks behind them come early again.
 */
export const SUSPECT_MS = 250;
/**
 * Milliseconds of samples that come before their time until the rate is not what is claimed: more than any server can
 * have stored up and send at once.
 */
export const MAX_AHEAD_MS = 5_000;
/** Largest correction of the time scale: the worst crystals are off by a fifth of this. */
const MAX_SLEW = 500e-6;

/** Where received samples belong. */
export interface Place {
  readonly sampleIndex: number;
  /** Time of the first of them, nanoseconds since 1970-01-01T00:00:00Z. */
  readonly timestampNs: bigint;
  /** Samples that seem to be missing before now, by the clock; 0 nearly always. */
  readonly suspectedLoss: number;
  /** More samples have come than the time of the rate that is claimed has room for. */
  readonly isAhead: boolean;
}

/** A sample whose time is known, and how long others take by the steady clock. */
interface Anchor {
  readonly index: number;
  readonly atMs: number;
  /** How long a second of the samples lasts, seconds. */
  readonly scale: number;
}

/**
 * Index and time of samples that come without either. The index counts what was received; while nothing is received it
 * follows the clock, so that a pause is a gap of about its length. The time runs evenly with the index and follows the
 * sender's clock slowly, by those chunks that came with the least delay; so the jitter of single ones is not in it.
 */
export class ReceivedTimeline {
  readonly #clock: Clock;
  #rateHz: number;
  #next = 0;
  /** Since when nothing is received, steady clock; undefined while the index stands until more is. */
  #pausedAtMs: number | undefined;
  #anchor: Anchor | undefined;
  #windowEndsMs = 0;
  #leastLateMs = Number.POSITIVE_INFINITY;
  /** What is to be added to the steady clock for the time of day, milliseconds; taken when reception begins. */
  #wallNs = 0n;
  #wallAtMs = 0;

  /** Nothing is received yet. */
  constructor(clock: Clock, rateHz: number) {
    this.#clock = clock;
    this.#rateHz = rateHz;
    this.#pausedAtMs = clock.nowMs();
  }

  nextIndex(): number {
    if (this.#pausedAtMs === undefined) return this.#next;
    // Multiplied first: 4.1 s at 2 MS/s would come out a sample short.
    return this.#next + Math.floor(((this.#clock.nowMs() - this.#pausedAtMs) * this.#rateHz) / 1000);
  }

  /** Nothing comes for now: the index follows the clock. */
  pause(): void {
    this.#pausedAtMs ??= this.#clock.nowMs();
    this.#anchor = undefined;
  }

  /** The next sample to come is the next by its index, however long it takes. */
  expect(): void {
    this.#next = this.nextIndex();
    this.#pausedAtMs = undefined;
    this.#anchor = undefined;
  }

  /** The rate is another from the next sample on. */
  setRate(rateHz: number): void {
    this.#next = this.nextIndex();
    if (this.#pausedAtMs !== undefined) this.#pausedAtMs = this.#clock.nowMs();
    this.#rateHz = rateHz;
    this.#anchor = undefined;
  }

  /** Samples came that nobody is given. */
  skip(samples: number): void {
    this.#next += samples;
  }

  /** Samples came just now. */
  received(samples: number): Place {
    if (this.#pausedAtMs !== undefined) this.expect();
    const nowMs = this.#clock.nowMs();
    const sampleIndex = this.#next;
    const anchor = this.#anchor ?? this.#begin(nowMs - (samples * 1000) / this.#rateHz, nowMs);
    const timestampNs = this.#wallNs + BigInt(Math.round((this.#timeMs(anchor, sampleIndex) - this.#wallAtMs) * 1e6));
    this.#next += samples;
    const lateMs = nowMs - this.#timeMs(anchor, this.#next);
    this.#leastLateMs = Math.min(this.#leastLateMs, lateMs);
    const suspectedLoss = nowMs < this.#windowEndsMs ? 0 : this.#conclude(anchor, nowMs);
    return { sampleIndex, timestampNs, suspectedLoss, isAhead: lateMs < -MAX_AHEAD_MS };
  }

  #timeMs({ index, atMs, scale }: Anchor, sampleIndex: number): number {
    return atMs + (((sampleIndex - index) * 1000) / this.#rateHz) * scale;
  }

  #begin(firstAtMs: number, nowMs: number): Anchor {
    this.#wallNs = this.#clock.wallNs();
    this.#wallAtMs = nowMs;
    this.#anchor = { index: this.#next, atMs: firstAtMs, scale: 1 };
    this.#nextWindow(nowMs);
    return this.#anchor;
  }

  #nextWindow(nowMs: number): void {
    this.#windowEndsMs = nowMs + WINDOW_MS;
    this.#leastLateMs = Number.POSITIVE_INFINITY;
  }

  /** A window is over: corrects the time scale; returns samples that seem to be missing. */
  #conclude(anchor: Anchor, nowMs: number): number {
    const lateMs = this.#leastLateMs;
    const dueMs = this.#timeMs(anchor, this.#next);
    this.#nextWindow(nowMs);
    if (lateMs > SUSPECT_MS) {
      this.#anchor = { index: this.#next, atMs: dueMs + lateMs, scale: 1 };
      return Math.round((lateMs * this.#rateHz) / 1000);
    }
    const slew = Math.max(-MAX_SLEW, Math.min(MAX_SLEW, lateMs / WINDOW_MS));
    this.#anchor = { index: this.#next, atMs: dueMs, scale: 1 + slew };
    return 0;
  }
}
