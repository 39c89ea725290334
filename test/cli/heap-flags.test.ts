import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { heapFlags } from '../../src/cli/heap-flags.ts';
import { DEV_POLICY } from '../../src/gateway/guard/policy.ts';
import { CliProcess } from '../support/cli.ts';
import { makeTestPki, type TestPki } from '../support/pki.ts';

const MIB = 1024 * 1024;
/** V8 counts both halves. */
const HALVES = 2;

let pki: TestPki;

beforeAll(async () => {
  pki = await makeTestPki();
  await writeFile(join(pki.dir, 'policy.yaml'), DEV_POLICY);
});
afterAll(() => pki.remove());

/** Bytes of the young generation of a backend that has just started, which takes more than it begins with. */
async function youngBytes(environment: Readonly<Record<string, string>>): Promise<number> {
  const loopback = ['--backend-host', '127.0.0.1', '--backend-port', '0', '--metrics-port', '0'];
  const backend = new CliProcess(['backend', ...loopback, '--certs', pki.dir, '--data', pki.dir], environment);
  try {
    const url = await backend.says(/(http:\S+)\n/);
    const metrics = await (await fetch(url)).text();
    return Number(/^nodejs_heap_space_size_total_bytes\{space="new"\} (\d+)$/m.exec(metrics)?.[1]);
  } finally {
    backend.kill();
    await backend.ended();
  }
}

it('a backend keeps its young generation as small as it begins', async () => {
  expect(await youngBytes({})).toBeLessThanOrEqual(HALVES * MIB);
});

it('whoever starts a backend with a size of the young generation gets it', async () => {
  const chosen = { NODE_OPTIONS: '--max-semi-space-size=8' };
  expect(await youngBytes(chosen)).toBeGreaterThan(HALVES * MIB);
});

it.each([
  [['--max-semi-space-size=8'], ['--heap-growing-percent=300']],
  [['--enable-source-maps', '--heap_growing_percent=50'], ['--semi-space-growth-factor=1']],
  [[], ['--semi-space-growth-factor=1', '--heap-growing-percent=300']],
])('started with %j, a backend sets %j', (chosen, flags) => {
  expect(heapFlags('backend', chosen)).toEqual(flags);
});

it.each(['up', 'gateway', undefined])('%p leaves the heap as it is', (program) => {
  expect(heapFlags(program, [])).toEqual([]);
});
