/** Station of the bench: white noise, so that no two samples are alike and making them costs little. */
export const STATION_ID = 'bench';
export const CENTER_HZ = 100e6;
export const SEED = 7;
export const NOISE_DBFS = -30;

/** A stations file that holds it. */
export function stationsFile(rateHz: number): string {
  return `version: 1
stations:
  - station_id: ${STATION_ID}
    description: Noise
    sample_rate: ${rateHz}
    center_frequency_hz: ${CENTER_HZ}
    sim:
      seed: ${SEED}
      noise_dbfs: ${NOISE_DBFS}
`;
}
