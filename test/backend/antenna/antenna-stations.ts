import type { StationConfig } from '../../../src/backend/stations/station-config.ts';
import type { TestPki } from '../../support/pki.ts';
import { BackendUnderTest } from '../backend-under-test.ts';
import { ManualClock } from '../manual-clock.ts';
import { madeUp } from './element-sets.ts';

const SOURCE: StationConfig['source'] = {
  kind: 'sim',
  seed: 1,
  sampleRateHz: 10_000,
  centerFrequencyHz: 437_000_000,
  carriers: [{ offsetHz: 0, powerDbfs: -10 }],
};
export const SITE = { latitudeDeg: 52.1, longitudeDeg: 13.2, altitudeM: 34 };

/** A polar orbit at 500 km of the time at which the manual clock begins. */
const { line1, line2 } = madeUp({ inclinationDeg: 97.4, nodeDeg: 100, anomalyDeg: 0, meanMotion: 15.22 });
export const ELEMENTS = { tle_line1: line1, tle_line2: line2 };

/** Stations with antennas of several kinds and without. */
export const STATIONS: readonly StationConfig[] = [
  { stationId: 'dish', description: '', source: SOURCE, site: SITE, antenna: { kind: 'simulated' } },
  { stationId: 'rover', description: '', source: SOURCE, antenna: { kind: 'simulated', maxElevationDeg: 60 } },
  {
    stationId: 'window',
    description: '',
    source: SOURCE,
    antenna: { kind: 'simulated', minAzimuthDeg: 90, maxAzimuthDeg: 270, minElevationDeg: 5 },
  },
  { stationId: 'whip', description: '', source: SOURCE, site: SITE },
];

/** A backend with these stations and a clock that a test moves. */
export async function startAntennas(
  pki?: TestPki,
): Promise<{ readonly backend: BackendUnderTest; readonly clock: ManualClock }> {
  const clock = new ManualClock();
  const given = { clock, stations: STATIONS };
  return { clock, backend: await BackendUnderTest.start(pki === undefined ? given : { ...given, pki }) };
}
