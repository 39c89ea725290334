import { PassbandError } from '../errors.ts';
import type { Clock } from './clock.ts';
import { StationHub } from './iq/hub.ts';
import type { Source, Tuning } from './iq/sources/source.ts';
import { StreamCounters } from './iq/stream-counters.ts';
import type { StationMetrics } from './metrics.ts';

/** Samples in a frame unless someone says otherwise; the fleet's default. */
export const DEFAULT_BATCH_SIZE = 8192;

/** What a station is called and what is known of it besides its source. */
export interface StationFacts {
  readonly stationId: string;
  readonly description: string;
  readonly band?: string;
  /** Samples in a frame unless a reader asks otherwise; DEFAULT_BATCH_SIZE when absent. */
  readonly batchSizeSamples?: number;
  /** Power in dBm of a tone at 0 dBFS, where the source is calibrated. */
  readonly fullScaleDbm?: number;
}

/** What StartStream may change; absent fields stay. */
export interface StationChange extends Partial<Tuning> {
  readonly band?: string;
  readonly batchSizeSamples?: number;
}

/** One station: a source with its hub, started or stopped, and its settings. */
export class Station {
  readonly id: string;
  readonly description: string;
  readonly fullScaleDbm: number | undefined;
  readonly hub: StationHub;
  readonly #clock: Clock;
  #band: string;
  #batchSizeSamples: number;
  #counters: StreamCounters | undefined;

  /** A new station is running. */
  constructor(facts: StationFacts, source: Source, clock: Clock, metrics: StationMetrics) {
    this.id = facts.stationId;
    this.description = facts.description;
    this.fullScaleDbm = facts.fullScaleDbm;
    this.hub = new StationHub(facts.stationId, source, clock, metrics);
    this.#clock = clock;
    this.#band = facts.band ?? '';
    this.#batchSizeSamples = facts.batchSizeSamples ?? DEFAULT_BATCH_SIZE;
    this.#counters = new StreamCounters(clock, this.hub);
  }

  get band(): string {
    return this.#band;
  }

  get batchSizeSamples(): number {
    return this.#batchSizeSamples;
  }

  /** Counters since the start; undefined while stopped. */
  get counters(): StreamCounters | undefined {
    return this.#counters;
  }

  /** Counters of the running stream. @throws PassbandError FAILED_PRECONDITION when the station is stopped. */
  requireRunning(): StreamCounters {
    if (this.#counters !== undefined) return this.#counters;
    throw new PassbandError('FAILED_PRECONDITION', `station ${this.id} is stopped; start it with StartStream`);
  }

  /**
   * Starts the station, or changes it when it runs already. Nothing has changed when it throws.
   *
   * @returns what happened, in a word.
   */
  start(change: StationChange): 'started' | 'retuned' | 'unchanged' {
    const before = this.hub.source.tuning;
    const wanted: Tuning = {
      sampleRateHz: change.sampleRateHz ?? before.sampleRateHz,
      centerFrequencyHz: change.centerFrequencyHz ?? before.centerFrequencyHz,
    };
    const retune = wanted.sampleRateHz !== before.sampleRateHz || wanted.centerFrequencyHz !== before.centerFrequencyHz;
    if (retune) {
      this.hub.source.tune(wanted);
      this.hub.retuned();
    }
    this.#band = change.band ?? this.#band;
    this.#batchSizeSamples = change.batchSizeSamples ?? this.#batchSizeSamples;
    if (this.#counters !== undefined) return retune ? 'retuned' : 'unchanged';
    this.#counters = new StreamCounters(this.#clock, this.hub);
    return 'started';
  }

  /** Stops the station; its readers see the end of their streams. False when it was stopped before. */
  stop(): boolean {
    if (this.#counters === undefined) return false;
    this.#counters = undefined;
    this.hub.end('stopped');
    return true;
  }
}
