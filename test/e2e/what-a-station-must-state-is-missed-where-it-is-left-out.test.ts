import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { expectProblem } from '../support/problem.ts';
import { type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
let client: Caller;

beforeAll(async () => {
  stack = await startStack();
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
});
afterAll(async () => {
  await client?.close();
  await stack?.close();
});

const send = (method: string, path: string, body: object): ReturnType<Caller['call']> =>
  client.call(path, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

const TUNED = { sampleRate: 200_000, centerFrequencyHz: 4e9 };
const NOISE = { ...TUNED, sim: { noiseDbfs: -50 } };

test('0 is a value where it is given: a full-scale carrier at 0 N 0 E', async () => {
  const station = {
    ...TUNED,
    stationId: 'null-island',
    sim: { carriers: [{ powerDbfs: 0 }], fm: [{ powerDbfs: 0, toneHz: 1, deviationHz: 0 }] },
    site: { latitudeDeg: 0, longitudeDeg: 0 },
  };
  const made = await send('POST', '/v1/stations', station);
  expect({ status: made.status, body: made.json() }).toMatchObject({ status: 200, body: station });
});

test.each<[member: string, station: object]>([
  ['site.latitude_deg', { ...NOISE, site: {} }],
  ['site.latitude_deg', { ...NOISE, site: { altitudeM: 30, longitudeDeg: 121.5 } }],
  ['site.longitude_deg', { ...NOISE, site: { latitudeDeg: 25 } }],
  ['sim.carriers[0].power_dbfs', { ...TUNED, sim: { carriers: [{ offsetHz: 1000 }] } }],
  ['sim.qpsk[0].power_dbfs', { ...TUNED, sim: { qpsk: [{ samplesPerSymbol: 8 }] } }],
  ['sim.fm[0].power_dbfs', { ...TUNED, sim: { fm: [{ toneHz: 1000, deviationHz: 5000 }] } }],
  ['sim.fm[0].tone_hz', { ...TUNED, sim: { fm: [{ powerDbfs: -3, deviationHz: 5000 }] } }],
  ['sim.fm[0].deviation_hz', { ...TUNED, sim: { fm: [{ powerDbfs: -3, toneHz: 1000 }] } }],
  ['sim.bursts[0].power_dbfs', { ...TUNED, sim: { bursts: [{ periodS: 1, onS: 0.5 }] } }],
  ['sim.bursts[0].period_s', { ...TUNED, sim: { bursts: [{ powerDbfs: -3, onS: 0.5 }] } }],
  ['sim.bursts[0].on_s', { ...TUNED, sim: { bursts: [{ powerDbfs: -3, periodS: 1 }] } }],
  [
    'sim.pass.downlink_frequency_hz',
    {
      ...NOISE,
      sim: { noiseDbfs: -50, pass: { tleLine1: '1', tleLine2: '2' } },
      site: { latitudeDeg: 1, longitudeDeg: 1 },
    },
  ],
])('%s is asked for by a call as in the stations file', async (member, station) => {
  const answer = await send('POST', '/v1/stations', { ...station, stationId: 'left-out' });
  const place = `station.${member}: is missing; add it`;
  expectProblem(
    { ...answer, contentType: answer.headers['content-type'], body: answer.text },
    { status: 400, code: 'INVALID_ARGUMENT', detail: new RegExp(place.replaceAll(/[.[\]]/g, '\\$&')) },
  );
});

test('a change that gives a station a height and no place is refused, and the station stays as it was', async () => {
  expect((await send('POST', '/v1/stations', { ...NOISE, stationId: 'no-site' })).status).toBe(200);
  for (const path of ['/v1/stations/no-site', '/v1/stations/no-site?updateMask=site.altitudeM']) {
    const answer = await send('PATCH', path, { site: { altitudeM: 30 } });
    expectProblem(
      { ...answer, contentType: answer.headers['content-type'], body: answer.text },
      { status: 400, code: 'INVALID_ARGUMENT', detail: /station\.site\.latitude_deg: is missing; add it/ },
    );
  }
  expect((await client.call('/v1/stations/no-site')).json().site ?? null).toBeNull();
});
