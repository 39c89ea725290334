import { execFileSync } from 'node:child_process';
import { mkdir, open, readFile, rename, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { filesOpenIn } from '../support/files-open-in.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

/** Bytes of a recording that no machine hashes while a test runs; none of them takes room on the disk. */
const ENDLESS_BYTES = 2 ** 42;
/** Seconds for which a caller waits that is not to give up. */
const PATIENT = { 'x-request-timeout': '110' };
/** The same of one that gives up, long after all others have been answered. */
const IMPATIENT = { 'x-request-timeout': '15' };

let stack: Stack;
let client: Caller;

beforeAll(async () => {
  stack = await startStack();
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
  await mkdir(library(), { recursive: true });
  await writeFile(join(library(), 'endless.sigmf-meta'), metadata({ 'core:sha512': 'ab'.repeat(64) }));
  await writeFile(join(library(), 'endless.sigmf-data'), '');
  await truncate(join(library(), 'endless.sigmf-data'), ENDLESS_BYTES);
});
afterAll(async () => {
  await client?.close();
  await stack?.close();
});

const data = (): string => join(stack.certsDir, 'data');
const library = (): string => join(data(), 'library');
const metadata = (more: object): string =>
  JSON.stringify({
    global: { 'core:datatype': 'cu8', 'core:version': '1.2.5', 'core:sample_rate': 1e6, ...more },
    captures: [{ 'core:sample_start': 0 }],
    annotations: [],
  });
type Answered = readonly [number, Record<string, unknown>];
async function send(method: string, path: string, body?: object, headers: object = {}): Promise<Answered> {
  const answer = await client.call(path, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return [answer.status, answer.json()];
}
const ENDLESS = { stationId: 'endless', sigmf: { file: 'endless.sigmf-meta' } };
const simOf = (stationId: string): object => ({
  stationId,
  sampleRate: 200_000,
  centerFrequencyHz: 1e8,
  sim: { noiseDbfs: -50 },
});
const hashing = (): Promise<readonly string[]> => filesOpenIn(join(library(), 'endless.sigmf-data'));
const isHashing = (count = 1): Promise<unknown> =>
  until('the hash to be under way', hashing, ({ length }) => length === count);
const restsAgain = (): Promise<unknown> => until('the file to be closed', hashing, ({ length }) => length === 0);
const declared = (): Promise<string> => readFile(join(data(), 'stations.yaml'), 'utf8');

it('while stations are made with it and changed to it, all others change and go, and so does the one; who has gone gets none', async () => {
  expect((await send('POST', '/v1/stations', simOf('other')))[0]).toBe(200);
  const toEndless = '/v1/stations/other?updateMask=sigmf,sampleRate,centerFrequencyHz';
  const slow = [
    send('POST', '/v1/stations', ENDLESS, IMPATIENT),
    send('PATCH', toEndless, { sigmf: ENDLESS.sigmf }, IMPATIENT),
  ];
  await isHashing(2);
  expect((await send('POST', '/v1/stations', simOf('lab')))[0]).toBe(200);
  expect((await send('PATCH', '/v1/stations/lab', { description: 'Renamed' }))[0]).toBe(200);
  expect((await send('PATCH', '/v1/stations/lab', { sampleRate: 400_000 }))[0]).toBe(200);
  expect((await send('DELETE', '/v1/stations/lab'))[0]).toBe(200);
  expect((await send('PATCH', '/v1/stations/other', { description: 'Renamed' }))[0]).toBe(200);
  expect((await send('DELETE', '/v1/stations/other'))[0]).toBe(200);
  // None of them has waited for the end of these.
  expect(await hashing()).toHaveLength(2);
  for (const answer of slow) expect(await answer).toMatchObject([504, { code: 'DEADLINE_EXCEEDED' }]);
  await restsAgain();
  expect((await send('GET', '/v1/stations/endless'))[0]).toBe(404);
  expect((await send('GET', '/v1/stations/other'))[0]).toBe(404);
  expect(await declared()).not.toMatch(/endless|other/);
});

it('changes of one station at the same time are all made', async () => {
  expect((await send('POST', '/v1/stations', simOf('lab')))[0]).toBe(200);
  const changes = [{ description: 'Renamed' }, { band: 'X-band' }, { fullScaleDbm: -30 }, { ring: { seconds: 2 } }];
  const answers = await Promise.all(changes.map((change) => send('PATCH', '/v1/stations/lab', change)));
  expect(answers.map(([status]) => status)).toEqual([200, 200, 200, 200]);
  expect((await send('GET', '/v1/stations/lab'))[1]).toMatchObject(Object.assign({}, ...changes));
  expect(await declared()).toMatch(/description: Renamed[\s\S]*full_scale_dbm: -30|full_scale_dbm: -30[\s\S]*Renamed/);
});

it('what was answered 504 before it was written does not take effect afterwards', async () => {
  const file = join(data(), 'stations.yaml');
  const text = await declared();
  await rename(file, `${file}.away`);
  // Reading it waits until somebody writes.
  execFileSync('mkfifo', [file]);
  const late = await Promise.all([
    send('PATCH', '/v1/stations/lab', { description: 'Too late' }, { 'x-request-timeout': '1' }),
    send('POST', '/v1/stations', simOf('late'), { 'x-request-timeout': '1' }),
    send('DELETE', '/v1/stations/lab', undefined, { 'x-request-timeout': '1' }),
  ]);
  expect(late.map(([status]) => status)).toEqual([504, 504, 504]);
  // The first of them, which reads the pipe, may go on; those behind it find the file as it was.
  const pipe = await open(file, 'w');
  await rename(`${file}.away`, file);
  await pipe.writeFile(text);
  await pipe.close();
  expect((await send('POST', '/v1/stations', simOf('next')))[0]).toBe(200);
  expect((await send('GET', '/v1/stations/lab'))[1]).toMatchObject({ description: 'Renamed' });
  expect((await send('GET', '/v1/stations/late'))[0]).toBe(404);
  expect(await declared()).not.toMatch(/Too late|station_id: late/);
});

it.each<[string, (at: string) => Promise<void>, string, RegExp]>([
  [
    'a pipe for an archive',
    async (at) => void execFileSync('mkfifo', [`${at}.sigmf`]),
    '.sigmf',
    /^odd\.sigmf: is no plain file$/,
  ],
  [
    'a pipe for its samples',
    async (at) => {
      await writeFile(`${at}.sigmf-meta`, metadata({}));
      execFileSync('mkfifo', [`${at}.sigmf-data`]);
    },
    '.sigmf-meta',
    /^odd\.sigmf-data: is no plain file$/,
  ],
  ['a folder', async (at) => void (await mkdir(`${at}.sigmf`)), '.sigmf', /^odd\.sigmf: is no plain file$/],
  ['a device', (at) => symlink('/dev/zero', `${at}.sigmf`), '.sigmf', /^odd\.sigmf: is no plain file$/],
  [
    'nothing',
    async () => {},
    '.sigmf-meta',
    /^odd\.sigmf-meta: there is no such file; it belongs into the folder library of --data$/,
  ],
  [
    'metadata without samples',
    (at) => writeFile(`${at}.sigmf-meta`, metadata({})),
    '.sigmf-meta',
    /^odd\.sigmf-data: there is no such file; it belongs into the folder library of --data$/,
  ],
  [
    'a link to what is no recording, of which nothing is told',
    async (at) => {
      await writeFile(`${at}.secret`, 'root:x:0:0');
      await symlink(`${at}.secret`, `${at}.sigmf-meta`);
    },
    '.sigmf-meta',
    /^odd\.sigmf-meta: is no JSON$/,
  ],
])('refused at once: %s', async (what, make, extension, detail) => {
  const folder = what.replaceAll(/\W+/g, '-');
  await mkdir(join(library(), folder));
  await make(join(library(), folder, 'odd'));
  const file = `${folder}/odd${extension}`;
  expect(await send('POST', '/v1/stations', { stationId: 'odd', sigmf: { file } })).toMatchObject([
    400,
    { code: 'FAILED_PRECONDITION', detail: expect.stringMatching(detail) },
  ]);
  expect((await send('POST', '/v1/stations', simOf('odd')))[0]).toBe(200);
  expect((await send('DELETE', '/v1/stations/odd'))[0]).toBe(200);
});

it('a server that stops waits for none, and says so', async () => {
  const waits = send('POST', '/v1/stations', ENDLESS, PATIENT);
  await isHashing();
  await stack.stopBackend(100_000);
  expect(await waits).toMatchObject([503, { detail: 'the server is shutting down' }]);
  await restsAgain();
});

it('a server that starts with it serves the others; its station says what it waits for, and can be removed', async () => {
  const pipe = join(library(), 'pipe.sigmf');
  execFileSync('mkfifo', [pipe]);
  await writeFile(
    join(data(), 'stations.yaml'),
    `version: 1
stations:
  - { station_id: lab, sample_rate: 200000, center_frequency_hz: 100000000, sim: { noise_dbfs: -50 } }
  - { station_id: pipe, sigmf: { file: ${pipe} } }
  - { station_id: endless, sigmf: { file: library/endless.sigmf-meta } }
`,
  );
  await stack.startBackend();
  await until('the others to be served', async () => (await send('GET', '/v1/stations/lab'))[0] === 200);
  expect((await client.call('/v1/stations/lab/iq:download?samples=1000&datatype=cu8')).status).toBe(200);
  expect((await send('GET', '/v1/stations/pipe'))[1]).toMatchObject({
    state: 'STATION_STATE_FAULTY',
    fault: 'pipe.sigmf: is no plain file; it is tried again',
  });
  const fault = 'the recording of this station is still being checked; its samples come when that is done';
  expect((await send('GET', '/v1/stations/endless'))[1]).toMatchObject({ state: 'STATION_STATE_FAULTY', fault });
  expect(await send('GET', '/v1/stations/endless/spectrum')).toMatchObject([503, { detail: fault }]);
  await isHashing();
  expect((await send('PATCH', '/v1/stations/endless', { description: 'Renamed' }))[0]).toBe(200);
  expect((await send('GET', '/v1/stations/endless'))[1]).toMatchObject({ description: 'Renamed', fault });
  expect(await hashing()).toHaveLength(1);
  expect((await send('DELETE', '/v1/stations/endless'))[0]).toBe(200);
  await restsAgain();
});
