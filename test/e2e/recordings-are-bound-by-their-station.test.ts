import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const POLICY = `version: 1
delegates: ["cn:passband-gateway"]
rules:
  - name: all
    subjects: ["cn:oran-client"]
    allow: [{ methods: ["*"] }]
  - name: one-station
    subjects: ["cn:dash-*"]
    allow:
      - methods: ["sdr.oran.recording.v1.RecordingService/*"]
        where: { station_id: ["adsb"] }
`;

let stack: Stack;
let everybody: Caller;
let one: Caller;
beforeAll(async () => {
  stack = await startStack({ policy: POLICY });
  everybody = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
  one = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'dashboard'));
});
afterAll(async () => {
  await Promise.all([everybody?.close(), one?.close()]);
  await stack?.close();
});

async function record(caller: Caller, station: string): Promise<string> {
  const body = JSON.stringify({ samples: '1000' });
  const headers = { 'content-type': 'application/json' };
  const begun = await caller.call(`/v1/stations/${station}/recordings`, { method: 'POST', headers, body });
  expect(begun.status).toBe(200);
  return String(begun.json().recordingId);
}

test('who may have the recordings of one station names it, and has no other', async () => {
  const [theirs, ours] = [await record(everybody, 'sim-1'), await record(one, 'adsb')];
  const status = async (path: string, method = 'GET'): Promise<number> => (await one.call(path, { method })).status;
  await until(
    'ours has ended',
    async () => (await one.call(`/v1/recordings/${ours}:download?stationId=adsb`)).status === 200,
  );
  expect(await status(`/v1/recordings/${ours}?stationId=adsb`)).toBe(200);
  // Without the station the policy cannot know that it is the one.
  expect(await status(`/v1/recordings/${ours}`)).toBe(403);
  for (const [path, method] of [
    [`/v1/recordings/${theirs}`, 'GET'],
    [`/v1/recordings/${theirs}:download`, 'GET'],
    [`/v1/recordings/${theirs}:stop`, 'POST'],
    [`/v1/recordings/${theirs}`, 'DELETE'],
  ] as const) {
    const said = (station: string): Promise<number> => {
      const body = JSON.stringify({ stationId: station });
      const headers = { 'content-type': 'application/json' };
      if (method === 'POST') return one.call(path, { method, headers, body }).then((answer) => answer.status);
      return status(`${path}?stationId=${station}`, method);
    };
    // Their station is denied; ours is allowed, and has no such recording.
    expect([path, await said('sim-1'), await said('adsb')]).toEqual([path, 403, 404]);
  }
  expect((await everybody.call(`/v1/recordings/${theirs}`)).status).toBe(200);
});
