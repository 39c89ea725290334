import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { unary } from './call-adapters.ts';
import type { Station } from './station.ts';
import type { Stations } from './stations.ts';

/** A station as sdr.oran.Station. */
function stationMessage(station: Station): object {
  const { source } = station.hub;
  return {
    station_id: station.id,
    description: station.description,
    source: source.kind,
    datatype: source.datatype,
    sample_rate: source.tuning.sampleRateHz,
    center_frequency_hz: source.tuning.centerFrequencyHz,
    band: station.band,
    state: station.counters === undefined ? 'STATION_STATE_STOPPED' : 'STATION_STATE_RUNNING',
    producer: 'local',
    ring_seconds: station.hub.ringSeconds,
    batch_size_samples: station.batchSizeSamples,
    subscribers: station.hub.tapCount,
    ...(station.fullScaleDbm === undefined ? {} : { full_scale_dbm: station.fullScaleDbm }),
  };
}

/** sdr.oran.StationService. */
export function stationService(stations: Stations): UntypedServiceImplementation {
  return {
    ListStations: unary(() => ({ stations: stations.all().map(stationMessage) })),
    GetStation: unary((request: { readonly station_id: string }) => stationMessage(stations.get(request.station_id))),
  };
}
