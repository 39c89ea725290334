import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
let client: Caller;

beforeAll(async () => {
  stack = await startStack({ flags: { 'recordings-min-free': '0' } });
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
});
afterAll(async () => {
  await client?.close();
  await stack?.close();
});

const post = (path: string, body: object): ReturnType<Caller['call']> =>
  client.call(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
const stationsFile = (recordingId: string): string => `version: 1
stations:
  - { station_id: sim-1, sample_rate: 1000000, center_frequency_hz: 100000000, sim: { noise_dbfs: -40 } }
  - { station_id: replay, sigmf: { file: recordings/${recordingId}.sigmf-meta } }
`;
const replay = async (): Promise<Record<string, unknown>> => (await client.call('/v1/stations/replay')).json();

it('one that is played cannot be deleted; one that is lost all the same is waited for, and the others serve', async () => {
  const { recordingId } = (await post('/v1/stations/sim-1/recordings', { seconds: 0.3 })).json();
  const path = `/v1/recordings/${recordingId}`;
  await until(
    'the end of the recording',
    async () => (await client.call(path)).json().state,
    (state) => state === 'RECORDING_STATE_FINISHED',
  );
  const data = join(stack.certsDir, 'data');
  await stack.stopBackend();
  await writeFile(join(data, 'stations.yaml'), stationsFile(String(recordingId)));
  await stack.startBackend();
  expect(await replay()).toMatchObject({ state: 'STATION_STATE_RUNNING' });
  const kept = await client.call(path, { method: 'DELETE' });
  expect([kept.status, kept.json()]).toMatchObject([
    400,
    { code: 'FAILED_PRECONDITION', detail: expect.stringMatching(/^station replay plays this recording/) },
  ]);
  expect((await client.call(path)).status).toBe(200);

  await stack.stopBackend();
  const file = join(data, 'recordings', `${recordingId}.sigmf-data`);
  await rename(file, `${file}.away`);
  await stack.startBackend();
  expect((await client.call('/v1/stations/sim-1/iq:download?samples=1000&datatype=cu8')).status).toBe(200);
  const fault = `${recordingId}.sigmf-data: there is no such file; it is tried again`;
  const faulty = await replay();
  expect(faulty).toMatchObject({ state: 'STATION_STATE_FAULTY', source: 'sigmf', fault });
  // What its source decides on is not known.
  expect(Object.keys(faulty)).not.toEqual(expect.arrayContaining(['sampleRate']));
  for (const read of ['iq', 'iq:download?samples=1', 'spectrum', 'stats']) {
    const answer = await client.call(`/v1/stations/replay/${read}`);
    expect({ read, status: answer.status, detail: answer.json().detail }).toEqual({ read, status: 503, detail: fault });
  }
  expect(stack.logs).toContainEqual(
    expect.objectContaining({ level: 40, station: 'replay', err: expect.anything(), retryMs: expect.any(Number) }),
  );

  await rename(`${file}.away`, file);
  const well = await until('the recording to be played', replay, ({ state }) => state === 'STATION_STATE_RUNNING');
  expect(well).toMatchObject({ sampleRate: 1_000_000, datatype: 'cf32_le' });
  expect((await client.call('/v1/stations/replay/iq:download?samples=1000')).status).toBe(200);

  expect((await client.call('/v1/stations/replay', { method: 'DELETE' })).status).toBe(200);
  expect((await client.call(path, { method: 'DELETE' })).status).toBe(200);
});
