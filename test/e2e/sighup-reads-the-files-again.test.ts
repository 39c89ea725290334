import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { CliProcess } from '../support/cli.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { until } from '../support/until.ts';

let certs: string;
let passband: CliProcess;
let caller: Caller;

beforeAll(async () => {
  certs = await mkdtemp(join(tmpdir(), 'passband-sighup-'));
  const ports = ['--port', '0', '--backend-port', '0', '--metrics-port', '0'];
  passband = new CliProcess(['up', ...ports, '--host', '127.0.0.1', '--certs', certs]);
  const port = await passband.says(/^gateway +https:\/\/\S+:(\d+)/m);
  const caPem = readFileSync(join(certs, 'ca.crt'), 'utf8');
  caller = callerOf(`https://localhost:${port}`, caPem, pairIn(certs, 'client'), true);
});
afterAll(async () => {
  await caller?.close();
  passband?.kill();
  await rm(certs, { recursive: true, force: true });
});

const lines = (message: string): number => passband.stderr.split(`"msg":"${message}"`).length - 1;

test('good files are in use, a broken one is named, and neither ends the program or a stream', async () => {
  const stream = await caller.events('/v1/stations/sim-1/spectrum:stream?fft_size=64&omit_frequencies=true');
  const events = stream[Symbol.asyncIterator]();
  expect((await events.next()).done).toBe(false);

  passband.child.kill('SIGHUP');
  await until(
    'all is read again',
    () => lines('all files are in use'),
    (count) => count === 1,
  );

  await writeFile(join(certs, 'policy.yaml'), 'version: 1\nrules: 5\n');
  passband.child.kill('SIGHUP');
  await until(
    'the last good ones stay',
    () => lines('some files cannot be used; what was in use before stays'),
    (count) => count === 1,
  );
  expect(passband.stderr).toContain('policy.yaml:2:');

  const fresh = await caller.call('/whoami');
  expect([fresh.status, (await events.next()).done, passband.child.exitCode]).toEqual([200, false, null]);
  stream.stop();
});
