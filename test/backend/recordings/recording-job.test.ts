import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import type { Source, SourceSink, Tuning } from '../../../src/backend/iq/sources/source.ts';
import { DiskRoom } from '../../../src/backend/recordings/disk-room.ts';
import { RecordingFiles } from '../../../src/backend/recordings/recording-files.ts';
import { RecordingJob } from '../../../src/backend/recordings/recording-job.ts';
import type { RecordingRecord } from '../../../src/backend/recordings/recording-record.ts';
import { RecordingWriter } from '../../../src/backend/recordings/recording-writer.ts';
import { Station } from '../../../src/backend/stations/station.ts';
import { stationMetrics } from '../../../src/backend/stations/station-metrics.ts';
import { PassbandError } from '../../../src/errors.ts';
import { parseSigmfMetadata } from '../../../src/sigmf/metadata.ts';
import { until } from '../../support/until.ts';
import { ManualClock } from '../manual-clock.ts';

/** A source that does what a test says. */
class Puppet implements Source {
  readonly kind = 'push';
  readonly connects = true;
  readonly datatype = 'cu8';
  readonly tuning: Tuning = { sampleRateHz: 1000, centerFrequencyHz: 1e6 };
  fault: PassbandError | undefined;
  /** How often it was started. */
  starts = 0;
  #sink: SourceSink | undefined;
  #next = 0;

  nextIndex(): number {
    return this.#next;
  }
  start(sink: SourceSink): void {
    this.#sink = sink;
    this.starts++;
  }
  stop(): void {}
  tune(): void {}
  close(): void {}

  /** Makes samples whose bytes are their index, after leaving some out. */
  make(count: number, leftOut = 0): void {
    this.fault = undefined;
    const sampleIndex = this.#next + leftOut;
    this.#next = sampleIndex + count;
    const bytes = Uint8Array.from({ length: 2 * count }, (_, i) => (sampleIndex + Math.floor(i / 2)) % 256);
    this.#sink?.samples({ ...this.tuning, sampleIndex, timestampNs: BigInt(sampleIndex) * 1_000_000n, bytes });
  }

  fail(): void {
    this.fault = new PassbandError('UNAVAILABLE', 'the receiver is gone');
    this.#sink?.failed(this.fault);
  }
}

let folder: string;
let clock: ManualClock;
let source: Puppet;
let station: Station;
let freeBytes: number;
let isThere: boolean;
let files: RecordingFiles;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'passband-job-'));
  clock = new ManualClock();
  source = new Puppet();
  const config = {
    stationId: 's',
    description: '',
    source: { kind: 'push', ...source.tuning, datatype: 'cu8' },
  } as const;
  station = new Station(config, source, clock, stationMetrics(new Registry()).of('s'));
  freeBytes = Number.MAX_SAFE_INTEGER;
  isThere = true;
  files = new RecordingFiles(folder);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function begin(
  samples?: number,
): Promise<{ readonly job: RecordingJob; readonly done: Promise<RecordingRecord> }> {
  const room = new DiskRoom(folder, { quotaBytes: 1e9, minFreeBytes: 1000 }, clock, async () => freeBytes);
  const writer = await RecordingWriter.create(
    { files, room, clock },
    {
      ...{ recordingId: files.newId('s', 0n), stationId: 's', state: 'recording', datatype: 'cu8' },
      ...{ sampleRateHz: 1000, centerFrequencyHz: 1e6, samples: 0, bytes: 0, lostSamples: 0, captures: 0 },
      ...{ startNs: '0', endNs: '', sha512: '', reason: '', description: '', startedBy: 'me' },
    },
  );
  const length = samples === undefined ? {} : { samples };
  const log = pino({ level: 'silent' });
  const job = new RecordingJob({ station, writer, length, clock, log, isThere: () => isThere });
  try {
    return { job, done: job.begin() };
  } catch (error) {
    await writer.discard();
    throw error;
  }
}

const written = (job: RecordingJob, samples: number): Promise<number> =>
  until(
    `${samples} samples`,
    () => job.record.samples,
    (seen) => seen >= samples,
  );

it('waits for a source that fails, and has a gap of what that left out', async () => {
  const { job, done } = await begin(300);
  source.make(100);
  await written(job, 100);
  source.fail();
  // Each second it looks; the source is not well at once.
  await until('it has looked', () => clock.timers > 0);
  clock.advance(1000);
  expect(job.record.state).toBe('recording');
  source.fault = undefined;
  await until('it follows again', () => {
    clock.advance(1000);
    return station.hub.tapCount === 1;
  });
  source.make(250, 50);
  const record = await done;
  expect(record).toMatchObject({ state: 'finished', reason: '', samples: 300, lostSamples: 50, captures: 2 });
  const data = await readFile(files.dataFile(record.recordingId));
  const expected = [...Array(100).keys(), ...Array.from({ length: 200 }, (_, i) => 150 + i)];
  expect([...data]).toEqual(expected.flatMap((index) => [index % 256, index % 256]));
  const metadata = parseSigmfMetadata(await readFile(files.metaFile(record.recordingId), 'utf8'), 'meta');
  expect(metadata.captures).toMatchObject([
    { sampleStart: 0, globalIndex: 0 },
    { sampleStart: 100, globalIndex: 150, datetime: '1970-01-01T00:00:00.150000000Z' },
  ]);
});

it('ends with its station, however the source ended', async () => {
  const { job, done } = await begin();
  source.make(100);
  await written(job, 100);
  isThere = false;
  station.close(new PassbandError('UNAVAILABLE', 'station s was removed'));
  expect(await done).toMatchObject({ state: 'broken-off', reason: 'station s was removed', samples: 100 });
});

it.each([
  ['stopped', () => station.stop()],
  ['stopped and started again', () => station.stop() && station.start({})],
])('ends where its station is %s while it waits, and does not start the source', async (_, change) => {
  const { job, done } = await begin();
  source.make(100);
  await written(job, 100);
  source.fail();
  await until('it waits', () => clock.timers > 0);
  change();
  source.fault = undefined;
  const startsBefore = source.starts;
  clock.advance(1000);
  expect(await done).toMatchObject({ state: 'broken-off', reason: 'the station was stopped', samples: 100 });
  expect([source.starts, station.hub.tapCount]).toEqual([startsBefore, 0]);
});

it('ends before the last of the disk is taken, with all that it has counted', async () => {
  freeBytes = 1000 + 300;
  const { job, done } = await begin();
  source.make(100);
  await written(job, 100);
  source.make(100);
  const record = await done;
  expect(record).toMatchObject({ state: 'broken-off', samples: 100, bytes: 200 });
  expect(record.reason).toMatch(/^the disk must keep 1000 bytes free/);
  expect((await readFile(files.dataFile(record.recordingId))).length).toBe(200);
});

it('does not begin where the station has nothing to give', async () => {
  source.fail();
  source.fault = new PassbandError('UNAVAILABLE', 'the receiver is gone');
  await expect(begin()).rejects.toThrow('the receiver is gone');
});

it('ends at the sample that was the newest when it was stopped, whatever comes while it writes', async () => {
  const { job, done } = await begin();
  source.make(100);
  const stopped = job.stop();
  source.make(50);
  expect(await stopped).toMatchObject({ state: 'finished', samples: 100, bytes: 200 });
  expect((await readFile(files.dataFile((await done).recordingId))).length).toBe(200);
});
