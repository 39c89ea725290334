import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../package-root.ts';
import { declareStation } from './declared-station.ts';
import type { StationConfig } from './station-config.ts';

/** The stations of a backend that was told of no others: a simulated one and a real recording. */
export const DEFAULT_STATIONS: readonly StationConfig[] = [
  {
    station_id: 'sim-1',
    description: 'Simulated receiver: QPSK at 125 kBd in white noise, and a carrier 250 kHz above the centre',
    sample_rate: 1_000_000,
    center_frequency_hz: 100_000_000,
    sim: {
      seed: 1,
      noise_dbfs: -40,
      qpsk: [{ power_dbfs: -20 }],
      carriers: [{ offset_hz: 250_000, power_dbfs: -12 }],
    },
  },
  {
    station_id: 'adsb',
    description: 'Mode S and ADS-B replies of aircraft, a recording made off the air, over and over',
    sigmf: { file: join(PACKAGE_ROOT, 'fixtures', 'recordings', 'modes1.sigmf-meta') },
  },
].map((settings) => declareStation(settings, PACKAGE_ROOT));
