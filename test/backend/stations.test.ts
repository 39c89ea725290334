import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { createMetrics } from '../../src/backend/metrics.ts';
import type { StationConfig } from '../../src/backend/stations/station-config.ts';
import { openStations, type Stations } from '../../src/backend/stations/stations.ts';
import { PassbandError, UsageError } from '../../src/errors.ts';
import { until } from '../support/until.ts';
import { fixture } from './backend-under-test.ts';
import { ManualClock } from './manual-clock.ts';

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

  const clock = new ManualClock();
  const never = new AbortController().signal;
  const open = (...configs: StationConfig[]): Promise<Stations> =>
    openStations(configs, { metrics: createMetrics().stations, log: pino({ enabled: false }), clock });

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
    ['empty', { 'core:sha512': undefined }, () => Buffer.alloc(0), /empty\.sigmf-data: holds no samples/],
    ['no-data', {}, () => undefined, /no-data\.sigmf-data: there is no such file; it is tried again/],
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
  ])('a recording that is %s is the fault of its station alone, until it is whole', async (...row) => {
    const [name, change, dataOf, message] = row;
    const data = await fixture('modes1.sigmf-data');
    const config = await recording(name, { ...meta, global: { ...meta.global, ...change } }, dataOf(data));
    const stations = await open(config, sim('well'));
    expect(stations.get('well').requireRunning()).toBeDefined();
    const faulty = stations.get(name);
    const { publicMessage = '' } = faulty.hub.source.fault ?? {};
    expect(publicMessage).toMatch(message);
    expect(publicMessage).not.toContain(dir);
    for (const use of [() => faulty.requireRunning(), () => faulty.start({})]) {
      expect(use).toThrow(expect.objectContaining({ code: 'UNAVAILABLE', publicMessage }));
    }
    faulty.stop();

    await recording(name, meta, data);
    const begun = await until(
      'the station to begin anew',
      () => {
        clock.advance(1000);
        return stations.get(name);
      },
      (station) => station !== faulty,
    );
    expect(begun.hub.source).toMatchObject({ fault: undefined, tuning: { sampleRateHz: 2_000_000 } });
    // It was stopped while it was faulty, and that it still is.
    expect(begun.counters).toBeUndefined();
    expect(stations.all()).toHaveLength(2);
    stations.close(new PassbandError('UNAVAILABLE', 'over'));
    expect(clock.timers).toBe(0);
  });

  it('a recording that is not checked soon makes its station faulty until it is, and keeps the others waiting no longer', async () => {
    const long = await recording('long', meta, await fixture('modes1.sigmf-data'));
    const wrong = await recording('wrong', meta, Buffer.alloc(713_736));
    const opening = open(long, wrong, sim('well'));
    // Before a byte of them can have been read.
    clock.advance(3000);
    const stations = await opening;
    expect(stations.get('well').requireRunning()).toBeDefined();
    for (const id of ['long', 'wrong']) {
      expect(stations.get(id).hub.source).toMatchObject({
        isAbsent: true,
        fault: { code: 'UNAVAILABLE', publicMessage: expect.stringMatching(/is still being checked/) },
      });
      expect(() => stations.get(id).requireRunning()).toThrow(/is still being checked/);
    }
    const begun = await until(
      'the station to begin',
      () => stations.get('long'),
      ({ hub }) => hub.source.isAbsent !== true,
    );
    expect(begun.hub.source).toMatchObject({ fault: undefined, tuning: { sampleRateHz: 2_000_000 } });
    expect(begun.requireRunning()).toBeDefined();
    await until(
      'the other to be refused',
      () => stations.get('wrong').hub.source.fault?.publicMessage ?? '',
      (message) => /its SHA-512 is not the one in .*; it is tried again$/.test(message),
    );
    expect(clock.timers).toBe(1);
    stations.close(new PassbandError('UNAVAILABLE', 'over'));
    expect(clock.timers).toBe(0);
  });

  it('who closes all gives up what is being opened', async () => {
    const stations = await open();
    const opened = stations.prepare(await recording('given-up', meta, await fixture('modes1.sigmf-data')), never);
    stations.close(new PassbandError('UNAVAILABLE', 'over'));
    await expect(opened).rejects.toMatchObject({ code: 'UNAVAILABLE', publicMessage: 'over' });
  });

  it('one that is faulty may be changed or removed, and then nothing tries to open it any more', async () => {
    const stations = await open(await recording('gone', meta, undefined), await recording('lost', meta, undefined));
    await expect(stations.prepare(await recording('new', meta, undefined), never)).rejects.toThrow(UsageError);
    expect(clock.timers).toBe(2);
    const [gone, lost] = stations.all();
    if (gone === undefined || lost === undefined) throw new Error('two stations');
    const change = await stations.prepareChange(gone, sim('gone'), never);
    change.begin();
    expect(stations.get('gone').hub.source.kind).toBe('sim');
    stations.remove('lost', new PassbandError('UNAVAILABLE', 'removed'));
    expect(clock.timers).toBe(0);
  });

  it('a change that was being prepared takes the place of what has begun anew meanwhile', async () => {
    const stations = await open(await recording('late', meta, undefined));
    const faulty = stations.get('late');
    const [named, other] = [
      await stations.prepareChange(faulty, { ...faulty.config, description: 'named' }, never),
      await stations.prepareChange(faulty, sim('late'), never),
    ];
    await recording('late', meta, await fixture('modes1.sigmf-data'));
    await until('the station to begin anew', () => {
      clock.advance(1000);
      return stations.get('late') !== faulty;
    });
    const begun = stations.get('late');
    expect(named.begin()).toBe(begun);
    expect(begun.description).toBe('named');
    const changed = other.begin();
    expect(begun.counters).toBeUndefined();
    expect(stations.all()).toEqual([changed]);
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
    const stations = await open();
    await expect(stations.open({ ...facts, source: nothing })).rejects.toThrow(UsageError);
  });
});
