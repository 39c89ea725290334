// needs: curl, jsonschema
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { DEV_POLICY } from '../../src/gateway/guard/policy.ts';
import { parseSigmfMetadata } from '../../src/sigmf/metadata.ts';
import { CliProcess } from '../support/cli.ts';
import { type Curl, curlOf } from '../support/curl.ts';
import { makeTestPki, type TestPki } from '../support/pki.ts';
import { readSigmf } from '../support/read-sigmf.ts';
import { until } from '../support/until.ts';

let pki: TestPki;
let folder: string;
let server: CliProcess | undefined;

beforeAll(async () => {
  pki = await makeTestPki();
  await writeFile(join(pki.dir, 'policy.yaml'), DEV_POLICY);
  folder = await mkdtemp(join(tmpdir(), 'passband-killed-'));
});
afterAll(async () => {
  server?.kill();
  await rm(folder, { recursive: true, force: true });
  await pki.remove();
});

async function start(): Promise<Curl> {
  const ports = ['--port', '0', '--backend-port', '0', '--metrics-port', '0', '--host', '127.0.0.1'];
  const flags = ['--certs', pki.dir, '--data', folder, '--recordings-min-free', '0', '--audit', 'off'];
  server = new CliProcess(['up', ...ports, ...flags]);
  const port = await server.says(/^gateway +https:\/\/\S+:(\d+)/m);
  return curlOf(`https://localhost:${port}`, pki.dir);
}

const file = (id: string, extension: string): string => join(folder, 'recordings', `${id}.${extension}`);

it('opens as it is, and is brought in order by the next server', async () => {
  const before = await start();
  const begun = await before('/v1/stations/sim-1/recordings', '-d', '{}', '-H', 'content-type: application/json');
  expect([begun.status, begun.json().state]).toEqual([200, 'RECORDING_STATE_RECORDING']);
  const id = String(begun.json().recordingId);
  await until(
    'two megabytes are on the disk',
    () => stat(file(id, 'sigmf-data')).then(({ size }) => size),
    (size) => size > 2_000_000,
  );
  server?.child.kill('SIGKILL');
  await server?.ended();

  const left = await stat(file(id, 'sigmf-data'));
  expect(left.size % 8).toBe(0);
  const metadata = parseSigmfMetadata(await readFile(file(id, 'sigmf-meta'), 'utf8'), id);
  expect(metadata).toMatchObject({ datatype: 'cf32_le', sampleRateHz: 1_000_000, sha512: undefined });
  expect(metadata.captures[0]).toMatchObject({ sampleStart: 0, frequencyHz: 100_000_000 });

  const after = await start();
  const seen = await until(
    'its hash is known',
    async () => (await after(`/v1/recordings/${id}`)).json(),
    ({ sha512 }) => typeof sha512 === 'string',
  );
  const data = await readFile(file(id, 'sigmf-data'));
  expect(seen).toMatchObject({
    ...{ state: 'RECORDING_STATE_BROKEN_OFF', reason: 'the server ended while it was being made' },
    ...{ bytes: String(left.size), samples: String(left.size / 8) },
    sha512: createHash('sha512').update(data).digest('hex'),
  });
  expect(data.length).toBe(left.size);
  const { body } = await after(`/v1/recordings/${id}:download`);
  expect(body.subarray(512, 512 + data.length).equals(data)).toBe(true);
  expect(await readSigmf(body)).toMatchObject({ name: id, bytes: left.size });
});
