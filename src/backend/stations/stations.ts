import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { PassbandError, UsageError } from '../../errors.ts';
import { type Clock, systemClock } from '../clock.ts';
import { checkStationId } from '../field-checks.ts';
import type { Source } from '../iq/sources/source.ts';
import { Station } from './station.ts';
import type { StationConfig } from './station-config.ts';
import type { StationsMetrics } from './station-metrics.ts';
import { StationSources } from './station-sources.ts';

/** Stations at a time: each has a ring of some megabytes and labels in the metrics. */
export const MAX_STATIONS = 256;

/** What stations are made with. */
export interface StationsContext {
  readonly metrics: StationsMetrics;
  readonly log: Logger;
  /** The machine's unless a test brings its own. */
  readonly clock?: Clock;
}

/** Who wants to know which stations there are. */
export interface StationsObserver {
  opened(station: Station): void;
  /** The station has ended; its readers have been told. */
  closed(station: Station): void;
}

/** A station, or a change of one, that is ready: what may fail has been done. */
export interface PreparedStation {
  /** Takes effect. */
  begin(): Station;
  /** Does not. */
  discard(): void;
}

/** The stations of this backend, ordered by id. */
export class Stations {
  readonly #context: StationsContext;
  readonly #clock: Clock;
  readonly #sources: StationSources;
  #stations: ReadonlyMap<string, Station> = new Map();
  readonly #observers = new Set<StationsObserver>();
  /** Ids of stations that are being opened: their sources may take a while. */
  readonly #opening = new Set<string>();

  constructor(context: StationsContext) {
    this.#context = context;
    this.#clock = context.clock ?? systemClock;
    this.#sources = new StationSources({ ...context, clock: this.#clock });
  }

  all(): readonly Station[] {
    return [...this.#stations.values()];
  }

  /** Aborts, with what callers are to be told, when all stations end. */
  get closing(): AbortSignal {
    return this.#sources.closing;
  }

  /** The station of an id as a client sent it. @throws PassbandError INVALID_ARGUMENT or NOT_FOUND. */
  get(stationId: string): Station {
    const station = this.#stations.get(checkStationId(stationId));
    if (station !== undefined) return station;
    throw new PassbandError('NOT_FOUND', `there is no station ${stationId}; ListStations tells which there are`);
  }

  /** Tells of every station there is and that comes, and of each that goes; returns how to hear no more. */
  observe(observer: StationsObserver): () => void {
    this.#observers.add(observer);
    for (const station of this.all()) observer.opened(station);
    return () => this.#observers.delete(observer);
  }

  /**
   * Opens a station; it runs from then on.
   *
   * @throws PassbandError ALREADY_EXISTS or RESOURCE_EXHAUSTED, UsageError where its source is wrong.
   */
  async open(config: StationConfig): Promise<Station> {
    return (await this.prepare(config, this.closing)).begin();
  }

  /** Makes a station ready that is to be added. @throws like open; or the reason of the signal, as soon as it aborts. */
  prepare(config: StationConfig, gone: AbortSignal): Promise<PreparedStation> {
    return this.#prepare(config, () => this.#sources.open(config, gone));
  }

  /**
   * Opens a station; it is there also where its source cannot be opened, or not soon: faulty, and begins anew as soon as
   * that can.
   *
   * @throws PassbandError ALREADY_EXISTS or RESOURCE_EXHAUSTED.
   */
  async openEvenFaulty(config: StationConfig): Promise<Station> {
    const source = (): Promise<Source> =>
      this.#sources.openOrStandIn(config, (late, standIn) => this.#replace(config.stationId, late, standIn));
    return (await this.#prepare(config, source)).begin();
  }

  async #prepare(config: StationConfig, open: () => Promise<Source>): Promise<PreparedStation> {
    const { stationId } = config;
    if (this.#stations.has(stationId) || this.#opening.has(stationId)) {
      throw new PassbandError('ALREADY_EXISTS', `there is a station ${stationId} already`);
    }
    if (this.#stations.size + this.#opening.size >= MAX_STATIONS) {
      throw new PassbandError('RESOURCE_EXHAUSTED', `there are ${MAX_STATIONS} stations already; remove one first`);
    }
    this.#opening.add(stationId);
    try {
      const source = await open();
      return {
        begin: () => {
          this.#opening.delete(stationId);
          return this.#begin(config, source);
        },
        discard: () => {
          this.#opening.delete(stationId);
          source.close();
        },
      };
    } catch (error) {
      this.#opening.delete(stationId);
      throw error;
    }
  }

  /**
   * Makes a change of a station ready. Where more changes than what it is called, its source is opened anew and the
   * station begins anew in the place of the one there was.
   *
   * @throws UsageError where its source is wrong; or the reason of the signal, as soon as it aborts.
   */
  async prepareChange(station: Station, config: StationConfig, gone: AbortSignal): Promise<PreparedStation> {
    if (isDeepStrictEqual(workings(station.config), workings(config))) {
      return {
        begin: () => {
          const present = this.#presentOf(station);
          present.adopt(config);
          return present;
        },
        discard: () => {},
      };
    }
    const source = await this.#sources.open(config, gone);
    return {
      begin: () => {
        const reason = new PassbandError('UNAVAILABLE', `station ${station.id} was changed and begins anew`);
        this.#end(this.#presentOf(station), reason);
        return this.#begin(config, source);
      },
      discard: () => source.close(),
    };
  }

  /** Ends a station; its readers see the reason. @throws PassbandError NOT_FOUND. */
  remove(stationId: string, reason: PassbandError): void {
    this.#end(this.get(stationId), reason);
    this.#context.metrics.forget(stationId);
  }

  /** Ends all stations. */
  close(reason: PassbandError): void {
    this.#sources.close(reason);
    for (const station of this.all()) this.#end(station, reason);
  }

  /** A source that came late takes the place of what has stood for it; its station begins anew. */
  #replace(stationId: string, late: Source, standIn: Source): void {
    const station = this.#stations.get(stationId);
    if (station?.hub.source !== standIn) {
      late.close();
      return;
    }
    const isStopped = station.counters === undefined;
    this.#end(station, new PassbandError('UNAVAILABLE', `station ${stationId} begins anew`));
    const begun = this.#begin(station.config, late);
    if (isStopped) begun.stop();
    this.#context.log.info({ station: stationId }, 'the source of a station could be opened');
  }

