import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { antennaService } from './antenna/service.ts';
import type { Clock } from './clock.ts';
import { iqStreamService } from './iq/service.ts';
import type { RecordingsFolder } from './recordings/recordings-folder.ts';
import { recordingService } from './recordings/service.ts';
import { spectrumMonitorService } from './spectrum/service.ts';
import type { StationAdmin } from './stations/station-admin.ts';
import { stationService } from './stations/station-service.ts';
import type { Stations } from './stations/stations.ts';

/** What the services are made with. */
export interface ServicesContext {
  readonly stations: Stations;
  readonly admin: StationAdmin;
  readonly recordings: RecordingsFolder;
  readonly clock: Clock;
}

/** Every radio service of the backend, by its full name. */
export function radioServices({
  stations,
  admin,
  recordings,
  clock,
}: ServicesContext): Readonly<Record<string, UntypedServiceImplementation>> {
  return {
    'sdr.oran.IQStreamService': iqStreamService(stations, clock),
    'sdr.oran.SpectrumMonitorService': spectrumMonitorService(stations),
    'sdr.oran.StationService': stationService(stations, admin),
    'sdr.oran.AntennaControlService': antennaService(stations, clock),
    'sdr.oran.recording.v1.RecordingService': recordingService(recordings, stations),
  };
}
