// needs: tmpfs
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { chainBreaksAt, linesOf, textsOf } from '../audit/journal-under-test.ts';
import { CliProcess, cli } from '../support/cli.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { run } from '../support/run.ts';
import { until } from '../support/until.ts';

/** The whole disk that the journals are on. */
const DISK_KIB = 256;

let root: string;
let disk: string;
let client: Caller | undefined;
let passband: CliProcess | undefined;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'passband-space-'));
  disk = join(root, 'disk');
  await mkdir(disk);
  const mounted = await run('mount', ['-t', 'tmpfs', '-o', `size=${DISK_KIB}k`, 'tmpfs', disk]);
  expect([mounted.code, mounted.stderr]).toEqual([0, '']);
});
afterAll(async () => {
  await client?.close();
  passband?.kill();
  await passband?.ended();
  await run('umount', [disk]);
  await rm(root, { recursive: true, force: true });
});

/** Takes all the space that is left; what is removed again gives it back. */
async function fill(): Promise<() => Promise<void>> {
  const file = await open(join(disk, 'filler'), 'w');
  const write = (): Promise<unknown> => file.write(Buffer.alloc(4096));
  // A page more than there are: the last one is refused.
  const filled = (async () => {
    for (let page = 0; page <= DISK_KIB / 4; page++) await write();
  })();
  await expect(filled).rejects.toMatchObject({ code: 'ENOSPC' });
  await file.close();
  return () => rm(join(disk, 'filler'));
}

it('of a real file system: refuses while there is none, goes on when there is, and has a line for all that it answered', async () => {
  const certs = join(root, 'certs');
  const ports = ['--port', '0', '--backend-port', '0', '--metrics-port', '0'];
  passband = new CliProcess(['up', ...ports, '--host', '127.0.0.1', '--certs', certs, '--audit', disk]);
  const port = await passband.says(/^gateway +https:\/\/\S+:(\d+)/m);
  client = callerOf(`https://localhost:${port}`, readFileSync(join(certs, 'ca.crt'), 'utf8'), pairIn(certs, 'client'));
  const served: string[] = [];
  let asked = 0;
  const ask = async (): Promise<number> => {
    const id = `request-${++asked}`;
    const answer = await client?.call('/v1/stations/sim-1', { headers: { 'x-request-id': id } });
    if (answer?.status === 200) served.push(id);
    return answer?.status ?? 0;
  };
  expect(await ask()).toBe(200);

  const makeRoom = await fill();
  await until('requests are refused', ask, (status) => status === 503);
  expect(passband.stderr).toContain('the audit journal cannot be written');
  await makeRoom();
  await until('requests are answered', ask, (status) => status === 200);

  passband.child.kill('SIGTERM');
  expect((await passband.ended()).code).toBe(0);
  const file = join(disk, 'gateway.jsonl');
  const lines = await linesOf(file);
  const recorded = lines.flatMap(({ event, requestId }) => (event === 'decision' ? [requestId] : []));
  expect(served.filter((id) => !recorded.includes(id))).toEqual([]);
  const outages = [...lines, ...(await linesOf(join(disk, 'backend.jsonl')))].filter(({ event }) => event === 'outage');
  expect(outages.length).toBeGreaterThan(0);
  for (const outage of outages) expect(outage).toMatchObject({ reason: expect.stringContaining('ENOSPC'), lost: 0 });
  expect(chainBreaksAt(await textsOf(file))).toBeUndefined();
  expect((await cli(['audit', 'verify', disk])).code).toBe(0);
});
