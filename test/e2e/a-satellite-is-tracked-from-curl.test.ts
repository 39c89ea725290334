// needs: curl
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { lookAngles, Orbit } from '../../src/backend/antenna/orbit.ts';
import { madeUp } from '../backend/antenna/element-sets.ts';
import { type Curl, curlOf } from '../support/curl.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const SITE = { latitudeDeg: 52.1, longitudeDeg: 13.2, altitudeM: 34 };
const TLE = madeUp({ inclinationDeg: 97.4, nodeDeg: 100, anomalyDeg: 0, meanMotion: 15.22 });
const ELEMENTS = { tleLine1: TLE.line1, tleLine2: TLE.line2 };
const QUERY = `tle_line1=${encodeURIComponent(TLE.line1)}&tle_line2=${encodeURIComponent(TLE.line2)}`;
const NDJSON = ['-H', 'content-type: application/x-ndjson', '-H', 'accept: application/x-ndjson'];

let stack: Stack;
let curl: Curl;
beforeAll(async () => {
  stack = await startStack({
    stations: [
      {
        stationId: 'dish',
        description: '',
        site: SITE,
        antenna: { kind: 'simulated' },
        source: { kind: 'sim', seed: 1, sampleRateHz: 10_000, centerFrequencyHz: 437e6, noiseDbfs: -30 },
      },
    ],
  });
  curl = curlOf(stack.gatewayUrl, stack.certsDir);
});
afterAll(() => stack?.close());

const PATH = '/v1/stations/dish';
const isTracking = async (): Promise<boolean> => (await curl(`${PATH}/antenna`)).json().isTracking === true;

it('passes are listed, rising first', async () => {
  const answer = await curl(`${PATH}/passes?${QUERY}&hours=24&downlink_frequency_hz=437e6`);
  expect(answer.status).toBe(200);
  const { passes } = answer.json() as { passes: Record<'aos' | 'tca' | 'los', Record<string, string | number>>[] };
  expect(passes.length).toBeGreaterThan(3);
  for (const { aos, tca, los } of passes.slice(1, -1)) {
    expect(BigInt(aos.timestampNs ?? 0)).toBeLessThan(BigInt(tca.timestampNs ?? 0));
    expect(BigInt(tca.timestampNs ?? 0)).toBeLessThan(BigInt(los.timestampNs ?? 0));
    expect(Number(aos.dopplerHz)).toBeGreaterThan(Number(los.dopplerHz));
  }
});

it('a line of JSON with the elements is enough to follow, for as long as curl runs', async () => {
  const running = curl.start(`${PATH}/antenna:track`, '--http1.1', ...NDJSON, '-X', 'POST', '-T', '.');
  running.write(`${JSON.stringify({ satelliteName: 'BIRD', ...ELEMENTS })}\n`);
  for (let i = 0; i < 3; i++) {
    const status = JSON.parse(await running.readUntil('\n'));
    expect(status).toMatchObject({ stationId: 'dish', isTracking: true, targetSatellite: 'BIRD' });
    const { rangeKm } = lookAngles(new Orbit(TLE), SITE, Number(BigInt(status.timestampNs)) / 1e6);
    // The status is made within some milliseconds, in which a low satellite goes some metres.
    expect(Math.abs(status.targetRangeKm - rangeKm)).toBeLessThan(2);
  }
  const point = await curl(`${PATH}/antenna:point`, '-H', 'content-type: application/json', '-d', '{"azimuthDeg":10}');
  expect(point.json()).toMatchObject({
    status: 400,
    code: 'FAILED_PRECONDITION',
    detail: expect.stringContaining('BIRD'),
  });
  const second = await curl.feed(
    `${JSON.stringify(ELEMENTS)}\n`,
    `${PATH}/antenna:track`,
    ...[...NDJSON, '-X', 'POST', '-T', '-'],
  );
  expect([second.status, second.json().code]).toEqual([409, 'ALREADY_EXISTS']);
  running.kill();
  await running.ended.catch(() => undefined);
  await until('the antenna to be free', isTracking, (tracking) => !tracking);
});

it('a client that predicts by itself is answered until its last step has come', async () => {
  const answer = await curl.feed(
    `${JSON.stringify({ predictedAzimuthDeg: 1, predictedElevationDeg: 2, predictedDopplerHz: 500 })}\n`,
    `${PATH}/antenna:track`,
    ...['--http1.1', ...NDJSON, '-X', 'POST', '-T', '-'],
  );
  expect(answer.status).toBe(200);
  expect(JSON.parse(answer.text().split('\n')[0] ?? '')).toMatchObject({ isTracking: true, targetAzimuthDeg: 1 });
});

it('the antenna is pointed and tells where it is', async () => {
  const body = '{"azimuthDeg":2,"elevationDeg":1}';
  const answer = await curl(`${PATH}/antenna:point`, '-H', 'content-type: application/json', '-d', body);
  expect(answer.json()).toMatchObject({ success: true });
  await until(
    'the antenna to arrive',
    async () => (await curl(`${PATH}/antenna`)).json(),
    ({ currentAzimuthDeg, currentElevationDeg }) => currentAzimuthDeg === 2 && currentElevationDeg === 1,
  );
});

it('what was mistyped is named', async () => {
  const mistyped = QUERY.replace('97.4', '97.5');
  const answer = await curl(`${PATH}/passes?${mistyped}`);
  expect(answer.json()).toMatchObject({
    status: 400,
    detail: expect.stringMatching(/^tle_line2 column 69: checksum must be/),
  });
});
