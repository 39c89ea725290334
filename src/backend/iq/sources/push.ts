import type { Logger } from 'pino';
import { PassbandError } from '../../../errors.ts';
import type { Clock } from '../../clock.ts';
import { bytesPerSample, convertSamples, type Datatype } from '../formats.ts';
import { type Compression, MAX_BATCH_SAMPLES } from '../push/compression.ts';
import { GapAllowance } from '../push/gap-allowance.ts';
import type { PushConfig } from './config.ts';
import { IndexClock, LAST_INDEX } from './index-clock.ts';
import { refuseFrontEnd } from './refuse-front-end.ts';
import {
  type FrontEnd,
  MAX_BLOCK_SAMPLES,
  type Reception,
  type SampleBlock,
  type Source,
  type SourceSink,
  type Tuning,
} from './source.ts';

/** Milliseconds for which readers wait for a producer that has gone: one that is restarted is back by then. */
export const GRACE_MS = 5000;

const SAMPLE_BYTES = bytesPerSample('cf32_le');

/** Samples as a producer pushes them. */
export interface PushedSamples {
  /** Interleaved float32, at most MAX_BLOCK_SAMPLES, beginning at a multiple of 4. */
  readonly samples: Uint8Array;
  /** Samples that were lost right before these. */
  readonly lostBefore: number;
  /** Time of the first sample, nanoseconds since 1970-01-01T00:00:00Z. */
  readonly timestampNs: bigint;
  readonly reception: Reception;
}

/** What the one producer that is connected holds. */
export interface ProducerSession {
  /**
   * To be asked before the tuning of the samples behind a gap is stated.
   *
   * @throws PassbandError INVALID_ARGUMENT where a gap of so many samples is longer than can be, FAILED_PRECONDITION when
   *   the station has counted to its end.
   */
  mayLose(samples: number): void;
  /** Hands on the next samples. */
  push(samples: PushedSamples): void;
  /** States the tuning of the next samples. */
  follow(tuning: Tuning): void;
  /** The producer is gone; its samples last `aheadMs` longer than now by their rate. */
  leave(aheadMs: number): void;
}

/**
 * Samples that one remote producer at a time brings. The sample index counts them; what a producer says it has lost and the
 * time between two producers are gaps in it.
 */
export class PushSource implements Source {
  readonly kind = 'push';
  readonly connects = true;
  readonly datatype: Datatype;
  /** The compression that StartStream has announced; undefined takes any. */
  expectedCompression: Compression | undefined;
  readonly #stationId: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #scratch: Uint8Array;
  readonly #gaps: GapAllowance;
  readonly #index: IndexClock;
  #tuning: Tuning;
  #sink: SourceSink | undefined;
  #producer: string | undefined;
  #fault: PassbandError | undefined;
  #cancelGrace = (): void => {};

  constructor(
    config: PushConfig,
    context: { readonly stationId: string; readonly clock: Clock; readonly log: Logger },
  ) {
    this.datatype = config.datatype;
    this.#tuning = { sampleRateHz: config.sampleRateHz, centerFrequencyHz: config.centerFrequencyHz };
    this.#stationId = context.stationId;
    this.#clock = context.clock;
    this.#log = context.log;
    this.#gaps = new GapAllowance(context.clock);
    this.#index = new IndexClock(context.clock, config.sampleRateHz);
    const isConverted = config.datatype !== 'cf32_le';
    this.#scratch = new Uint8Array(isConverted ? MAX_BLOCK_SAMPLES * bytesPerSample(config.datatype) : 0);
    this.#fault = this.#nobody();
  }

  get tuning(): Tuning {
    return this.#tuning;
  }

  get fault(): PassbandError | undefined {
    return this.#fault;
  }

  /** Empty while there is none: such a station never has a local one. */
  get producer(): string {
    return this.#producer ?? '';
  }

  nextIndex(): number {
    return this.#index.next;
  }

  start(sink: SourceSink): void {
    this.#sink = sink;
  }

  stop(): void {
    this.#sink = undefined;
  }

  tune(tuning: Tuning, frontEnd: FrontEnd): void {
    refuseFrontEnd(this.kind, frontEnd);
    if (this.#producer !== undefined) {
      throw new PassbandError(
        'FAILED_PRECONDITION',
        'a push source has the rate and the frequency that its producer states in its batches; change them there',
      );
    }
    this.#retune(tuning);
  }

  close(): void {
    this.#cancelGrace();
    this.#sink = undefined;
  }

  /** @throws PassbandError ALREADY_EXISTS while a producer is connected. */
  requireFree(): void {
    if (this.#producer === undefined) return;
    throw new PassbandError(
      'ALREADY_EXISTS',
      `station ${this.#stationId} has a producer already; it takes one at a time`,
    );
  }

  /** Lets a producer in, by the common name of its certificate. @throws PassbandError ALREADY_EXISTS. */
  connect(producer: string): ProducerSession {
    this.requireFree();
    this.#cancelGrace();
    this.#index.expect();
    this.#producer = producer;
    this.#fault = undefined;
    this.#log.info({ stationId: this.#stationId, producer }, 'a producer is connected');
    let isGone = false;
    return {
      mayLose: (samples) => this.#mayLose(samples),
      push: (samples) => {
        if (!isGone) this.#push(samples);
      },
      follow: (tuning) => {
        if (!isGone) this.#retune(tuning);
      },
      leave: (aheadMs) => {
        if (isGone) return;
        isGone = true;
        this.#leave(aheadMs);
      },
    };
  }

  #mayLose(samples: number): void {
    if (this.#index.next + samples > LAST_INDEX - MAX_BATCH_SAMPLES) {
      const reason = `station ${this.#stationId}'s count of samples is at its end; make the station anew`;
      throw new PassbandError('FAILED_PRECONDITION', reason);
    }
    this.#gaps.spend(samples / this.#tuning.sampleRateHz);
  }

  #push({ samples, lostBefore, timestampNs, reception }: PushedSamples): void {
    const count = samples.length / SAMPLE_BYTES;
    const sampleIndex = this.#index.place(count, lostBefore);
    this.#sink?.samples({ ...this.#tuning, sampleIndex, timestampNs, ...this.#convert(samples, count), reception });
  }

  #convert(samples: Uint8Array, count: number): Pick<SampleBlock, 'bytes' | 'saturatedValues'> {
    if (this.datatype === 'cf32_le') return { bytes: samples };
    const converted = this.#scratch.subarray(0, count * bytesPerSample(this.datatype));
    return { bytes: converted, saturatedValues: convertSamples('cf32_le', this.datatype, samples, converted) };
  }

  #retune({ sampleRateHz, centerFrequencyHz }: Tuning): void {
    this.#index.setRate(sampleRateHz);
    this.#tuning = { sampleRateHz, centerFrequencyHz };
  }

  #leave(aheadMs: number): void {
    this.#log.info({ stationId: this.#stationId, producer: this.#producer }, 'the producer has gone');
    this.#producer = undefined;
    // Never without a gap: what two producers sent is not one signal.
    this.#index.pause({ sinceMs: this.#clock.nowMs() + aheadMs, leastGap: 1 });
    this.#cancelGrace = this.#clock.after(GRACE_MS, () => {
      const fault = this.#nobody();
      this.#fault = fault;
      this.#sink?.failed(fault);
    });
  }

  #nobody(): PassbandError {
    return new PassbandError(
      'UNAVAILABLE',
      `no producer is connected to station ${this.#stationId}; it has samples while one pushes them by StreamIQ`,
    );
  }
}
