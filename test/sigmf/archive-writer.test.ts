import { createHash } from 'node:crypto';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { unpackTar } from 'modern-tar';
import { archiveHead, archiveTail, finishedMetadata, recordingName } from '../../src/sigmf/archive-writer.ts';
import { parseDatetime } from '../../src/sigmf/datetime.ts';
import { parseSigmfMetadata } from '../../src/sigmf/metadata.ts';
import { datetimeText, RecordingNotes } from '../../src/sigmf/recording-notes.ts';
import { tarHeader } from '../../src/sigmf/tar-header.ts';
import { run } from '../support/run.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'passband-archive-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const notesOf = (description = ''): RecordingNotes =>
  new RecordingNotes({
    datatype: 'ci16_le',
    bytesPerSample: 4,
    sampleRateHz: 250_000,
    description,
    recorder: 'Passband test',
  });
const at = (globalIndex: number | undefined, timestampNs: bigint, centerFrequencyHz = 1e9) => ({
  globalIndex,
  timestampNs,
  centerFrequencyHz,
});

describe('an archive', () => {
  it('is read by GNU tar, member by member', async () => {
    const data = Buffer.from('0123456789abcdef');
    const notes = notesOf('in a sentence');
    notes.from(at(7, 1_767_225_600_123_456_789n));
    notes.append(data);
    const archive = { name: 'gs-1-20260101T000000Z', dataBytes: data.length, modifiedS: 1_767_225_600 };
    const whole = Buffer.concat([archiveHead(archive), data, archiveTail(archive, finishedMetadata(notes))]);
    expect(whole.length % 512).toBe(0);
    const file = join(folder, 'small.sigmf');
    await writeFile(file, whole);
    const listed = await run('tar', ['--utc', '-tvf', file]);
    expect(listed.stderr).toBe('');
    expect(listed.stdout.split('\n').map((line) => line.replace(/\s+/g, ' '))).toEqual([
      '-rw-r--r-- 0/0 16 2026-01-01 00:00 gs-1-20260101T000000Z.sigmf-data',
      expect.stringMatching(/^-rw-r--r-- 0\/0 \d+ 2026-01-01 00:00 gs-1-20260101T000000Z\.sigmf-meta$/),
      '',
    ]);
    const [, meta] = await unpackTar(whole);
    expect(parseSigmfMetadata(Buffer.from(meta?.data ?? []).toString(), file)).toMatchObject({
      ...{ datatype: 'ci16_le', sampleRateHz: 250_000, description: 'in a sentence' },
      sha512: createHash('sha512').update(data).digest('hex'),
      captures: [{ sampleStart: 0, globalIndex: 7, frequencyHz: 1e9, datetime: '2026-01-01T00:00:00.123456789Z' }],
    });
  });

  // Eleven octal digits end at 8 GiB.
  it.each([8 * 1024 ** 3 - 4, 8 * 1024 ** 3, 9 * 1024 ** 3 + 4])('may have %d bytes of data', async (dataBytes) => {
    const archive = { name: 'large', dataBytes, modifiedS: 1_767_225_600 };
    const head = archiveHead(archive);
    const name = join(folder, `${dataBytes}.sigmf`);
    // The data is a hole, which costs no room.
    const file = await open(name, 'wx');
    await file.write(head, 0, head.length, 0);
    const tail = archiveTail(archive, '{}');
    await file.write(tail, 0, tail.length, head.length + dataBytes);
    await file.close();
    const listed = await run('tar', ['-tvf', name]);
    expect(listed.stderr).toBe('');
    expect(listed.stdout).toMatch(
      new RegExp(`0/0 +${dataBytes} .* large\\.sigmf-data\n.*0/0 +2 .* large\\.sigmf-meta\n$`),
    );
  });

  it('has a head of one size for every length, where that is asked for', () => {
    const head = (dataBytes: number): number => archiveHead({ name: 'x', dataBytes, modifiedS: 0 }, true).length;
    expect([head(0), head(1e9), head(1e12)]).toEqual([1536, 1536, 1536]);
  });

  it.each(['', 'ü', 'a b', 'x'.repeat(101), 'line\nend'])('takes no member that is called %j', (name) => {
    expect(() => tarHeader({ name, bytes: 0, modifiedS: 0 })).toThrow(RangeError);
  });
});

describe('captures', () => {
  it('begin with a gap, a retune or an index that is not known, and with nothing else', () => {
    const notes = notesOf();
    const samples = (count: number): Buffer => Buffer.alloc(4 * count);
    expect(notes.from(at(100, 0n))).toBe(true);
    notes.append(samples(10));
    expect(notes.from(at(110, 1n))).toBe(false);
    notes.append(samples(10));
    expect(notes.from(at(150, 2n))).toBe(true);
    notes.append(samples(5));
    expect(notes.from(at(155, 3n, 2e9))).toBe(true);
    notes.append(samples(5));
    expect(notes.from(at(undefined, 4n, 2e9))).toBe(true);
    notes.append(samples(5));
    expect(notes.from(at(undefined, 5n, 2e9))).toBe(false);
    expect([notes.samples, notes.bytes, notes.lostSamples, notes.captures]).toEqual([35, 140, 30, 4]);
    expect(parseSigmfMetadata(notes.text(), 'notes').captures).toMatchObject([
      { sampleStart: 0, globalIndex: 100, frequencyHz: 1e9 },
      { sampleStart: 20, globalIndex: 150, frequencyHz: 1e9 },
      { sampleStart: 25, globalIndex: 155, frequencyHz: 2e9 },
      { sampleStart: 30, globalIndex: undefined, frequencyHz: 2e9 },
    ]);
  });

  it('have samples: of two without any between them, the second counts', () => {
    const notes = notesOf();
    notes.from(at(0, 0n));
    notes.from(at(50, 1n));
    notes.append(Buffer.alloc(4));
    expect(parseSigmfMetadata(notes.text(), 'notes').captures).toMatchObject([{ sampleStart: 0, globalIndex: 50 }]);
  });
});

it.each([
  [0n, '1970-01-01T00:00:00.000000000Z'],
  [1_767_225_600_000_000_001n, '2026-01-01T00:00:00.000000001Z'],
  [1_767_225_599_999_999_999n, '2025-12-31T23:59:59.999999999Z'],
  [-1n, '1969-12-31T23:59:59.999999999Z'],
  [-304_800_894_876_543_211n, '1960-05-05T05:05:05.123456789Z'],
  [-304_800_895_000_000_000n, '1960-05-05T05:05:05.000000000Z'],
])('%d ns since 1970 is %s', (timestampNs, text) => {
  expect(datetimeText(timestampNs)).toBe(text);
  expect(parseDatetime(text)).toBe(timestampNs);
});

it('names a recording after its station and second', () => {
  expect(recordingName('gs-1', 1_767_225_599_999_999_999n)).toBe('gs-1-20251231T235959Z');
  expect(recordingName('gs-1', -1n)).toBe('gs-1-19691231T235959Z');
});

it('bears the time 1970 in an archive when it was made before that', async () => {
  const file = join(folder, 'old.tar');
  await writeFile(
    file,
    Buffer.concat([tarHeader({ name: 'old', bytes: 0, modifiedS: -304_800_895 }), Buffer.alloc(1024)]),
  );
  const { stdout, stderr } = await run('tar', ['--utc', '-tvf', file]);
  expect([stdout.trim(), stderr]).toEqual([expect.stringMatching(/ 1970-01-01 00:00 old$/), '']);
});
