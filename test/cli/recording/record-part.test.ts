import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readRecordOrder } from '../../../src/cli/recording/record-order.ts';
import { parseSigmfMetadata } from '../../../src/sigmf/metadata.ts';
import { cli } from '../../support/cli.ts';
import { type Stack, startStack } from '../../support/stack.ts';

describe('passband record of a part of the band', () => {
  let stack: Stack;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'passband-record-'));
    stack = await startStack();
  });
  afterAll(async () => {
    await stack?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('writes that part, and says so in the metadata', async () => {
    const part = ['--frequency-offset-hz', '-240000', '--output-rate', '50000', '--seconds', '0.2'];
    const server = ['--url', stack.gatewayUrl, '--certs', stack.certsDir];
    const file = join(folder, 'part.sigmf-meta');
    const { code, stdout } = await cli(['record', 'sim-1', '-o', file, ...part, ...server]);
    expect(code).toBe(0);
    expect(stdout).toContain('part.sigmf-meta: 10000 samples of cf32_le, 0.200 s\n');
    const metadata = parseSigmfMetadata(await readFile(file, 'utf8'), 'part');
    expect(metadata).toMatchObject({ datatype: 'cf32_le', sampleRateHz: 50_000 });
    expect(metadata.captures).toMatchObject([{ sampleStart: 0, frequencyHz: 99_760_000 }]);
    expect((await stat(join(folder, 'part.sigmf-data'))).size).toBe(80_000);
  });

  it.each([
    [{ frequencyOffsetHz: '1000' }, '--frequency-offset-hz needs --output-rate: the width that is wanted there'],
    [{ outputRate: '5O000' }, '--output-rate 5O000: must be a number from 0.244140625 to 61440000 samples/s'],
    [{ outputRate: '0' }, '--output-rate 0: must be a number from 0.244140625 to 61440000 samples/s'],
    [
      { outputRate: '50000', frequencyOffsetHz: '1e9' },
      '--frequency-offset-hz 1e9: must be a number from -30720000 to 30720000 Hz',
    ],
  ])('refuses %j', async (flags, message) => {
    const standard = { output: join(folder, 'x.sigmf'), url: 'https://localhost', certs: folder, retry: '1' };
    await expect(readRecordOrder('sim-1', { ...standard, ...flags })).rejects.toThrow(message);
  });
});
