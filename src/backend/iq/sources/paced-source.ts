import { PassbandError } from '../../../errors.ts';
import type { Clock } from '../../clock.ts';
import { bytesPerSample, type Datatype } from '../formats.ts';
import type { FrontEnd, Reception, Source, SourceKind, SourceSink, Tuning } from './source.ts';

/** Milliseconds between two deliveries: short against what people and TCP notice, long against a timer's cost. */
export const TICK_MS = 10;

/** Milliseconds between two deliveries at high rates, where 10 ms would make bursts of megabytes. */
const FAST_TICK_MS = 2;
/** Samples a second from which on a rate is high. */
const FAST_RATE_HZ = 4e6;

/**
 * Milliseconds of samples that are made up for after a stall. What a longer stall missed becomes a gap: making it all up
 * would keep the process busy and so prolong the stall.
 */
export const MAX_CATCH_UP_MS = 1000;

/**
 * Milliseconds that a source works without giving way to others at most; the rest waits for the next tick. A rate that is
 * too much for the machine then costs this station samples, and no other station its time.
 */
export const MAX_WORK_MS = 50;

/** Samples in one block at most: bounds the scratch memory (512 KiB of cf32) and the time one block takes. */
export const MAX_BLOCK_SAMPLES = 65_536;

/** Samples as a function of their index: what differs between sources that are paced by the clock. */
export interface SampleGenerator {
  readonly kind: SourceKind;
  readonly datatype: Datatype;
  readonly tuning: Tuning;
  readonly reception?: Reception;
  /** Sample `sampleIndex` is due at this time, and those after it at the rate of `tuning`: told at first and after each tune. */
  anchor(sampleIndex: number, timestampNs: bigint): void;
  /** Fills `target` with whole samples from `sampleIndex` on. */
  fill(sampleIndex: number, target: Uint8Array): void;
  /** Listens elsewhere from a sample on. @throws PassbandError FAILED_PRECONDITION when it cannot. */
  tune(tuning: Tuning, fromIndex: number): void;
}

interface Anchor {
  readonly index: number;
  readonly atMs: number;
  readonly timestampNs: bigint;
}

/**
 * Delivers a generator's samples in real time. The schedule cannot drift: sample n is due at anchor + (n - anchor index)
 * / rate of the steady clock, whatever the timers do. The index follows the clock even while nothing is delivered.
 */
export class PacedSource implements Source {
  readonly #generator: SampleGenerator;
  readonly #clock: Clock;
  readonly #scratch: Uint8Array;
  readonly #bytesPerSample: number;
  #anchor: Anchor;
  /** First sample that was not made yet. */
  #next = 0;
  #sink: SourceSink | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(generator: SampleGenerator, clock: Clock) {
    this.#generator = generator;
    this.#clock = clock;
    this.#bytesPerSample = bytesPerSample(generator.datatype);
    this.#scratch = new Uint8Array(MAX_BLOCK_SAMPLES * this.#bytesPerSample);
    this.#anchor = this.#anchorAt(0);
  }

  get kind(): SourceKind {
    return this.#generator.kind;
  }

  get datatype(): Datatype {
    return this.#generator.datatype;
  }

  get tuning(): Tuning {
    return this.#generator.tuning;
  }

  /** The clock does not fail. */
  get fault(): undefined {
    return undefined;
  }

  nextIndex(): number {
    // While it delivers, what is due and not made yet still comes; while it does not, it never will.
    return this.#sink === undefined ? Math.max(this.#next, this.#dueIndex()) : this.#next;
  }

  start(sink: SourceSink): void {
    if (this.#sink !== undefined) throw new Error('the source delivers already');
    this.#next = this.nextIndex();
    this.#sink = sink;
    this.#arm();
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#sink = undefined;
  }

  tune(tuning: Tuning, frontEnd: FrontEnd): void {
    if (frontEnd.gainDb !== undefined || frontEnd.frequencyCorrectionPpm !== undefined) {
      throw new PassbandError('FAILED_PRECONDITION', `a ${this.kind} source has no gain and no oscillator to set`);
    }
    if (this.#sink !== undefined) this.#tick();
    const from = this.nextIndex();
    this.#generator.tune(tuning, from);
    this.#anchor = this.#anchorAt(from);
    this.#next = from;
    if (this.#sink !== undefined) this.#arm();
  }

  close(): void {}

  #arm(): void {
    this.#cancelTimer?.();
    const tickMs = this.tuning.sampleRateHz >= FAST_RATE_HZ ? FAST_TICK_MS : TICK_MS;
    this.#cancelTimer = this.#clock.every(tickMs, () => this.#tick());
  }

  #anchorAt(index: number): Anchor {
    const timestampNs = this.#clock.wallNs();
    this.#generator.anchor(index, timestampNs);
    return { index, atMs: this.#clock.nowMs(), timestampNs };
  }

  /** End (exclusive) of the samples whose time has come. */
  #dueIndex(): number {
    const elapsedMs = this.#clock.nowMs() - this.#anchor.atMs;
    // Multiplied first: 4.1 s at 2 MS/s would come out a sample short.
    return this.#anchor.index + Math.floor((elapsedMs * this.tuning.sampleRateHz) / 1000);
  }

  #timestampNs(index: number): bigint {
    return (
      this.#anchor.timestampNs + BigInt(Math.round(((index - this.#anchor.index) / this.tuning.sampleRateHz) * 1e9))
    );
  }

  #tick(): void {
    const { sampleRateHz, centerFrequencyHz } = this.tuning;
    const due = this.#dueIndex();
    const maxCatchUp = Math.ceil((MAX_CATCH_UP_MS / 1000) * sampleRateHz);
    if (due - this.#next > maxCatchUp) this.#next = due - maxCatchUp;
    const untilMs = this.#clock.nowMs() + MAX_WORK_MS;
    while (this.#next < due && this.#sink !== undefined && this.#clock.nowMs() <= untilMs) {
      const count = Math.min(due - this.#next, MAX_BLOCK_SAMPLES);
      const bytes = this.#scratch.subarray(0, count * this.#bytesPerSample);
      const sampleIndex = this.#next;
      this.#generator.fill(sampleIndex, bytes);
      this.#next += count;
      const timestampNs = this.#timestampNs(sampleIndex);
      const { reception } = this.#generator;
      const block = { sampleIndex, timestampNs, sampleRateHz, centerFrequencyHz, bytes };
      this.#sink.samples(reception === undefined ? block : { ...block, reception });
    }
  }
}
