import { execFile } from 'node:child_process';
import { appendFile, cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { type Stack, startStack } from '../support/stack.ts';

const CONSUMER = join(PACKAGE_ROOT, 'test', 'openapi-client');
const requireAsConsumer = createRequire(join(CONSUMER, 'package.json'));

/** Milliseconds for a compiler or a client to come to an end on a busy machine. */
const PROGRAM_TIMEOUT_MS = 120_000;

/** Calls that the types must refuse, one a line. */
const MISTAKES = [
  `client.GET('/v1/nothing');`,
  `client.DELETE('/v1/stations');`,
  `client.GET('/v1/stations/{station_id}');`,
  `client.GET('/v1/stations/{station_id}/iq', { params: { path: { station_id: 'x' }, query: { overflow: 'never' } } });`,
  `client.POST('/v1/stations/{station_id}:start', { params: { path: { station_id: 'x' } }, body: { sampleRate: 'fast' } });`,
];

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program run by this Node.js to its end. */
function run(cwd: string, ...words: readonly string[]): Promise<Ended> {
  // Jest's own flags are not for the children.
  const env = { ...process.env, NODE_OPTIONS: '' };
  return new Promise((resolve) => {
    execFile(process.execPath, words, { cwd, env, timeout: PROGRAM_TIMEOUT_MS }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
    });
  });
}

describe('a client generated from openapi/passband.yaml', () => {
  let folder: string;
  let stack: Stack;

  beforeAll(async () => {
    // Below the consumer, so that what it imports is found as it is for the consumer itself.
    await mkdir(join(CONSUMER, '.test-output'), { recursive: true });
    folder = await mkdtemp(join(CONSUMER, '.test-output', 'client-'));
    await cp(join(CONSUMER, 'tsconfig.json'), join(folder, 'tsconfig.json'));
    await cp(join(CONSUMER, 'src', 'client.ts'), join(folder, 'src', 'client.ts'));
    const generator = join(dirname(requireAsConsumer.resolve('openapi-typescript/package.json')), 'bin', 'cli.js');
    const document = join(PACKAGE_ROOT, 'openapi', 'passband.yaml');
    const generated = await run(folder, generator, document, '-o', join(folder, 'src', 'passband.ts'));
    if (generated.code !== 0) throw new Error(generated.stderr);
    stack = await startStack();
  }, PROGRAM_TIMEOUT_MS);

  afterAll(async () => {
    await stack?.close();
    await rm(folder, { recursive: true, force: true });
  });

  test(
    'lists stations, starts one and reads its frames over mutual TLS',
    async () => {
      const file = (name: string): string => join(stack.certsDir, name);
      const words = [stack.gatewayUrl, file('ca.crt'), file('client.crt'), file('client.key'), 'sim-1'];
      const { code, stdout, stderr } = await run(folder, join('src', 'client.ts'), ...words);
      expect([code, stderr]).toEqual([0, '']);
      const result = JSON.parse(stdout);
      expect(result.stations).toEqual(expect.arrayContaining(['adsb', 'sim-1']));
      expect(result.started).toBe(true);
      expect(result.refusal).toMatchObject({ status: 404, code: 'NOT_FOUND', requestId: expect.any(String) });
      expect(result.frames).toHaveLength(3);
      for (const frame of result.frames) {
        expect(frame).toMatchObject({ stationId: 'sim-1', datatype: 'cu8', sampleCount: 1024 });
        expect(Buffer.from(frame.data, 'base64')).toHaveLength(2048);
      }
      const numbers = result.frames.map(({ sequenceNumber }: { sequenceNumber: string }) => BigInt(sequenceNumber));
      expect(numbers[1] - numbers[0]).toBeGreaterThanOrEqual(1n);
    },
    PROGRAM_TIMEOUT_MS,
  );

  test(
    'is checked by its types: the client passes, wrong calls do not',
    async () => {
      const compiler = requireAsConsumer.resolve('typescript/bin/tsc');
      expect(await run(folder, compiler)).toEqual({ code: 0, stdout: '', stderr: '' });
      const client = join(folder, 'src', 'client.ts');
      await appendFile(client, `${MISTAKES.join('\n')}\n`);
      const { code, stdout } = await run(folder, compiler);
      const wrong = new Set([...stdout.matchAll(/client\.ts\((\d+),/g)].map(([, line]) => Number(line)));
      const { length } = (await readFile(client, 'utf8')).trimEnd().split('\n');
      expect(code).not.toBe(0);
      expect([...wrong].sort((a, b) => a - b)).toEqual(
        MISTAKES.map((_, index) => length - MISTAKES.length + 1 + index),
      );
    },
    PROGRAM_TIMEOUT_MS,
  );
});
