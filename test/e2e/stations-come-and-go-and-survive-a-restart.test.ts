import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parse } from 'yaml';
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
const file = (): string => join(stack.certsDir, 'data', 'stations.yaml');
const declared = async (): Promise<readonly Record<string, unknown>[]> =>
  (parse(await readFile(file(), 'utf8')) as { stations: Record<string, unknown>[] }).stations;
const ids = async (): Promise<readonly unknown[]> =>
  ((await client.call('/v1/stations')).json().stations as { stationId: string }[]).map(({ stationId }) => stationId);

const LAB = {
  stationId: 'lab-7',
  description: 'A carrier to try out',
  band: 'C-band',
  sampleRate: 200_000,
  centerFrequencyHz: 4e9,
  sim: { seed: 3, carriers: [{ offsetHz: 10_000, powerDbfs: -10 }] },
  ring: { seconds: 2 },
  site: { latitudeDeg: 25.03, longitudeDeg: 121.56, altitudeM: 30 },
};

test('one is added, gives its samples at once, and is written down beside those there were', async () => {
  const made = await send('POST', '/v1/stations', LAB);
  expect({ status: made.status, body: made.json() }).toMatchObject({
    status: 200,
    body: { ...LAB, source: 'sim', state: 'STATION_STATE_RUNNING', datatype: 'cf32_le', producer: 'local' },
  });
  expect(await ids()).toEqual(['adsb', 'lab-7', 'sim-1']);
  const frames = await client.events('/v1/stations/lab-7/iq?batchSizeSamples=1000');
  for await (const { data, event } of frames) {
    expect([event, JSON.parse(data)]).toMatchObject([undefined, { stationId: 'lab-7', sampleCount: 1000 }]);
    break;
  }
  frames.stop();
  expect((await declared()).map(({ station_id: id }) => id)).toEqual(['sim-1', 'adsb', 'lab-7']);
});

test('a change of what it is called leaves its readers alone; one of its source ends them and begins anew', async () => {
  const stream = await client.events('/v1/stations/lab-7/iq?batchSizeSamples=1000');
  const seen: string[] = [];
  const over = (async () => {
    for await (const { event = 'message', data } of stream) seen.push(event === 'end' ? data : event);
  })();
  const named = await send('PATCH', '/v1/stations/lab-7?updateMask=description,band', { description: 'Renamed' });
  expect([named.status, named.json()]).toMatchObject([200, { description: 'Renamed', sampleRate: 200_000 }]);
  expect(named.json().band ?? '').toBe('');
  const { epoch } = named.json();

  const changed = await send('PATCH', '/v1/stations/lab-7', { sampleRate: 400_000 });
  expect([changed.status, changed.json()]).toMatchObject([200, { sampleRate: 400_000, description: 'Renamed' }]);
  expect(BigInt(String(changed.json().epoch))).toBeGreaterThan(BigInt(String(epoch)));
  await over;
  expect(JSON.parse(seen.at(-1) ?? '')).toMatchObject({ code: 14, message: expect.stringContaining('begins anew') });
  expect((await declared()).at(-1)).toEqual({
    station_id: 'lab-7',
    description: 'Renamed',
    sample_rate: 400_000,
    center_frequency_hz: 4e9,
    ring: { seconds: 2 },
    site: { latitude_deg: 25.03, longitude_deg: 121.56, altitude_m: 30 },
    sim: { seed: 3, carriers: [{ offset_hz: 10_000, power_dbfs: -10 }] },
  });
});

test('it survives a restart, and so do the comments that the owner of the file wrote', async () => {
  const text = await readFile(file(), 'utf8');
  await writeFile(file(), text.replace('- station_id: lab-7', '# mine\n  - station_id: lab-7'));
  await stack.stopBackend();
  await stack.startBackend();
  expect(await ids()).toEqual(['adsb', 'lab-7', 'sim-1']);
  expect((await client.call('/v1/stations/lab-7')).json()).toMatchObject({
    description: 'Renamed',
    sampleRate: 400_000,
  });

  expect((await send('POST', '/v1/stations', { ...LAB, stationId: 'lab-8' })).status).toBe(200);
  expect(await readFile(file(), 'utf8')).toContain('# mine\n');
});

test('one that is removed ends its readers and is gone for good', async () => {
  const stream = await client.events('/v1/stations/lab-8/iq?batchSizeSamples=1000');
  const seen: string[] = [];
  const over = (async () => {
    for await (const { event = 'message', data } of stream) seen.push(event === 'end' ? data : event);
  })();
  expect((await client.call('/v1/stations/lab-8', { method: 'DELETE' })).json()).toEqual({});
  await over;
  expect(JSON.parse(seen.at(-1) ?? '')).toMatchObject({ code: 14, message: 'station lab-8 was removed' });
  await stack.stopBackend();
  await stack.startBackend();
  expect(await ids()).toEqual(['adsb', 'lab-7', 'sim-1']);
  const gone = await client.call('/v1/stations/lab-8', { method: 'DELETE' });
  expectProblem(
    { status: gone.status, contentType: gone.headers['content-type'], body: gone.text },
    { status: 404, code: 'NOT_FOUND' },
  );
});

