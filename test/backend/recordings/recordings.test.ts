import { createHash } from 'node:crypto';
import { appendFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Metadata } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { unpackTar } from 'modern-tar';
import { pino } from 'pino';
import { openSigmf } from '../../../src/backend/iq/sources/sigmf.ts';
import type { StationConfig } from '../../../src/backend/stations/station-config.ts';
import { parseSigmfMetadata } from '../../../src/sigmf/metadata.ts';
import { filesOpenIn } from '../../support/files-open-in.ts';
import { makeTestPki, type TestPki } from '../../support/pki.ts';
import { until } from '../../support/until.ts';
import { BackendUnderTest, type Caller, fixture, type Message, refusal } from '../backend-under-test.ts';
import { ManualClock } from '../manual-clock.ts';

const STATIONS: readonly StationConfig[] = [
  {
    stationId: 'sim',
    description: 'noise',
    source: { kind: 'sim', seed: 1, noiseDbfs: -20, sampleRateHz: 100_000, centerFrequencyHz: 100e6 },
  },
  {
    stationId: 'other',
    description: 'more noise',
    source: { kind: 'sim', seed: 2, noiseDbfs: -20, sampleRateHz: 100_000, centerFrequencyHz: 100e6 },
  },
];

const ONCE: StationConfig = {
  stationId: 'once',
  description: 'a recording that is played once',
  source: { kind: 'sigmf', file: 'fixtures/recordings/modes1.sigmf-meta', loop: false },
};

const sha512 = (bytes: Uint8Array): string => createHash('sha512').update(bytes).digest('hex');

let pki: TestPki;
let dataDir: string;
let clock: ManualClock;
let backend: BackendUnderTest;
let iq: Caller;
let recordings: Caller;

async function begin(limits?: { readonly quotaBytes?: number; readonly minFreeBytes?: number }): Promise<void> {
  clock = new ManualClock();
  const recordingLimits = { minFreeBytes: 0, ...limits };
  backend = await BackendUnderTest.start({ pki, clock, stations: [...STATIONS, ONCE], dataDir, recordingLimits });
  recordings = await backend.client('sdr.oran.recording.v1.RecordingService');
  iq = await backend.client('sdr.oran.IQStreamService');
}

beforeAll(async () => {
  pki = await makeTestPki();
});
afterAll(() => pki.remove());
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'passband-recordings-'));
});
afterEach(async () => {
  await backend.stop();
  await rm(dataDir, { recursive: true, force: true });
});

const start = (request: object): Promise<Message> =>
  recordings.unary('StartRecording', { station_id: 'sim', ...request });
const get = (id: unknown): Promise<Message> => recordings.unary('GetRecording', { recording_id: id });
const file = (id: unknown, extension: string): string => join(dataDir, 'recordings', `${id}.${extension}`);

/** Lets time pass until a recording has so many samples on the disk. */
async function written(id: unknown, samples: number): Promise<Message> {
  return until(
    `${samples} samples`,
    () => get(id),
    (seen) => Number(seen.samples) >= samples,
  );
}

async function ended(id: unknown): Promise<Message> {
  return until(
    'the end of the recording',
    () => get(id),
    ({ state }) => state !== 'RECORDING_STATE_RECORDING',
  );
}

async function metadataOf(id: unknown): Promise<ReturnType<typeof parseSigmfMetadata>> {
  return parseSigmfMetadata(await readFile(file(id, 'sigmf-meta'), 'utf8'), String(id));
}

