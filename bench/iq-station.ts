import type { StationConfig } from '../src/backend/stations/station-config.ts';

/** Station of the bench: white noise, so that no two samples are alike and making them costs little. */
export const STATION_ID = 'bench';
export const CENTER_HZ = 100e6;
export const SEED = 7;
export const NOISE_DBFS = -30;

/** How a backend is told of it. */
export function stationOf(sampleRateHz: number): StationConfig {
  const source = {
    kind: 'sim',
    seed: SEED,
    sampleRateHz,
    centerFrequencyHz: CENTER_HZ,
    noiseDbfs: NOISE_DBFS,
  } as const;
  return { stationId: STATION_ID, description: 'Noise', source };
}