  /** The station that has the place of one by now: one whose source came late has begun anew meanwhile. */
  #presentOf(station: Station): Station {
    return this.#stations.get(station.id) ?? station;
  }

  #begin(config: StationConfig, source: Source): Station {
    const station = new Station(config, source, this.#clock, this.#context.metrics.of(config.stationId));
    const stations = [...this.#stations, [station.id, station] as const];
    this.#stations = new Map(stations.sort(([a], [b]) => (a < b ? -1 : 1)));
    for (const observer of this.#observers) observer.opened(station);
    return station;
  }

  #end(station: Station, reason: PassbandError): void {
    this.#stations = new Map([...this.#stations].filter(([id]) => id !== station.id));
    station.close(reason);
    for (const observer of this.#observers) observer.closed(station);
  }
}

/**
 * What a station does, without what it is called, how its frames are cut unless a reader says otherwise, and what is looked
 * up each time that something is predicted: UT1 - UTC, but for the source of a simulated pass.
 */
function workings(config: StationConfig): Partial<StationConfig> {
  const { settings, description, band, batchSizeSamples, fullScaleDbm, ...rest } = config;
  const { site, source } = rest;
  if (site === undefined || (source.kind === 'sim' && source.pass !== undefined)) return rest;
  const { ut1UtcS, ...place } = site;
  return { ...rest, site: place };
}

/**
 * Opens the declared stations; recordings are read and checked. One that cannot be read, or not soon, is the fault of its
 * station alone.
 *
 * @throws UsageError for ids that are wrong.
 */
export async function openStations(configs: readonly StationConfig[], context: StationsContext): Promise<Stations> {
  const stations = new Stations(context);
  const ids = new Set<string>();
  for (const { stationId } of configs) {
    try {
      checkStationId(stationId);
    } catch (error) {
      throw new UsageError(`station "${stationId}": its id must be 1 to 64 of A-Z a-z 0-9 _ -`, { cause: error });
    }
    if (ids.has(stationId)) throw new UsageError('two stations have the same station_id');
    ids.add(stationId);
  }
  await Promise.all(configs.map((config) => stations.openEvenFaulty(config)));
  return stations;
}