describe('a recording', () => {
  beforeEach(() => begin());

  it('is of whom its certificate names, whatever the caller says of itself', async () => {
    const forged = new Metadata();
    forged.set('x-passband-caller', 'dashboard-1');
    const request = { station_id: 'sim', seconds: 0.5 };
    expect(await recordings.unary('StartRecording', request, forged)).toMatchObject({ started_by: 'oran-client' });
  });

  it('has the length that was asked for, and the samples that were made', async () => {
    const begun = await start({ seconds: 0.5, datatype: 'ci16_le', description: 'a test' });
    expect(begun).toMatchObject({ state: 'RECORDING_STATE_RECORDING', started_by: 'oran-client', station_id: 'sim' });
    expect(begun.recording_id).toMatch(/^sim-20260101T000000Z-[0-9a-f]{4}$/);
    clock.advance(700);
    const record = await ended(begun.recording_id);
    const data = await readFile(file(begun.recording_id, 'sigmf-data'));
    expect(record).toMatchObject({
      ...{ state: 'RECORDING_STATE_FINISHED', reason: '', samples: '50000', bytes: '200000', lost_samples: '0' },
      ...{ captures: 1, sample_rate: 100_000, center_frequency_hz: 100e6, description: 'a test' },
      ...{ sha512: sha512(data), start_time: { seconds: '1767225600', nanos: 0 } },
    });
    expect(data.length).toBe(200_000);
    const replay = { station_id: 'sim', datatype: 'ci16_le', batch_size_samples: 50_000, start: 'EARLIEST' };
    const [frame] = await iq.take('SubscribeIQ', replay, 1);
    expect(frame).toMatchObject({ sample_index: '0', sample_count: 50_000 });
    expect(frame?.data?.equals(data)).toBe(true);
    expect(await metadataOf(begun.recording_id)).toMatchObject({
      ...{ datatype: 'ci16_le', sampleRateHz: 100_000, sha512: sha512(data), description: 'a test' },
      captures: [{ sampleStart: 0, globalIndex: 0, frequencyHz: 100e6, datetime: '2026-01-01T00:00:00.000000000Z' }],
    });
  });

  it('is a recording that opens while it is being made', async () => {
    const { recording_id } = await start({});
    expect(await metadataOf(recording_id)).toMatchObject({ captures: [], sha512: undefined });
    clock.advance(100);
    await written(recording_id, 10_000);
    expect((await metadataOf(recording_id)).captures).toHaveLength(1);
    const { length } = await readFile(file(recording_id, 'sigmf-data'));
    expect(length).toBe(10_000 * 8);
    await recordings.unary('DeleteRecording', { recording_id });
  });

  it('ends when it is stopped, and what has come until then is in it', async () => {
    const { recording_id } = await start({});
    clock.advance(250);
    const stopped = await recordings.unary('StopRecording', { recording_id });
    expect(stopped).toMatchObject({ state: 'RECORDING_STATE_FINISHED', samples: '25000', reason: '' });
    expect(await recordings.unary('StopRecording', { recording_id })).toEqual(stopped);
    expect((await metadataOf(recording_id)).sha512).toBe(stopped.sha512);
  });

  it('notes gaps and retunes as captures, and counts what is missing', async () => {
    const { recording_id } = await start({});
    clock.advance(100);
    await written(recording_id, 10_000);
    // The source makes up for one second; two are missing.
    clock.stall(3000);
    clock.advance(100);
    await iq.unary('StartStream', { station_id: 'sim', center_frequency_hz: 101e6 });
    clock.advance(100);
    const record = await recordings.unary('StopRecording', { recording_id });
    expect(record).toMatchObject({ samples: '130000', lost_samples: '200000', captures: 3 });
    expect((await metadataOf(recording_id)).captures).toMatchObject([
      { sampleStart: 0, globalIndex: 0, frequencyHz: 100e6 },
      { sampleStart: 10_000, globalIndex: 210_000, frequencyHz: 100e6, datetime: '2026-01-01T00:00:02.100000000Z' },
      { sampleStart: 120_000, globalIndex: 320_000, frequencyHz: 101e6, datetime: '2026-01-01T00:00:03.200000000Z' },
    ]);
  });

  it('has a gap of an exact length where the disk was slower than the ring reaches', async () => {
    const { recording_id } = await start({});
    clock.advance(100);
    await written(recording_id, 10_000);
    // Thirty seconds pass before anything can be written; the ring holds ten of them.
    clock.advance(30_000);
    const record = await recordings.unary('StopRecording', { recording_id });
    expect(record).toMatchObject({ state: 'RECORDING_STATE_FINISHED', captures: 2 });
    expect(Number(record.samples) + Number(record.lost_samples)).toBe(3_010_000);
    const [first, second] = (await metadataOf(recording_id)).captures;
    expect([first?.globalIndex, second?.sampleStart]).toEqual([0, 10_000]);
    expect(second?.globalIndex).toBe(10_000 + Number(record.lost_samples));
    const replay = { station_id: 'sim', batch_size_samples: 100_000, start: 'EARLIEST' };
    const [frame] = await iq.take('SubscribeIQ', replay, 1);
    const data = await readFile(file(recording_id, 'sigmf-data'));
    const at = (10_000 + Number(frame?.sample_index) - Number(second?.globalIndex)) * 8;
    expect(frame?.data?.equals(data.subarray(at, at + Number(frame?.data?.length)))).toBe(true);
  });

  it.each<[what: string, act: () => Promise<unknown>, reason: string]>([
    [
      'its station gets another rate',
      async () => {
        await iq.unary('StartStream', { station_id: 'sim', sample_rate: 50_000 });
        clock.advance(100);
      },
      'the station was set to 50000 samples/s; a recording has one rate',
    ],
    ['its station is stopped', () => iq.unary('StopStream', { station_id: 'sim' }), 'the station was stopped'],
    ['the server is shut down', () => backend.backend.close(1000), 'the server was shut down'],
  ])('is broken off when %s', async (_, act, reason) => {
    const { recording_id } = await start({ samples: '100000' });
    clock.advance(100);
    await written(recording_id, 10_000);
    await act();
    const record = await until(
      'the end',
      async () => JSON.parse(await readFile(file(recording_id, 'json'), 'utf8')),
      ({ state }) => state !== 'recording',
    );
    expect(record).toMatchObject({ state: 'broken-off', reason, samples: 10_000 });
    expect((await metadataOf(recording_id)).sha512).toBe(sha512(await readFile(file(recording_id, 'sigmf-data'))));
  });

  it('without a sample is kept with its reason, and what is given out of it is refused as what it is', async () => {
    const { recording_id } = await start({});
    await iq.unary('StopStream', { station_id: 'sim' });
    expect(await ended(recording_id)).toMatchObject({
      ...{ state: 'RECORDING_STATE_BROKEN_OFF', reason: 'the station was stopped', samples: '0', bytes: '0' },
      ...{ captures: 0, sha512: sha512(Buffer.alloc(0)) },
    });
    const parts = await recordings.takeWhile('DownloadRecording', { recording_id }, () => true);
    const archive = join(dataDir, 'empty.sigmf');
    await writeFile(archive, Buffer.concat(parts.map(({ data }) => data ?? Buffer.alloc(0))));
    await expect(openSigmf({ file: archive }, { clock, log: pino({ enabled: false }) })).rejects.toThrow(
      `${archive}: ${recording_id}.sigmf-data: holds no samples; there is nothing to play`,
    );
  });

  it.each([
    ['whole where it has no length', {}, { state: 'RECORDING_STATE_FINISHED', reason: '' }],
    [
      'broken off where more was wanted',
      { seconds: 1 },
      { state: 'RECORDING_STATE_BROKEN_OFF', reason: 'the source came to its end' },
    ],
  ])('is, when its source comes to its end, %s', async (_, length, expected) => {
    const { recording_id } = await start({ station_id: 'once', ...length });
    clock.advance(1000);
    expect(await ended(recording_id)).toMatchObject(expected);
    const data = await readFile(file(recording_id, 'sigmf-data'));
    expect(sha512(data)).toBe(sha512(await fixture('modes1.sigmf-data')));
  });

  it('is given out as an archive when it has ended, and removed when it is deleted', async () => {
    const { recording_id } = await start({ samples: '1000' });
    const download = (): Promise<string> =>
      recordings.status(recordings.stream('DownloadRecording', { recording_id })).then(({ details }) => details);
    expect(await download()).toMatch(/^the recording is under way/);
    clock.advance(100);
    await ended(recording_id);
    const parts = await recordings.takeWhile('DownloadRecording', { recording_id }, () => true);
    expect(parts[0]?.content_type).toBe('application/x-tar');
    const members = await unpackTar(Buffer.concat(parts.map(({ data }) => data ?? Buffer.alloc(0))));
    expect(members.map(({ header }) => header.name)).toEqual([
      `${recording_id}.sigmf-data`,
      `${recording_id}.sigmf-meta`,
    ]);
    for (const { header, data } of members) {
      expect(data).toEqual(new Uint8Array(await readFile(join(dataDir, 'recordings', header.name))));
    }
    expect(await recordings.unary('ListRecordings', {})).toMatchObject({ bytes: '8000' });
    await recordings.unary('DeleteRecording', { recording_id });
    expect((await readdir(join(dataDir, 'recordings'))).filter((name) => name.startsWith('sim'))).toEqual([]);
    expect(await recordings.unary('ListRecordings', {})).toMatchObject({ recordings: [], bytes: '0' });
    expect(await refusal(get(recording_id))).toMatch(/^5: there is no such recording/);
  });

  it('leaves no file open when one that is to be given out is gone', async () => {
    for (const gone of ['sigmf-meta', 'sigmf-data']) {
      const { recording_id } = await start({ samples: '1000' });
      clock.advance(100);
      await ended(recording_id);
      await rm(file(recording_id, gone));
      const { code } = await recordings.status(recordings.stream('DownloadRecording', { recording_id }));
      expect(code).not.toBe(0);
      expect(await filesOpenIn(file(recording_id, ''))).toEqual([]);
    }
  });

  it('is listed, the newest first, and by station', async () => {
    const first = await start({ samples: '10' });
    clock.advance(2000);
    const second = await start({ station_id: 'other', samples: '10' });
    const list = async (request: object): Promise<unknown[]> => {
      const { recordings: found } = (await recordings.unary('ListRecordings', request)) as { recordings?: Message[] };
      return (found ?? []).map(({ recording_id }) => recording_id);
    };
    expect(await list({})).toEqual([second.recording_id, first.recording_id]);
    expect(await list({ station_id: 'sim' })).toEqual([first.recording_id]);
    // Recordings outlive their stations: one that is not there may have some.
    expect(await list({ station_id: 'nobody' })).toEqual([]);
  });

  it('refuses more at a time than it can bear', async () => {
    for (let i = 0; i < 16; i++) await start({});
    expect(await refusal(start({}))).toMatch(/^8: 16 recordings are under way already/);
  });
});

