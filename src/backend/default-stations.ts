import { join } from 'node:path';
import { PACKAGE_ROOT } from '../package-root.ts';
import type { StationConfig } from './station-config.ts';

/** The stations of a backend that was told of no others: a simulated one and a real recording. */
export const DEFAULT_STATIONS: readonly StationConfig[] = [
  {
    stationId: 'sim-1',
    description: 'Simulated receiver: QPSK at 125 kBd in white noise, and a carrier 250 kHz above the centre',
    source: {
      kind: 'sim',
      seed: 1,
      sampleRateHz: 1_000_000,
      centerFrequencyHz: 100_000_000,
      qpsk: { powerDbfs: -20 },
      carrier: { offsetHz: 250_000, powerDbfs: -12 },
      snrDb: 20,
    },
  },
  {
    stationId: 'adsb',
    description: 'Mode S and ADS-B replies of aircraft, a recording made off the air, over and over',
    source: { kind: 'sigmf', file: join(PACKAGE_ROOT, 'fixtures', 'recordings', 'modes1.sigmf-meta') },
  },
];
