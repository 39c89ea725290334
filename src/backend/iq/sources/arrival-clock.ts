import type { Clock } from '../../clock.ts';

/** Milliseconds over which the arrival of samples is watched before anything is concluded. */
const WINDOW_MS = 10_000;
/**
 * Milliseconds by which everything in a window must have come too late for samples to be missing: delays of a network
 * pass, and what is behind them comes early again. By more than this, either way, the time is set and no longer led.
 */
const SUSPECT_MS = 250;
/**
 * Milliseconds of samples that come before their time until the rate is not what is claimed: more than any sender can
 * have stored up and send at once.
 */
const MAX_AHEAD_MS = 5_000;
/** Largest correction of the time scale: the worst crystals are off by a fifth of this. */
const MAX_SLEW = 500e-6;

/** What the arrival of samples tells of them. */
export interface Observation {
  /** Samples that seem to be missing before now, by the clock; 0 nearly always. */
  readonly suspectedLoss: number;
  /** More samples have come than the time of the rate that is claimed has room for. */
  readonly isAhead: boolean;
}

/** A sample whose time is known, and how long those behind it take. */
interface Anchor {
  readonly index: number;
  /** Since the origin. */
  readonly atMs: number;
  /** How long a second of the samples lasts, seconds. */
  readonly scale: number;
}

/**
 * The time of samples that come without one. It runs evenly with their index and follows the sender's clock slowly, by those
 * arrivals that were delayed least; so the jitter of single ones is not in it. In the same way it follows the time of day.
 */
export class ArrivalClock {
  readonly #clock: Clock;
  #rateHz: number;
  /** Undefined until samples come whose time begins anew. */
  #anchor: Anchor | undefined;
  /** The time of day, nanoseconds since 1970, at a moment of the steady clock. */
  #originNs = 0n;
  #originMs = 0;
  /** By how much the time of day was set since then. */
  #setByMs = 0;
  #windowEndsMs = 0;
  #leastLateMs = Number.POSITIVE_INFINITY;
  /** By how much samples that came before their time have moved the time. */
  #gainedMs = 0;

  constructor(clock: Clock, rateHz: number) {
    this.#clock = clock;
    this.#rateHz = rateHz;
  }

  /** What comes next does not follow what came: the last sample of it will be one of that moment. */
  breakOff(): void {
    this.#anchor = undefined;
  }

  /** Another rate holds from a sample on. */
  setRate(index: number, rateHz: number): void {
    if (this.#anchor !== undefined) this.#anchor = { ...this.#anchor, index, atMs: this.#msAt(this.#anchor, index) };
    this.#rateHz = rateHz;
  }

  /** Samples have just come, and the one after them will have this index. */
  arrived(next: number): Observation {
    const nowMs = this.#clock.nowMs();
    const anchor = this.#anchor ?? this.#begin(next, nowMs);
    const lateMs = nowMs - this.#originMs + this.#setByMs - this.#msAt(anchor, next);
    this.#leastLateMs = Math.min(this.#leastLateMs, lateMs);
    const isAhead = this.#gainedMs - lateMs > MAX_AHEAD_MS;
    const suspectedLoss = nowMs < this.#windowEndsMs ? 0 : this.#conclude(anchor, next, nowMs);
    return { suspectedLoss, isAhead };
  }

  /** Time of a sample, nanoseconds since 1970-01-01T00:00:00Z; to be asked once samples have come. */
  timestampNs(index: number): bigint {
    const sinceMs = this.#anchor === undefined ? 0 : this.#msAt(this.#anchor, index);
    return this.#originNs + BigInt(Math.round(sinceMs * 1e6));
  }

  #msAt({ index, atMs, scale }: Anchor, sampleIndex: number): number {
    return atMs + (((sampleIndex - index) * 1000) / this.#rateHz) * scale;
  }

  #begin(next: number, nowMs: number): Anchor {
    this.#originNs = this.#clock.wallNs();
    this.#originMs = nowMs;
    this.#setByMs = 0;
    this.#gainedMs = 0;
    this.#anchor = { index: next, atMs: 0, scale: 1 };
    this.#nextWindow(nowMs);
    return this.#anchor;
  }

  #nextWindow(nowMs: number): void {
    this.#windowEndsMs = nowMs + WINDOW_MS;
    this.#leastLateMs = Number.POSITIVE_INFINITY;
  }

  /** A window is over: corrects the time; returns samples that seem to be missing. */
  #conclude(anchor: Anchor, next: number, nowMs: number): number {
    const leastMs = this.#leastLateMs;
    const setByMs = Number(this.#clock.wallNs() - this.#originNs) / 1e6 - (nowMs - this.#originMs);
    const offMs = leastMs + setByMs - this.#setByMs;
    const atMs = this.#msAt(anchor, next);
    this.#setByMs = setByMs;
    this.#nextWindow(nowMs);
    if (Math.abs(offMs) > SUSPECT_MS) this.#anchor = { index: next, atMs: atMs + offMs, scale: 1 };
    else {
      const slew = Math.max(-MAX_SLEW, Math.min(MAX_SLEW, offMs / WINDOW_MS));
      this.#anchor = { index: next, atMs, scale: 1 + slew };
    }
    if (leastMs < -SUSPECT_MS) this.#gainedMs -= leastMs;
    if (leastMs <= SUSPECT_MS) return 0;
    this.#gainedMs = 0;
    return Math.round((leastMs * this.#rateHz) / 1000);
  }
}