describe('a request', () => {
  const BAD_REQUESTS: readonly (readonly [method: string, request: object, expected: string])[] = [
    ['StartRecording', { station_id: 'nobody' }, '5: there is no station nobody'],
    ['StartRecording', { station_id: '../etc' }, '3: station_id must be'],
    ['StartRecording', { station_id: 'sim', datatype: 'cf64_le' }, '3: datatype must be one of'],
    ['StartRecording', { station_id: 'sim', samples: '0' }, '3: samples must be a number from 1'],
    ['StartRecording', { station_id: 'sim', seconds: Number.NaN }, '3: seconds must be a number from'],
    ['StartRecording', { station_id: 'sim', description: 'x'.repeat(501) }, '3: description must be text of 500'],
    ['StartRecording', { station_id: 'sim', description: 'a\nb' }, '3: description must be text'],
    ['GetRecording', { recording_id: '../../../etc/passwd' }, '5: there is no such recording'],
    ['StopRecording', { recording_id: '' }, '5: there is no such recording'],
    ['DeleteRecording', { recording_id: 'sim-20260101T000000Z-0000' }, '5: there is no such recording'],
    ['ListRecordings', { station_id: 'a/b' }, '3: station_id must be'],
  ];

  it('is refused with a sentence, whatever is wrong', async () => {
    await begin();
    for (const [method, request, expected] of BAD_REQUESTS) {
      expect(`${method}: ${await refusal(recordings.unary(method, request))}`).toContain(`${method}: ${expected}`);
    }
  });
});

