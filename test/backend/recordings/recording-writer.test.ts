import { mkdtemp, readdir, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { Run } from '../../../src/backend/iq/ring/ring.ts';
import { DiskRoom } from '../../../src/backend/recordings/disk-room.ts';
import { RecordingFiles } from '../../../src/backend/recordings/recording-files.ts';
import type { RecordingRecord } from '../../../src/backend/recordings/recording-record.ts';
import { RecordingWriter } from '../../../src/backend/recordings/recording-writer.ts';
import { repairRecording } from '../../../src/backend/recordings/repair.ts';
import { parseSigmfMetadata, type SigmfCapture } from '../../../src/sigmf/metadata.ts';
import { filesOpenIn } from '../../support/files-open-in.ts';
import { ManualClock } from '../manual-clock.ts';

/** Counts what of metadata and records is written as a whole. */
class CountingFiles extends RecordingFiles {
  wholeBytes = 0;

  override putMeta(id: string, text: string): Promise<void> {
    this.wholeBytes += text.length;
    return super.putMeta(id, text);
  }
  override putRecord(record: RecordingRecord): Promise<void> {
    this.wholeBytes += 500;
    return super.putRecord(record);
  }
}

let folder: string;
let clock: ManualClock;
let files: CountingFiles;
let id: string;
let writer: RecordingWriter;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'passband-writer-'));
  files = new CountingFiles(folder);
  clock = new ManualClock();
  id = files.newId('s', 0n);
  writer = await create(files);
});

function create(into: RecordingFiles): Promise<RecordingWriter> {
  const room = new DiskRoom(folder, { quotaBytes: 1e9, minFreeBytes: 0 }, clock, async () => 1e12);
  return RecordingWriter.create(
    { files: into, room, clock },
    {
      ...{ recordingId: id, stationId: 's', state: 'recording', datatype: 'cu8', sampleRateHz: 1000 },
      ...{ centerFrequencyHz: 1e6, samples: 0, bytes: 0, lostSamples: 0, captures: 0, startNs: '0', endNs: '' },
      ...{ sha512: '', reason: '', description: 'so\n    }called', startedBy: 'me' },
    },
  );
}

afterEach(() => rm(folder, { recursive: true, force: true }));

const RUN: Run = {
  ...{ sampleRateHz: 1000, centerFrequencyHz: 1e6, firstIndex: 0, ordinal: 0, start: 0, end: 1e9, isClosed: false },
  timestampNs: (index: number) => BigInt(index) * 1_000_000n,
};

/** Writes two samples for each capture, one sample is missing behind them. */
async function writeCaptures(from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) await writer.write({ run: RUN, start: 3 * i }, Uint8Array.of(1, 2, 3, 4));
}

const text = (): Promise<string> => readFile(files.metaFile(id), 'utf8');
const captures = async (): Promise<readonly SigmfCapture[]> => parseSigmfMetadata(await text(), 'meta').captures;

it('writes of many captures each once, and the metadata opens after each', async () => {
  await writeCaptures(0, 1);
  expect(await captures()).toHaveLength(1);
  const before = files.wholeBytes;
  await writeCaptures(1, 4);
  expect(await captures()).toMatchObject([0, 1, 2, 3].map((i) => ({ sampleStart: 2 * i, globalIndex: 3 * i })));
  await writeCaptures(4, 400);
  // Now and then the record, but never what is there already.
  expect(files.wholeBytes - before).toBeLessThan(10_000);
  const grown = await text();
  const record = await writer.finish('finished', '', 0n);
  expect(record).toMatchObject({ captures: 400, samples: 800, lostSamples: 399 });
  expect((await text()).replace(/,\n {4}"core:sha512": "\w+"/, '')).toBe(grown);
});

it.each([
  [1, 5],
  [28, 5],
  [29, 4],
  [150, 4],
])('keeps, when the last %d bytes of the metadata are missing, %d of five captures', async (missing, kept) => {
  await writeCaptures(0, 5);
  await writer.finish('finished', '', 0n);
  const whole = await text();
  await truncate(files.metaFile(id), whole.length - missing);
  const repaired = await repairRecording(files, { ...writer.record, state: 'recording', sha512: '' });
  expect([repaired.reason, repaired.captures]).toEqual(['the server ended while it was being made', kept]);
  expect(await captures()).toMatchObject(Array.from({ length: kept }, (_, i) => ({ sampleStart: 2 * i })));
});

it('notes the counts in the record every five seconds, by the clock that it was given', async () => {
  const noted = async (): Promise<number | undefined> => (await files.records())[0]?.samples;
  await writeCaptures(0, 1);
  clock.advance(5000);
  await writeCaptures(1, 2);
  expect(await noted()).toBe(0);
  clock.advance(1);
  await writeCaptures(2, 3);
  expect(await noted()).toBe(4);
  await writer.finish('finished', '', 0n);
});

/** A disk that takes everything but one sort of file. */
class HalfFullFiles extends RecordingFiles {
  override putMeta(): Promise<void> {
    return Promise.reject(new Error('the disk is full'));
  }
}

it('leaves nothing behind that was begun and could not be made', async () => {
  await writer.discard();
  await expect(create(new HalfFullFiles(folder))).rejects.toThrow('the disk is full');
  expect([await readdir(folder), await filesOpenIn(folder)]).toEqual([[], []]);
});
