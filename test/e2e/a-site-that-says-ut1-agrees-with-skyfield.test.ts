// needs: skyfield
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { angleBetween } from '../../src/backend/antenna/axis-azimuth.ts';
import { madeUp } from '../backend/antenna/element-sets.ts';
import { askSkyfield, type SkyfieldAnswer } from '../backend/antenna/skyfield.ts';
import { ManualClock } from '../backend/manual-clock.ts';
import { type Answer, type Caller, callerOf, pairIn } from '../support/https.ts';
import { type Stack, startStack } from '../support/stack.ts';

const S_BAND_HZ = 2.25e9;
const LIGHT_SPEED_KM_S = 299_792.458;
const START_MS = Number(ManualClock.START_NS / 1_000_000n);
const SITE = { latitudeDeg: 52.1, longitudeDeg: 13.2, altitudeM: 34 };
const { line1, line2 } = madeUp({ inclinationDeg: 97.4, nodeDeg: 100, anomalyDeg: 0, meanMotion: 15.22 });
const STATIONS = `version: 1
stations:
  - station_id: dish
    sample_rate: 10000
    center_frequency_hz: 2250000000
    sim: { noise_dbfs: -30 }
    site: { latitude_deg: 52.1, longitude_deg: 13.2, altitude_m: 34 }
`;

let dir: string;
let clock: ManualClock;
let stack: Stack;
let client: Caller;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'passband-ut1-'));
  await writeFile(join(dir, 'stations.yaml'), STATIONS);
  clock = new ManualClock();
  stack = await startStack({ flags: { data: dir }, clock });
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
});
afterAll(async () => {
  await client?.close();
  await stack?.close();
  await rm(dir, { recursive: true, force: true });
});

function setUt1(site: object): Promise<Answer> {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ site });
  return client.call('/v1/stations/dish?updateMask=site.ut1UtcS', { method: 'PATCH', headers, body });
}

type Look = Readonly<Record<'timestampNs' | 'azimuthDeg' | 'elevationDeg' | 'dopplerHz', number | string>>;

/** What the station predicts of a day: the three times of each pass. */
async function looks(): Promise<Look[]> {
  const query = new URLSearchParams({ tle_line1: line1, tle_line2: line2, downlink_frequency_hz: String(S_BAND_HZ) });
  const { passes } = (await client.call(`/v1/stations/dish/passes?${query}`)).json();
  return (passes as Record<'aos' | 'tca' | 'los', Look>[]).flatMap(({ aos, tca, los }) => [aos, tca, los]);
}

const timeMs = ({ timestampNs }: Look): number => Number(timestampNs) / 1e6;

/** With the UT1 that skyfield comes with. */
async function stockSkyfield(times: readonly number[]): Promise<SkyfieldAnswer> {
  const [answer] = await askSkyfield([{ line1, line2, site: SITE, ut1: 'measured', times }]);
  if (answer === undefined) throw new Error('no answer');
  return answer;
}

it('to 0.01 degree and 1 Hz at 2.25 GHz; to set it ends no stream, and is written down', async () => {
  const stream = await client.events('/v1/stations/dish/iq?batchSizeSamples=100');
  const events = stream[Symbol.asyncIterator]();
  const without = await looks();
  const { dut1 } = await stockSkyfield([START_MS]);
  expect(Math.abs(dut1)).toBeGreaterThan(0.1);
  const set = await setUt1({ ut1UtcS: dut1 });
  expect([set.status, set.json().site]).toEqual([200, { ...SITE, ut1UtcS: dut1 }]);
  expect((await client.call('/v1/stations/dish')).json().site).toEqual({ ...SITE, ut1UtcS: dut1 });
  const written = parse(await readFile(join(dir, 'stations.yaml'), 'utf8'));
  expect(written.stations[0].site).toEqual({
    latitude_deg: 52.1,
    longitude_deg: 13.2,
    altitude_m: 34,
    ut1_utc_s: dut1,
  });

  const seen = await looks();
  const theirs = await stockSkyfield([...seen, ...without].map(timeMs));
  const off = [...seen, ...without].map((look, i) => {
    const [azimuthDeg, elevationDeg, , rangeRateKmS] = theirs.looks[i] ?? [0, 0, 0, 0];
    const ours = { azimuthDeg: Number(look.azimuthDeg ?? 0), elevationDeg: Number(look.elevationDeg ?? 0) };
    return {
      degrees: angleBetween(ours, { azimuthDeg, elevationDeg }),
      hz: Math.abs(Number(look.dopplerHz ?? 0) + (rangeRateKmS / LIGHT_SPEED_KM_S) * S_BAND_HZ),
    };
  });
  expect(seen.length).toBeGreaterThan(6);
  for (const { degrees, hz } of off.slice(0, seen.length)) {
    expect(degrees).toBeLessThan(0.01);
    expect(hz).toBeLessThan(1);
  }
  expect(Math.max(...off.slice(seen.length).map(({ hz }) => hz))).toBeGreaterThan(1);
  // The Earth has turned on by then: almost all rise, come near and set at another time.
  const moved = seen.filter((look, i) => Math.abs(timeMs(look) - timeMs(without[i] ?? look)) > 1);
  expect(moved.length).toBeGreaterThan(seen.length / 2);

  clock.advance(100);
  expect((await events.next()).value).toMatchObject({ event: undefined });
  stream.stop();
});

it('and is between -0.9 and 0.9 s, or is taken away by a mask that names it', async () => {
  for (const ut1UtcS of [0.91, -1, 'NaN']) {
    const refused = await setUt1({ ut1UtcS });
    expect(refused.status).toBe(400);
    expect(refused.json()).toMatchObject({
      code: 'INVALID_ARGUMENT',
      detail: expect.stringContaining('site.ut1_utc_s: must be a number from -0.9 to 0.9 s'),
    });
  }
  expect((await setUt1({})).json().site).toEqual(SITE);
});