describe('room', () => {
  it('ends a recording at the quota, to the sample', async () => {
    await begin({ quotaBytes: 1_200_000 });
    const { recording_id } = await start({});
    const full = /^recordings may take 1200000 bytes in all/;
    await until('the end', async () => {
      clock.advance(100);
      return (await get(recording_id)).state === 'RECORDING_STATE_BROKEN_OFF';
    });
    const record = await get(recording_id);
    expect(record.reason).toMatch(full);
    expect(Number(record.bytes)).toBeLessThanOrEqual(1_200_000);
    expect(Number(record.bytes)).toBeGreaterThan(0);
    const data = await readFile(file(recording_id, 'sigmf-data'));
    expect([data.length, sha512(data)]).toEqual([Number(record.bytes), record.sha512]);
    expect((await recordings.unary('ListRecordings', {})).bytes).toBe(record.bytes);
  });

  it.each<[what: string, request: object, bytes: number]>([
    ['a number of samples', { samples: '1001', datatype: 'ci16_le' }, 4004],
    ['a time', { seconds: 0.010_01, datatype: 'ci16_le' }, 4004],
    ['a year', { seconds: 31_622_400 }, 25_297_920_000_000],
  ])('refuses %s that the quota cannot hold, and begins nothing', async (_, request, bytes) => {
    await begin({ quotaBytes: 6000 });
    // What is there already counts.
    const first = await start({ samples: '250' });
    clock.advance(100);
    expect(await ended(first.recording_id)).toMatchObject({ bytes: '2000', state: 'RECORDING_STATE_FINISHED' });
    expect(await refusal(start(request))).toBe(
      `8: the recording would take ${bytes} bytes, and of the 6000 bytes that recordings may take in all 4000 are left; ask for a shorter one, or delete some`,
    );
    expect((await recordings.unary('ListRecordings', {})).recordings).toHaveLength(1);
    expect((await readdir(join(dataDir, 'recordings'))).filter((name) => name.endsWith('.sigmf-data'))).toHaveLength(1);
    // What just fits is made.
    const last = await start({ samples: '1000', datatype: 'ci16_le' });
    clock.advance(100);
    expect(await ended(last.recording_id)).toMatchObject({ bytes: '4000', state: 'RECORDING_STATE_FINISHED' });
    expect(await refusal(start({ samples: '1' }))).toMatch(/^8: the recording would take 8 bytes, .* 0 are left/);
  });

  it('leaves the disk what it must keep', async () => {
    await begin({ minFreeBytes: Number.MAX_SAFE_INTEGER });
    expect(await refusal(start({}))).toMatch(/^8: the disk must keep 9007199254740991 bytes free/);
    expect((await readdir(join(dataDir, 'recordings'))).filter((name) => name.startsWith('sim'))).toEqual([]);
  });
});

