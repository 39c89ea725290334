import { PassbandError, UsageError } from '../errors.ts';
import { type Clock, systemClock } from './clock.ts';
import { checkStationId } from './field-checks.ts';
import { PacedSource } from './iq/sources/paced-source.ts';
import { loadRecording, RecordingGenerator } from './iq/sources/sigmf.ts';
import { type SimConfig, SimGenerator } from './iq/sources/sim.ts';
import type { BackendMetrics } from './metrics.ts';
import { Station, type StationFacts } from './station.ts';

/** Where a station's samples come from. */
export type SourceConfig =
  | ({ readonly kind: 'sim' } & SimConfig)
  /** Plays a recording; `metaFile` is the path of its .sigmf-meta. */
  | { readonly kind: 'sigmf'; readonly metaFile: string };

/** A station as it is declared at start. */
export interface StationConfig extends StationFacts {
  readonly source: SourceConfig;
}

/** The stations of this backend, ordered by id. */
export class Stations {
  readonly #stations: ReadonlyMap<string, Station>;

  constructor(stations: readonly Station[]) {
    const ordered = [...stations].sort((a, b) => (a.id < b.id ? -1 : 1));
    this.#stations = new Map(ordered.map((station) => [station.id, station]));
    if (this.#stations.size !== stations.length) throw new UsageError('two stations have the same station_id');
  }

  all(): readonly Station[] {
    return [...this.#stations.values()];
  }

  /** The station of an id as a client sent it. @throws PassbandError INVALID_ARGUMENT or NOT_FOUND. */
  get(stationId: string): Station {
    const station = this.#stations.get(checkStationId(stationId));
    if (station !== undefined) return station;
    throw new PassbandError('NOT_FOUND', `there is no station ${stationId}; ListStations tells which there are`);
  }
}

/**
 * Makes the declared stations; recordings are read and checked.
 *
 * @throws UsageError that names the station or the file and what is wrong.
 */
export async function openStations(
  configs: readonly StationConfig[],
  metrics: BackendMetrics,
  clock: Clock = systemClock,
): Promise<Stations> {
  const stations = await Promise.all(
    configs.map(async ({ source, ...facts }) => {
      try {
        checkStationId(facts.stationId);
      } catch (error) {
        throw new UsageError(`station "${facts.stationId}": its id must be 1 to 64 of A-Z a-z 0-9 _ -`, {
          cause: error,
        });
      }
      const generator =
        source.kind === 'sim' ? new SimGenerator(source) : new RecordingGenerator(await loadRecording(source.metaFile));
      return new Station(facts, new PacedSource(generator, clock), clock, metrics.station(facts.stationId));
    }),
  );
  return new Stations(stations);
}
