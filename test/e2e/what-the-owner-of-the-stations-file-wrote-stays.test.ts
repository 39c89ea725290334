import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { type Stack, startStack } from '../support/stack.ts';

const OWNERS = `version: 1
stations:
  - station_id: dish # rack 3
    # calibrated 2026-05-01
    sample_rate: 200000 # as measured
    center_frequency_hz: 100000000
    sim:
      noise_dbfs: -50 # quiet
  - { station_id: yagi, sample_rate: 200000, center_frequency_hz: 100000000, sim: { noise_dbfs: -50 } } # thermal
`;

let stack: Stack;
let client: Caller;

beforeAll(async () => {
  stack = await startStack();
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
  await restartWith(OWNERS);
});
afterAll(async () => {
  await client?.close();
  await stack?.close();
});

const file = (): string => join(stack.certsDir, 'data', 'stations.yaml');
const text = (): Promise<string> => readFile(file(), 'utf8');
async function restartWith(owners: string): Promise<void> {
  await stack.stopBackend();
  await mkdir(dirname(file()), { recursive: true });
  await writeFile(file(), owners);
  await stack.startBackend();
}
async function send(method: string, path: string, body?: object): Promise<readonly [number, unknown]> {
  const sent =
    body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const answer = await client.call(path, { method, ...sent });
  return [answer.status, answer.json()];
}

it('in the very station that is changed: only the member that changes does', async () => {
  expect(await send('PATCH', '/v1/stations/dish', { sampleRate: 400_000 })).toMatchObject([200, {}]);
  expect(await send('PATCH', '/v1/stations/yagi?updateMask=sim.noiseDbfs', { sim: { noiseDbfs: -40 } })).toMatchObject([
    200,
    {},
  ]);
  expect(await text()).toBe(
    OWNERS.replace('200000 # as measured', '400000 # as measured').replace('-50 } } # thermal', '-40 } } # thermal'),
  );
});

it('what was edited by hand is neither undone nor removed before it runs', async () => {
  await restartWith(OWNERS);
  const edited = OWNERS.replace('-50 # quiet', '-33 # quiet');
  await writeFile(file(), edited);
  for (const [method, body] of [['PATCH', { description: 'Moved' }], ['DELETE']] as const) {
    expect(await send(method, '/v1/stations/dish', body)).toMatchObject([
      400,
      { code: 'FAILED_PRECONDITION', detail: expect.stringMatching(/^station dish was edited .*restart the server/) },
    ]);
  }
  expect(await text()).toBe(edited);
  expect(await send('GET', '/v1/stations/dish')).toMatchObject([200, { sim: { noiseDbfs: -50 } }]);

  await stack.stopBackend();
  await stack.startBackend();
  expect(await send('PATCH', '/v1/stations/dish', { description: 'Moved' })).toMatchObject([
    200,
    { description: 'Moved', sim: { noiseDbfs: -33 } },
  ]);
  expect(await text()).toMatch(/-33 # quiet\n +description: Moved\n/);
});

it('what was added by hand is not replaced by a call', async () => {
  await restartWith(OWNERS);
  const edited = `${OWNERS}  - { station_id: mine, sample_rate: 1000, center_frequency_hz: 100000000, push: {} } # by hand\n`;
  await writeFile(file(), edited);
  const mine = { stationId: 'mine', sampleRate: 200_000, centerFrequencyHz: 1e8, sim: { noiseDbfs: -50 } };
  expect(await send('POST', '/v1/stations', mine)).toMatchObject([
    409,
    { code: 'ALREADY_EXISTS', detail: expect.stringMatching(/mine that does not run yet.*restart the server/) },
  ]);
  expect((await send('DELETE', '/v1/stations/mine'))[0]).toBe(404);
  expect((await send('GET', '/v1/stations/mine'))[0]).toBe(404);
  expect(await text()).toBe(edited);
});

it('a mistake in it is the reason that a change is told, and where to read more', async () => {
  await restartWith(OWNERS);
  await writeFile(file(), `${OWNERS}  - {`);
  expect(await send('PATCH', '/v1/stations/dish', { description: 'Moved' })).toMatchObject([
    503,
    {
      detail: expect.stringMatching(
        /^the stations file cannot be read .*nothing was changed; the server's log says why$/,
      ),
    },
  ]);
  expect(stack.logs).toContainEqual(
    expect.objectContaining({
      level: 50,
      err: expect.objectContaining({ message: expect.stringMatching(/stations\.yaml:\d+:/) }),
    }),
  );
});