describe('what a dead server left behind', () => {
  /** A recording that looks as if its server had been killed. */
  async function leaveBehind(damage: (id: string) => Promise<unknown>): Promise<string> {
    await begin();
    const { recording_id } = await start({});
    clock.advance(100);
    await written(recording_id, 10_000);
    clock.stall(3000);
    clock.advance(100);
    await written(recording_id, 120_000);
    const id = String(recording_id);
    const [meta, data, record] = await Promise.all(
      ['sigmf-meta', 'sigmf-data', 'json'].map((extension) => readFile(file(id, extension))),
    );
    await backend.stop();
    await Promise.all([
      writeFile(file(id, 'sigmf-meta'), meta ?? ''),
      writeFile(file(id, 'sigmf-data'), data ?? ''),
      writeFile(file(id, 'json'), record ?? ''),
    ]);
    await damage(id);
    await begin();
    return id;
  }

  it.each<[what: string, damage: (id: string) => Promise<unknown>, expected: object]>([
    ['nothing else', async () => {}, { samples: '120000', captures: 2, lost_samples: '200000' }],
    [
      'half a sample',
      (id) => appendFile(file(id, 'sigmf-data'), Buffer.alloc(5)),
      { samples: '120000', captures: 2, lost_samples: '200000' },
    ],
    [
      'a capture whose samples never reached the disk',
      (id) => truncate(file(id, 'sigmf-data'), 10_000 * 8),
      { samples: '10000', captures: 1, lost_samples: '0' },
    ],
    ['no sample at all', (id) => truncate(file(id, 'sigmf-data'), 0), { samples: '0', captures: 0, bytes: '0' }],
  ])('is brought in order: with %s', async (_, damage, expected) => {
    const id = await leaveBehind(damage);
    const record = await until(
      'its hash',
      () => get(id),
      (seen) => seen.sha512 !== '',
    );
    const data = await readFile(file(id, 'sigmf-data'));
    expect(record).toMatchObject({
      ...expected,
      state: 'RECORDING_STATE_BROKEN_OFF',
      reason: 'the server ended while it was being made',
      sha512: sha512(data),
    });
    expect(data.length).toBe(Number(record.bytes));
    expect((await metadataOf(id)).sha512).toBe(sha512(data));
    expect((await recordings.unary('ListRecordings', {})).bytes).toBe(record.bytes);
  });

  it('is told of when its metadata is damaged', async () => {
    const id = await leaveBehind((left) => writeFile(file(left, 'sigmf-meta'), '{'));
    expect((await get(id)).reason).toMatch(/and its metadata is damaged$/);
  });
});
