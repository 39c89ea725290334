import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { PassbandError } from '../../errors.ts';
import { isRecord } from '../../is-record.ts';
import { unary } from '../call-adapters.ts';
import { checkStationId } from '../field-checks.ts';
import type { Station } from './station.ts';
import type { StationAdmin } from './station-admin.ts';
import { shownSettings } from './station-patch.ts';
import type { Stations } from './stations.ts';

interface StationRequest {
  readonly station_id: string;
}

interface UpdateRequest {
  readonly station: unknown;
  readonly update_mask: { readonly paths: readonly string[] } | null;
}

/** Paths of an update mask at most: as many as a station has members, and some. */
const MAX_MASK_PATHS = 64;

/** What a station's source decides on. */
function receivedMessage({ hub }: Station): object {
  const { datatype, tuning } = hub.source;
  return {
    datatype,
    sample_rate: tuning.sampleRateHz,
    center_frequency_hz: tuning.centerFrequencyHz,
    ring_seconds: hub.ringSeconds,
  };
}

/** A station as sdr.oran.Station. */
function stationMessage(station: Station): object {
  const { source } = station.hub;
  const { fault, producer = 'local' } = source;
  const started = fault === undefined ? 'STATION_STATE_RUNNING' : 'STATION_STATE_FAULTY';
  return {
    ...shownSettings(station.config.settings ?? {}),
    station_id: station.id,
    description: station.description,
    source: source.kind,
    ...(source.isAbsent === true ? {} : receivedMessage(station)),
    band: station.band,
    state: station.counters === undefined ? 'STATION_STATE_STOPPED' : started,
    producer,
    batch_size_samples: station.batchSizeSamples,
    subscribers: station.hub.tapCount,
    fault: fault?.publicMessage ?? '',
    epoch: station.hub.epoch.toString(),
    ...(station.fullScaleDbm === undefined ? {} : { full_scale_dbm: station.fullScaleDbm }),
  };
}

/** The station of a request. @throws PassbandError INVALID_ARGUMENT where it has none. */
function stationOf(station: unknown): Readonly<Record<string, unknown>> {
  if (!isRecord(station)) throw new PassbandError('INVALID_ARGUMENT', 'station is missing');
  return station;
}

/** sdr.oran.StationService. */
export function stationService(stations: Stations, admin: StationAdmin): UntypedServiceImplementation {
  return {
    ListStations: unary(() => ({ stations: stations.all().map(stationMessage) })),
    GetStation: unary((request: StationRequest) => stationMessage(stations.get(request.station_id))),
    CreateStation: unary(async (request: { readonly station: unknown }, gone) =>
      stationMessage(await admin.create(stationOf(request.station), gone)),
    ),
    UpdateStation: unary(async (request: UpdateRequest, gone) => {
      const { paths = [] } = request.update_mask ?? {};
      if (paths.length > MAX_MASK_PATHS) {
        throw new PassbandError('INVALID_ARGUMENT', `update_mask must have ${MAX_MASK_PATHS} paths at most`);
      }
      return stationMessage(await admin.update(stationOf(request.station), paths, gone));
    }),
    DeleteStation: unary(async (request: StationRequest, gone) => {
      await admin.remove(checkStationId(request.station_id), gone);
      return {};
    }),
  };
}
