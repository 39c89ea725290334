import type { StationConfig } from '../../src/backend/stations/station-config.ts';

/** A simulated station of some sixty frames a second: enough to see a gap, and little work. */
export function narrowStation(stationId: string, seed: number): StationConfig {
  return {
    stationId,
    description: 'narrow',
    source: {
      kind: 'sim',
      seed,
      sampleRateHz: 64_000,
      centerFrequencyHz: 1e8,
      carriers: [{ offsetHz: 1000, powerDbfs: -12 }],
      noiseDbfs: -32,
    },
  };
}
