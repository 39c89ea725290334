// needs: prlimit
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { chainBreaksAt, linesOf, textsOf } from '../audit/journal-under-test.ts';
import { CliProcess, cli } from '../support/cli.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { expectProblem } from '../support/problem.ts';
import { until } from '../support/until.ts';

let certs: string;
let client: Caller | undefined;
let passband: CliProcess | undefined;

beforeAll(async () => {
  certs = await mkdtemp(join(tmpdir(), 'passband-full-'));
});
afterAll(async () => {
  await client?.close();
  passband?.kill();
  await rm(certs, { recursive: true, force: true });
});

/** The size of a file at which the system refuses to write more of it: to a program, a disk that is full. */
const limitFiles = async (process: CliProcess, bytes: string): Promise<void> => {
  await promisify(execFile)('prlimit', ['--pid', String(process.child.pid), `--fsize=${bytes}:`]);
};

async function start(...flags: readonly string[]): Promise<CliProcess> {
  const ports = ['--port', '0', '--backend-port', '0', '--metrics-port', '0'];
  const started = new CliProcess(['up', ...ports, '--host', '127.0.0.1', '--certs', certs, ...flags]);
  const port = Number(await started.says(/^gateway +https:\/\/\S+:(\d+)/m));
  const caPem = await readFile(join(certs, 'ca.crt'), 'utf8');
  await client?.close();
  client = callerOf(`https://localhost:${port}`, caPem, pairIn(certs, 'client'));
  return started;
}

let asked = 0;
/** Asks once more; gives the status. Request n has the id `request-n`. */
async function ask(): Promise<number> {
  const answer = await client?.call('/v1/stations/sim-1', { headers: { 'x-request-id': `request-${++asked}` } });
  if (answer?.status === 503) {
    expectProblem(
      { ...answer, contentType: answer.headers['content-type'], body: answer.text },
      { status: 503, code: 'UNAVAILABLE' },
    );
    expect(answer.headers['retry-after']).toBe('1');
  }
  return answer?.status ?? 0;
}

it('refuses while nothing can be written, goes on when it can, and has a line for all that it answered', async () => {
  passband = await start();
  const file = join(certs, 'audit', 'gateway.jsonl');
  const stream = await client?.open('/v1/stations/adsb/iq?batch_size_samples=65536');
  expect(stream?.statusCode).toBe(200);
  stream?.body.resume();
  expect(await ask()).toBe(200);
  await limitFiles(passband, '10000');

  const served: string[] = ['request-1'];
  await until(
    'requests are refused',
    async () => {
      const status = await ask();
      if (status === 200) served.push(`request-${asked}`);
      return status;
    },
    (status) => status === 503,
  );
  expect(served.length).toBeGreaterThan(5);
  expect(stream?.body.destroyed).toBe(false);
  expect(passband.stderr).toContain('the audit journal cannot be written');
  const full = await readFile(file, 'utf8');
  expect(full.length).toBe(10_000);

  await limitFiles(passband, 'unlimited');
  await until('requests are answered', ask, (status) => status === 200);
  served.push(`request-${asked}`);
  stream?.body.destroy();
  passband.child.kill('SIGTERM');
  expect((await passband.ended()).code).toBe(0);

  expect((await readFile(file, 'utf8')).startsWith(full)).toBe(true);
  const lines = await linesOf(file);
  const recorded = lines.flatMap(({ event, requestId }) => (event === 'decision' ? [requestId] : []));
  expect(served.filter((id) => !recorded.includes(id))).toEqual([]);
  expect(lines.filter(({ event }) => event === 'outage')).toEqual([
    expect.objectContaining({ reason: expect.stringContaining('EFBIG'), lost: 0 }),
  ]);
  expect(lines.at(-1)).toMatchObject({ event: 'stop' });
  expect(chainBreaksAt(await textsOf(file))).toBeUndefined();
  const verified = await cli(['audit', 'verify', join(certs, 'audit')]);
  expect(verified).toMatchObject({ code: 0, stdout: expect.stringMatching(/^gateway: ok; \d+ lines/m) });
});

it('by choice, goes on and says so', async () => {
  passband = await start('--audit-full', 'warn');
  await limitFiles(passband, '20000');
  await until('it is full', async () => {
    expect(await ask()).toBe(200);
    return passband?.stderr.includes('the audit journal cannot be written');
  });
  expect(await ask()).toBe(200);
  await limitFiles(passband, 'unlimited');
  const last = `request-${asked}`;
  passband.child.kill('SIGTERM');
  expect((await passband.ended()).code).toBe(0);
  expect(await readFile(join(certs, 'audit', 'gateway.jsonl'), 'utf8')).toContain(`"requestId":"${last}"`);
  expect((await cli(['audit', 'verify', join(certs, 'audit')])).code).toBe(0);
});

it('does not start where nothing can be written, and names the setting', async () => {
  // In a process of its own: a limit cannot be taken back.
  const flags = ['up', '--port', '0', '--backend-port', '0', '--metrics-port', '0', '--certs', certs];
  const main = join(PACKAGE_ROOT, 'dist', 'cli', 'main.js');
  const child = spawn('prlimit', ['--fsize=10', process.execPath, main, ...flags, '--audit', join(certs, 'new')], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {},
  });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = await once(child, 'close');
  expect([code, stderr]).toEqual([2, expect.stringMatching(/passband: --audit: .*new cannot be written to \(EFBIG/)]);
});