test.each<[string, string, string, object, number, RegExp]>([
  ['an id that is taken', 'POST', '/v1/stations', LAB, 409, /station lab-7 already/],
  [
    'no source',
    'POST',
    '/v1/stations',
    { stationId: 'a', sampleRate: 1e6, centerFrequencyHz: 1e8 },
    400,
    /exactly one source/,
  ],
  [
    'no rate',
    'POST',
    '/v1/stations',
    { stationId: 'a', centerFrequencyHz: 1e8, sim: {} },
    400,
    /station\.sample_rate: is missing/,
  ],
  [
    'a rate out of range',
    'POST',
    '/v1/stations',
    { ...LAB, stationId: 'a', sampleRate: 1e12 },
    400,
    /station\.sample_rate: must be a number from 1000 to 61440000 samples\/s/,
  ],
  [
    'a rate that is no number',
    'POST',
    '/v1/stations',
    { ...LAB, stationId: 'a', sampleRate: 'NaN' },
    400,
    /station\.sample_rate: must be a number/,
  ],
  [
    'an id with a slash',
    'POST',
    '/v1/stations',
    { ...LAB, stationId: 'a/b' },
    400,
    /station\.station_id: must be 1 to 64/,
  ],
  [
    'a latitude beyond the pole',
    'POST',
    '/v1/stations',
    { ...LAB, stationId: 'a', site: { latitudeDeg: 91 } },
    400,
    /station\.site\.latitude_deg: must be a number from -90 to 90 degrees/,
  ],
  [
    'a recording up the tree',
    'POST',
    '/v1/stations',
    { stationId: 'a', sigmf: { file: '../client.sigmf-meta' } },
    400,
    /station\.sigmf\.file: must name a file in the library/,
  ],
  [
    'a recording by its path',
    'POST',
    '/v1/stations',
    { stationId: 'a', sigmf: { file: '/etc/x.sigmf-meta' } },
    400,
    /station\.sigmf\.file/,
  ],
  [
    'a recording that is not there',
    'POST',
    '/v1/stations',
    { stationId: 'a', sigmf: { file: 'no.sigmf-meta' } },
    400,
    /no\.sigmf-meta/,
  ],
  [
    'a host that the operator has not allowed',
    'POST',
    '/v1/stations',
    { ...LAB, stationId: 'a', sim: undefined, rtlTcp: { host: '192.0.2.7' } },
    400,
    /station\.rtl_tcp\.host: names a host/,
  ],
  [
    'an endpoint that the operator has not allowed',
    'POST',
    '/v1/stations',
    { ...LAB, stationId: 'a', sim: undefined, zmq: { endpoint: 'tcp://192.0.2.7:5555' } },
    400,
    /station\.zmq\.endpoint: names a host/,
  ],
  [
    'a listener',
    'POST',
    '/v1/stations',
    { ...LAB, stationId: 'a', rtlTcpListener: { host: '0.0.0.0', port: 1234 } },
    400,
    /rtl_tcp_listener: opens a port, which is for the operator/,
  ],
  ['a mask that names nothing', 'PATCH', '/v1/stations/lab-7?updateMask=colour', {}, 400, /colour|update_mask/],
  [
    'a mask that names what the server sets',
    'PATCH',
    '/v1/stations/lab-7?updateMask=epoch',
    {},
    400,
    /epoch cannot be changed/,
  ],
  [
    'a change to nothing that can run',
    'PATCH',
    '/v1/stations/lab-7?updateMask=sampleRate',
    {},
    400,
    /sample_rate: is missing/,
  ],
  ['a change of none', 'PATCH', '/v1/stations/nobody', { description: 'x' }, 404, /no station nobody/],
])('refused with nothing changed: %s', async (_, method, path, body, status, detail) => {
  const before = await readFile(file(), 'utf8');
  const answer = await send(method, path, body);
  expect({ status: answer.status, detail: answer.json().detail }).toEqual({
    status,
    detail: expect.stringMatching(detail),
  });
  expect(await readFile(file(), 'utf8')).toBe(before);
  expect(await ids()).toEqual(['adsb', 'lab-7', 'sim-1']);
});

test('where the file cannot be written nothing is changed', async () => {
  const text = await readFile(file(), 'utf8');
  await writeFile(file(), 'version: 1\nstations: [');
  try {
    const answer = await send('POST', '/v1/stations', { ...LAB, stationId: 'lab-9' });
    expect([answer.status, answer.json().detail]).toEqual([503, expect.stringContaining('nothing was changed')]);
    expect(await ids()).toEqual(['adsb', 'lab-7', 'sim-1']);
  } finally {
    await writeFile(file(), text);
  }
});

test('a dashboard may look and not touch', async () => {
  const dashboard = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'dashboard'));
  try {
    expect((await dashboard.call('/v1/stations/lab-7')).status).toBe(200);
    expect((await dashboard.call('/v1/stations/lab-7', { method: 'DELETE' })).status).toBe(403);
  } finally {
    await dashboard.close();
  }
});
