// needs: curl, jsonschema
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { type Curl, curlOf } from '../support/curl.ts';
import { readSigmf } from '../support/read-sigmf.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const sha512 = (bytes: Uint8Array): string => createHash('sha512').update(bytes).digest('hex');

let stack: Stack;
let curl: Curl;
let folder: string;
let recording: Buffer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'passband-download-'));
  stack = await startStack({ flags: { data: join(folder, 'data') } });
  curl = curlOf(stack.gatewayUrl, stack.certsDir);
  recording = await readFile(join(PACKAGE_ROOT, 'fixtures', 'recordings', 'modes1.sigmf-data'));
});
afterAll(async () => {
  await stack?.close();
  await rm(folder, { recursive: true, force: true });
});

/** The recording's bytes from a sample on, round after round. */
function played(from: number, bytes: number): Buffer {
  const begin = (from * 2) % recording.length;
  const rounds = Math.ceil((begin + bytes) / recording.length);
  return Buffer.concat(Array<Buffer>(rounds).fill(recording)).subarray(begin, begin + bytes);
}

describe.each(['--http1.1', '--http2'])('over %s', (version) => {
  it('has the bytes of the source, and headers that say which', async () => {
    const headersFile = join(folder, `headers${version}`);
    const { status, contentType, body } = await curl(
      '/v1/stations/adsb/iq:download?samples=700001',
      version,
      '-D',
      headersFile,
    );
    expect([status, contentType, body.length]).toEqual([200, 'application/octet-stream', 1_400_002]);
    const headers = await readFile(headersFile, 'latin1');
    const header = (name: string): string => new RegExp(`^${name}: (.*)\r$`, 'm').exec(headers)?.[1] ?? '';
    expect(sha512(body)).toBe(sha512(played(Number(header('x-first-sample-index')), body.length)));
    expect(header('x-sample-rate-hz')).toBe('2000000');
    expect(header('x-center-frequency-hz')).toBe('1090000000');
    expect(header('content-disposition')).toMatch(/^attachment; filename="adsb-\d{8}T\d{6}Z\.cu8"$/);
  });

  it('is an archive that others read', async () => {
    const { contentType, body } = await curl('/v1/stations/adsb/iq:download?seconds=0.25&archive=sigmf', version);
    expect(contentType).toBe('application/x-tar');
    const { name, bytes, captures } = await readSigmf(body);
    expect(name).toMatch(/^adsb-\d{8}T\d{6}Z$/);
    expect(bytes).toBe(1_000_000);
    const [{ 'core:global_index': first }] = captures as readonly [Record<string, number>];
    expect(sha512(body.subarray(512, 512 + 1_000_000))).toBe(sha512(played(first ?? 0, 1_000_000)));
  });

  it('is broken off where the station is tuned elsewhere, so that nobody takes a part for the whole', async () => {
    const file = join(folder, `retuned${version}.cu8`);
    const running = curl.start('/v1/stations/sim-1/iq:download?seconds=15&datatype=cu8', version, '-o', file);
    await until('samples come', () =>
      stat(file).then(
        ({ size }) => size > 0,
        () => false,
      ),
    );
    const tuned = await curl(
      '/v1/stations/sim-1:start',
      '-H',
      'content-type: application/json',
      '-d',
      `{"centerFrequencyHz": ${version === '--http2' ? 101e6 : 102e6}}`,
    );
    expect(tuned.status).toBe(200);
    // 18: the body is shorter than it was to be (HTTP/1.1); 92: the stream was reset (HTTP/2).
    expect(await running.code).toBe(version === '--http2' ? 92 : 18);
  });
});

it('refuses in a problem document what it cannot give', async () => {
  const refused = await curl('/v1/stations/adsb/iq:download?archive=sigmf');
  expect([refused.status, refused.contentType]).toEqual([400, 'application/problem+json']);
  expect(refused.json().detail).toBe('an archive states its size before its first sample: give samples or seconds');
});

it('is a recording of the server in the end', async () => {
  const begun = await curl(
    '/v1/stations/adsb/recordings',
    '-d',
    '{"samples": 300000}',
    '-H',
    'content-type: application/json',
  );
  expect(begun.status).toBe(200);
  const id = String(begun.json().recordingId);
  let seen = begun.json();
  while (seen.state === 'RECORDING_STATE_RECORDING') seen = (await curl(`/v1/recordings/${id}`)).json();
  expect(seen).toMatchObject({ state: 'RECORDING_STATE_FINISHED', samples: '300000', startedBy: 'oran-client' });
  const { body, contentType } = await curl(`/v1/recordings/${id}:download`);
  expect(contentType).toBe('application/x-tar');
  expect(await readSigmf(body)).toMatchObject({ name: id, bytes: 600_000 });
  expect(sha512(body.subarray(512, 512 + 600_000))).toBe(seen.sha512);
  expect((await curl(`/v1/recordings/${id}`, '-X', 'DELETE')).status).toBe(200);
  expect((await curl(`/v1/recordings/${id}`)).status).toBe(404);
});

it('is nothing that those who may only look can make or remove', async () => {
  const dashboard = curlOf(stack.gatewayUrl, stack.certsDir, 'dashboard');
  expect((await dashboard('/v1/recordings')).status).toBe(200);
  const json = ['-H', 'content-type: application/json'];
  expect((await dashboard('/v1/stations/adsb/recordings', '-d', '{"samples": 1}', ...json)).status).toBe(403);
  expect((await dashboard('/v1/recordings/adsb-20260101T000000Z-0000', '-X', 'DELETE')).status).toBe(403);
});
