import { PassbandError } from '../../errors.ts';
import type { Clock } from '../clock.ts';
import { StationHub } from '../iq/hub.ts';
import type { FrontEnd, Source, Tuning } from '../iq/sources/source.ts';
import { StreamCounters } from '../iq/stream-counters.ts';
import { TunedStreams } from '../iq/tuned/tuned-streams.ts';
import type { StationConfig } from './station-config.ts';
import type { StationMetrics } from './station-metrics.ts';

/** Samples in a frame unless someone says otherwise; the fleet's default. */
export const DEFAULT_BATCH_SIZE = 8192;

/** What StartStream may change; absent fields stay. */
export interface StationChange extends Partial<Tuning> {
  readonly band?: string;
  readonly batchSizeSamples?: number;
  readonly frontEnd?: FrontEnd;
}

/** One station: a source with its hub, started or stopped, and its settings. */
export class Station {
  readonly id: string;
  readonly hub: StationHub;
  /** Parts of its band that are filtered for readers. */
  readonly tuned: TunedStreams;
  readonly #clock: Clock;
  #config: StationConfig;
  #band: string;
  #batchSizeSamples: number;
  #counters: StreamCounters | undefined;

  /** A new station is running. */
  constructor(config: StationConfig, source: Source, clock: Clock, metrics: StationMetrics) {
    this.id = config.stationId;
    this.#config = config;
    this.hub = new StationHub(config.stationId, source, clock, metrics, config.ring);
    this.tuned = new TunedStreams(this.hub);
    this.#clock = clock;
    this.#band = config.band ?? '';
    this.#batchSizeSamples = config.batchSizeSamples ?? DEFAULT_BATCH_SIZE;
    this.#counters = new StreamCounters(clock, this.hub);
  }

  /** As it was declared; what StartStream changed since is not in it. */
  get config(): StationConfig {
    return this.#config;
  }

  get description(): string {
    return this.config.description;
  }

  get fullScaleDbm(): number | undefined {
    return this.config.fullScaleDbm;
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

  /**
   * Counters of the running stream.
   *
   * @throws PassbandError FAILED_PRECONDITION when the station is stopped, UNAVAILABLE when its source could not be opened.
   */
  requireRunning(): StreamCounters {
    this.#requireSource();
    if (this.#counters !== undefined) return this.#counters;
    throw isStopped(this.id);
  }

  /**
   * Starts the station, or changes it when it runs already. Nothing has changed when it throws.
   *
   * @returns what happened, in a word.
   */
  start(change: StationChange): 'started' | 'retuned' | 'unchanged' {
    this.#requireSource();
    const before = this.hub.source.tuning;
    const wanted: Tuning = {
      sampleRateHz: change.sampleRateHz ?? before.sampleRateHz,
      centerFrequencyHz: change.centerFrequencyHz ?? before.centerFrequencyHz,
    };
    const { frontEnd = {} } = change;
    const retune =
      wanted.sampleRateHz !== before.sampleRateHz ||
      wanted.centerFrequencyHz !== before.centerFrequencyHz ||
      Object.values(frontEnd).some((value) => value !== undefined);
    if (retune) {
      this.hub.source.tune(wanted, frontEnd);
    }
    this.#band = change.band ?? this.#band;
    this.#batchSizeSamples = change.batchSizeSamples ?? this.#batchSizeSamples;
    if (this.#counters !== undefined) return retune ? 'retuned' : 'unchanged';
    this.#counters = new StreamCounters(this.#clock, this.hub);
    this.hub.shut(undefined);
    return 'started';
  }

  /** Stops the station; its readers see the end of their streams. False when it was stopped before. */
  stop(): boolean {
    if (this.#counters === undefined) return false;
    this.#counters = undefined;
    this.hub.shut(isStopped(this.id));
    this.hub.end('stopped');
    return true;
  }

  /** Takes another declaration over that differs in nothing but description, band, batch size, calibration and UT1 - UTC. */
  adopt(config: StationConfig): void {
    const before = this.#config;
    this.#config = config;
    if (config.band !== before.band) this.#band = config.band ?? '';
    if (config.batchSizeSamples !== before.batchSizeSamples) {
      this.#batchSizeSamples = config.batchSizeSamples ?? DEFAULT_BATCH_SIZE;
    }
  }

  /** Ends the station for good; its readers are told why. */
  close(reason: PassbandError): void {
    this.#counters = undefined;
    this.hub.shut(reason);
    this.hub.end(reason);
    this.hub.source.close();
  }

  #requireSource(): void {
    const { isAbsent, fault } = this.hub.source;
    if (isAbsent === true && fault !== undefined) throw fault;
  }
}

const isStopped = (stationId: string): PassbandError =>
  new PassbandError('FAILED_PRECONDITION', `station ${stationId} is stopped; start it with StartStream`);
