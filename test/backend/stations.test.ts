import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { createMetrics } from '../../src/backend/metrics.ts';
import type { StationConfig } from '../../src/backend/stations/station-config.ts';
import { openStations } from '../../src/backend/stations/stations.ts';
import { UsageError } from '../../src/errors.ts';
import { fixture } from './backend-under-test.ts';

describe('declared stations', () => {
  let dir: string;
  let meta: Record<string, Record<string, unknown>>;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'passband-stations-'));
    meta = JSON.parse((await fixture('modes1.sigmf-meta')).toString());
  });
  afterAll(() => rm(dir, { recursive: true }));

  async function recording(name: string, metadata: unknown, data: Buffer | undefined): Promise<StationConfig> {
    const file = join(dir, `${name}.sigmf-meta`);
    await writeFile(file, JSON.stringify(metadata));
    if (data !== undefined) await writeFile(join(dir, `${name}.sigmf-data`), data);
    return { stationId: name, description: '', source: { kind: 'sigmf', file } };
  }

  const open = (...configs: StationConfig[]): Promise<unknown> =>
    openStations(configs, { metrics: createMetrics().stations, log: pino({ enabled: false }) });

  it('plays a recording that is whole', async () => {
    await open(await recording('good', meta, await fixture('modes1.sigmf-data')));
    expect((await readFile(join(dir, 'good.sigmf-data'))).length).toBe(713_736);
  });

  it.each([
    [
      'damaged',
      {},
      (data: Buffer) => Buffer.concat([data.subarray(0, -2), Buffer.of(1, 2)]),
      /damaged\.sigmf-data: its SHA-512/,
    ],
    [
      'cut',
      { 'core:sha512': undefined },
      (data: Buffer) => data.subarray(0, 1001),
      /cut\.sigmf-data: 1001 bytes are no whole number/,
    ],
    ['empty', { 'core:sha512': undefined }, () => Buffer.alloc(0), /empty\.sigmf-data: 0 bytes/],
    ['no-data', {}, () => undefined, /no-data\.sigmf-data: cannot be read/],
    [
      'no-rate',
      { 'core:sample_rate': undefined },
      (data: Buffer) => data,
      /no-rate\.sigmf-meta: .*core:sample_rate is missing/,
    ],
    [
      'real',
      { 'core:datatype': 'ru8' },
      (data: Buffer) => data,
      /real\.sigmf-meta: core:datatype ru8 is of real samples/,
    ],
  ])('refuses a recording that is %s', async (name, change, dataOf, message) => {
    const config = await recording(
      name,
      { ...meta, global: { ...meta.global, ...change } },
      dataOf(await fixture('modes1.sigmf-data')),
    );
    const opening = open(config);
    await expect(opening).rejects.toThrow(UsageError);
    await expect(opening).rejects.toThrow(message);
  });

  const sim = (stationId: string): StationConfig => ({
    stationId,
    description: '',
    source: { kind: 'sim', seed: 1, sampleRateHz: 1e6, centerFrequencyHz: 1e8, noiseDbfs: -18 },
  });

  it.each(['', 'a b', 'x'.repeat(65), '../a'])('refuses the id %j', async (stationId) => {
    await expect(open(sim(stationId))).rejects.toThrow(/its id must be 1 to 64/);
  });

  it('refuses two of one id', async () => {
    await expect(open(sim('a'), sim('a'))).rejects.toThrow(/the same station_id/);
  });

  it('refuses a simulation of nothing', async () => {
    const { source, ...facts } = sim('a');
    if (source.kind !== 'sim') throw new Error('a simulated station');
    const { noiseDbfs: _, ...nothing } = source;
    await expect(open({ ...facts, source: nothing })).rejects.toThrow(UsageError);
  });
});
