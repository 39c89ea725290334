import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { unary } from '../call-adapters.ts';
import type { Clock } from '../clock.ts';
import { checkNumber } from '../field-checks.ts';
import type { Stations } from '../stations/stations.ts';
import type { Antenna } from './antenna.ts';
import { Antennas } from './antennas.ts';
import { AZIMUTH, ELEVATION, POLARIZATION } from './checked-updates.ts';
import { type ListPassesRequest, listPasses } from './list-passes.ts';
import { antennaStatus } from './status.ts';
import { trackSatellite } from './track-satellite.ts';

interface StationRequest {
  readonly station_id: string;
}

interface PointRequest extends StationRequest {
  readonly azimuth_deg: number;
  readonly elevation_deg: number;
  readonly polarization_deg: number;
}

async function point(antenna: Antenna, request: PointRequest): Promise<object> {
  const azimuthDeg = checkNumber('azimuth_deg', request.azimuth_deg, AZIMUTH);
  const elevationDeg = checkNumber('elevation_deg', request.elevation_deg, ELEVATION);
  const polarizationDeg = checkNumber('polarization_deg', request.polarization_deg, POLARIZATION);
  const { direction, errorDeg } = await antenna.point({ azimuthDeg, elevationDeg, polarizationDeg });
  return {
    success: true,
    message: `the antenna of ${antenna.station.id} turns to azimuth ${azimuthDeg} and elevation ${elevationDeg} degrees`,
    actual_azimuth_deg: direction.azimuthDeg,
    actual_elevation_deg: direction.elevationDeg,
    pointing_error_deg: errorDeg,
  };
}

/** sdr.oran.AntennaControlService. */
export function antennaService(stations: Stations, clock: Clock): UntypedServiceImplementation {
  const antennas = new Antennas(stations, clock);
  return {
    PointAntenna: unary((request: PointRequest) => point(antennas.get(request.station_id), request)),
    GetAntennaStatus: unary((request: StationRequest) => antennaStatus(antennas.get(request.station_id), clock)),
    TrackSatellite: trackSatellite(antennas, clock),
    ListPasses: unary((request: ListPassesRequest) => listPasses(request, stations.get(request.station_id), clock)),
  };
}
