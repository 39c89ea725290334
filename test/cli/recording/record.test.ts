import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseSigmfMetadata } from '../../../src/sigmf/metadata.ts';
import { CliProcess, cli } from '../../support/cli.ts';
import { type Stack, startStack } from '../../support/stack.ts';
import { until } from '../../support/until.ts';

describe('passband record', () => {
  let stack: Stack;
  let folder: string;
  let standard: readonly string[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'passband-record-'));
    stack = await startStack();
    standard = ['--url', stack.gatewayUrl, '--certs', stack.certsDir];
  });
  afterAll(async () => {
    await stack?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('writes as many samples as are asked for', async () => {
    const file = join(folder, 'whole.cu8');
    const { code, stdout } = await cli(['record', 'adsb', '-o', file, '--samples', '100000', ...standard]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/whole\.cu8: 100000 samples of cu8, 0\.050 s\nsha512 [0-9a-f]{128}\n$/);
    expect((await stat(file)).size).toBe(200_000);
  });

  it('counts what had gone before its beginning as missing', async () => {
    const file = join(folder, 'late.cu8');
    const from = ['--from', '0', '--samples', '1000'];
    // All but the newest seconds are gone when the next reader comes: the station's count goes on while nobody listens.
    const { code, stdout, stderr } = await cli(['record', 'adsb', '-o', file, ...from, ...standard]);
    const lost = /missing: samples 0 to \d+ \((\d+)\), before/.exec(stderr)?.[1];
    expect(lost).toBeDefined();
    expect(stdout).toContain(`late.cu8: 1000 samples of cu8, 0.001 s, ${lost} missing, 1 captures`);
    expect(code).toBe(3);
  });

  it('says that it does not know how many are missing after a restart of the backend', async () => {
    const program = new CliProcess([
      ...['record', 'adsb', '-o', join(folder, 'restart.sigmf-meta'), '--seconds', '1.5'],
      ...standard,
    ]);
    try {
      const part = join(folder, 'restart.sigmf-data.part');
      const written = async (): Promise<number> => (await stat(part).catch(() => ({ size: 0 }))).size;
      await until('samples are written', written, (bytes) => bytes > 200_000);
      const refusedBefore = refused().length;
      await stack.stopBackend();
      await until(
        'it has tried again several times',
        () => refused().length - refusedBefore,
        (times) => times >= 3,
      );
      await stack.startBackend();
      const { code, stdout, stderr } = await program.ended();
      expect(code).toBe(3);
      const [, away = ''] =
        /an unknown number \(about (\d+\.\d) s by the clock\) missing, 2 captures\n/.exec(stdout) ?? [];
      expect(stdout).toContain('restart.sigmf-data, ');
      expect(stderr).toContain(`is not known (about ${away} s by the clock)\n`);
      // By the times that the recording itself states.
      const metadata = parseSigmfMetadata(await readFile(join(folder, 'restart.sigmf-meta'), 'utf8'), 'restart');
      const [first, second] = metadata.captures;
      const betweenNs = Number((second?.timestampNs ?? 0n) - (first?.timestampNs ?? 0n));
      const awayS = betweenNs / 1e9 - (second?.sampleStart ?? 0) / 2e6;
      expect(Math.abs(Number(away) - awayS)).toBeLessThan(0.06);
      expect(Number(away)).toBeGreaterThan(0);
      // Each reason to try again is told once.
      const tries = stderr.split('\n').filter((line) => line.endsWith('; trying again'));
      expect(tries.length).toBeGreaterThan(0);
      expect(tries).toEqual([...new Set(tries)]);
    } finally {
      program.kill();
    }
  });

  /** Requests that the gateway answered with 503. */
  function refused(): unknown[] {
    return stack.logs.filter((line) => line.status === 503);
  }
});
