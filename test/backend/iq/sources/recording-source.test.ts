import { execFileSync } from 'node:child_process';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import type { SigmfConfig } from '../../../../src/backend/iq/sources/config.ts';
import type { RecordingSource } from '../../../../src/backend/iq/sources/recording-source.ts';
import { openSigmf } from '../../../../src/backend/iq/sources/sigmf.ts';
import { UsageError } from '../../../../src/errors.ts';
import { countingBytes, RecordingFolder } from '../../../support/sigmf-recording.ts';
import { until } from '../../../support/until.ts';
import { ManualClock } from '../../manual-clock.ts';
import { BlockCollector } from '../source-under-test.ts';

const RATE = 10_000;
const log = pino({ enabled: false });
const capture = (start: number, more: object = {}): object => ({ 'core:sample_start': start, ...more });
const index = (globalIndex: number): object => ({ 'core:global_index': globalIndex });

let folder: RecordingFolder;
let clock: ManualClock;
beforeAll(async () => {
  folder = await RecordingFolder.make();
});
afterAll(() => folder.remove());
beforeEach(() => {
  clock = new ManualClock();
});

const open = (config: SigmfConfig, maxHeldBytes?: number): Promise<RecordingSource> =>
  openSigmf(config, { clock, log }, maxHeldBytes);

/** Starts a source of ci8 and collects what it delivers. */
function collect(source: RecordingSource, ended = (): void => undefined): BlockCollector {
  const out = new BlockCollector(source, 2);
  out.start(ended);
  return out;
}

describe('a recording that is played', () => {
  it('has the frequency and the time of each capture, and jumps in its index exactly where they say', async () => {
    const data = countingBytes(2 * 3000);
    const file = await folder.write('captures', 'ci8', RATE, data, [
      capture(0, { ...index(500), 'core:frequency': 100e6, 'core:datetime': '2020-02-02T00:00:00Z' }),
      capture(1000, { ...index(3500), 'core:frequency': 200e6, 'core:datetime': '2020-02-02T00:00:00.3Z' }),
      capture(2000, { ...index(4500), 'core:frequency': 300e6 }),
    ]);
    const source = await open({ file });
    const out = collect(source);
    expect(source.tuning).toEqual({ sampleRateHz: RATE, centerFrequencyHz: 100e6 });
    clock.advance(1000);
    const start = 1_580_601_600_000_000_000n;
    const seen = out.blocks.map(({ sampleIndex, centerFrequencyHz, timestampNs, count }) => {
      const round = Math.floor(sampleIndex / 5000);
      const into = sampleIndex % 5000;
      const inFile = into < 1000 ? into : into - 2000;
      const due = start + BigInt(round) * 500_000_000n + BigInt(into) * 100_000n;
      expect(timestampNs).toBe(due);
      expect(centerFrequencyHz).toBe(inFile < 1000 ? 100e6 : inFile < 2000 ? 200e6 : 300e6);
      return { sampleIndex, count, inFile };
    });
    // Two rounds of 5000 in a second: the gap of 2000 lasts as long as it did.
    expect(out.end).toBe(10_000);
    expect(out.total).toBe(6000);
    expect(seen.some(({ sampleIndex, count }) => sampleIndex < 1000 && sampleIndex + count > 1000)).toBe(false);
    expect(out.blocks.find(({ sampleIndex }) => sampleIndex >= 1000)?.sampleIndex).toBe(3000);
    expect(out.bytes.equals(Buffer.concat([data, data]))).toBe(true);
    source.stop();
  });

  it('does not keep anyone waiting for all of a long gap, and says all the same how long it was', async () => {
    const data = countingBytes(2 * 2000);
    const hours = 5 * 3600 * RATE;
    const file = await folder.write('hours', 'ci8', RATE, data, [capture(0), capture(1000, index(hours))]);
    const source = await open({ file });
    const out = collect(source);
    for (let i = 0; i < 102; i++) clock.advance(100);
    expect(out.blocks.find(({ sampleIndex }) => sampleIndex >= 1000)?.sampleIndex).toBe(hours);
    expect(out.bytes.subarray(0, data.length).equals(data)).toBe(true);
    source.stop();
  });

  it.each([
    [4, 8000],
    [0.5, 1000],
  ])('comes %d times as fast with its own rate and bytes', async (speed, samples) => {
    const data = countingBytes(2 * 10_000);
    const file = await folder.write('speed', 'ci8', RATE, data);
    const source = await open({ file, speed });
    const out = collect(source);
    clock.advance(200);
    expect(out.end).toBe(samples);
    expect(out.bytes.equals(data.subarray(0, 2 * samples))).toBe(true);
    for (const { sampleIndex, sampleRateHz, timestampNs } of out.blocks) {
      expect(sampleRateHz).toBe(RATE);
      // Its time passes as fast as its samples.
      expect(timestampNs).toBe(ManualClock.START_NS + BigInt(sampleIndex) * 100_000n);
    }
    source.stop();
  });

  it('is played once for whoever listens first, and again for whoever comes after its end', async () => {
    const data = countingBytes(2 * 1000);
    const file = await folder.write('once', 'ci8', RATE, data);
    const source = await open({ file, loop: false });
    clock.advance(60_000);
    let ends = 0;
    const first = collect(source, () => {
      ends++;
      source.stop();
    });
    clock.advance(1000);
    expect(first.bytes.equals(data)).toBe(true);
    expect(ends).toBe(1);
    expect(clock.timers).toBe(0);
    expect(source.nextIndex()).toBe(1000);
    clock.advance(5000);
    const second = collect(source, () => source.stop());
    clock.advance(1000);
    expect(second.bytes.equals(data)).toBe(true);
    expect(second.blocks[0]?.sampleIndex).toBe(1000);
    expect(second.blocks[0]?.timestampNs).toBe(ManualClock.START_NS + 66_000_000_000n);
  });

  it.each([
    [5_000_000, 1],
    [500_000, 10],
  ])('at %i samples/s, %d times as fast, comes in no bursts', async (rate, speed) => {
    const file = await folder.write('bursts', 'ci8', rate, countingBytes(2 * 100_000));
    const source = await open({ file, speed });
    const out = collect(source);
    clock.advance(100);
    expect(out.total).toBe(500_000);
    // Two milliseconds of them.
    expect(Math.max(...out.blocks.map(({ count }) => count))).toBeLessThanOrEqual(10_000);
    source.stop();
  });

  it('begins with its first sample however long the beginning takes', async () => {
    const file = await folder.write('slow-start', 'ci8', RATE, countingBytes(2 * 1000));
    // Time passes whenever it is looked at, as it does.
    clock.nowMs = () => {
      ticks += 0.3;
      return ticks;
    };
    let ticks = 0;
    const source = await open({ file, loop: false });
    const out = collect(source);
    clock.advance(10);
    expect(out.blocks[0]?.sampleIndex).toBe(0);
    source.stop();
  });

  it('goes on by the clock where its only round was left for a while', async () => {
    const data = countingBytes(2 * 10_000);
    const file = await folder.write('left', 'ci8', RATE, data);
    const source = await open({ file, loop: false });
    collect(source);
    clock.advance(100);
    source.stop();
    clock.advance(200);
    const again = collect(source);
    clock.advance(100);
    expect(again.blocks[0]?.sampleIndex).toBe(3000);
    source.stop();
  });

  it.each([
    ['cf32_be', 8],
    ['cf64_le', 16],
    ['cu16_be', 4],
    ['ci32_le', 8],
  ])('of %s is the same from memory and from its file', async (datatype, bytesPerSample) => {
    // Without NaN, whose bits need not survive arithmetic.
    const data = countingBytes(bytesPerSample * 20_000).map((byte) => byte & 0x3f);
    const file = await folder.write('both', datatype, RATE, Buffer.from(data));
    const [held, streamed] = [await open({ file }), await open({ file }, 0)];
    const outs = [held, streamed].map((source) => {
      const out = new BlockCollector(source, source.datatype === 'cf32_le' ? 8 : 4);
      out.start();
      return out;
    });
    clock.advance(500);
    await until('the samples from the file', () => outs[1]?.total === 5000);
    expect(outs[0]?.total).toBe(5000);
    expect(outs[1]?.bytes.equals(outs[0]?.bytes ?? Buffer.alloc(0))).toBe(true);
    for (const source of [held, streamed]) {
      source.stop();
      source.close();
    }
  });

  it.each(['ustar', 'pax', 'gnu'])('may be in an archive, --format=%s', async (format) => {
    const data = countingBytes(2 * 3000, 7);
    await folder.write('packed', 'ci8', RATE, data);
    const names = ['packed.sigmf-data', 'packed.sigmf-meta'];
    execFileSync('tar', ['-cf', join(folder.dir, 'packed.sigmf'), `--format=${format}`, '-C', folder.dir, ...names]);
    for (const maxHeldBytes of [undefined, 0]) {
      clock = new ManualClock();
      const source = await open({ file: join(folder.dir, 'packed.sigmf') }, maxHeldBytes);
      const out = collect(source);
      clock.advance(300);
      await until('its samples', () => out.total === 3000);
      expect(out.bytes.equals(data)).toBe(true);
      source.stop();
      source.close();
    }
  });

  it('may be a file of another kind, with headers and an end that are none of its samples', async () => {
    const samples = countingBytes(2 * 1000, 3);
    const [one, two] = [samples.subarray(0, 1200), samples.subarray(1200)];
    const data = Buffer.concat([Buffer.alloc(44, 0xee), one, Buffer.alloc(10, 0xee), two, Buffer.alloc(7, 0xee)]);
    const captures = [capture(0, { 'core:header_bytes': 44 }), capture(600, { 'core:header_bytes': 10 })];
    const file = await folder.write('foreign', 'ci8', RATE, data, captures, {
      'core:dataset': 'foreign.wav',
      'core:trailing_bytes': 7,
    });
    await writeFile(join(folder.dir, 'foreign.wav'), data);
    const source = await open({ file });
    const out = collect(source);
    clock.advance(100);
    expect(out.bytes.equals(samples)).toBe(true);
    source.stop();
  });

  it('that was replaced by another while it could not be read stays away until it is back', async () => {
    const data = countingBytes(2 * 1_200_000);
    const file = await folder.write('replaced', 'ci8', 1_000_000, data);
    const dataFile = file.replace('-meta', '-data');
    const source = await open({ file }, 0);
    const out = collect(source);
    await truncate(dataFile, 100);
    await until('a fault', () => {
      clock.advance(200);
      return source.fault !== undefined;
    });
    expect(source.fault).toMatchObject({ code: 'UNAVAILABLE' });
    const meta = await readFile(file);
    const others: readonly (() => Promise<unknown>)[] = [
      // Of the right size and with other samples: the hash tells.
      () => writeFile(dataFile, countingBytes(data.length, 99)),
      // All right in itself, and not what the readers have been told.
      () => folder.write('replaced', 'ci8', 1_000_000, data, [capture(0, { 'core:frequency': 5e6 })]),
    ];
    for (const replace of others) {
      await replace();
      const before = clock.timers;
      clock.advance(31_000);
      await until('another attempt to have failed', () => clock.timers >= before);
      expect(source.fault).toBeDefined();
    }
    await writeFile(file, meta);
    await writeFile(dataFile, data);
    await until('the source to be well', () => {
      clock.advance(1000);
      return source.fault === undefined;
    });
    expect(out.faults).toHaveLength(1);
    source.stop();
    source.close();
  });
});

describe('a recording that is refused', () => {
  const cases: readonly [string, () => Promise<SigmfConfig>, RegExp][] = [
    ['a name that is none', async () => ({ file: 'x.wav' }), /x\.wav: name the \.sigmf-meta file/],
    [
      'no file',
      async () => ({ file: join(folder.dir, 'none.sigmf-meta') }),
      /none\.sigmf-meta: there is no such file$/,
    ],
    ['no archive', async () => ({ file: join(folder.dir, 'none.sigmf') }), /none\.sigmf: there is no such file$/],
    [
      'several channels',
      () => written('channels', 'ci8', 12, [capture(0)], { 'core:num_channels': 3 }),
      /core:num_channels is 3; split it/,
    ],
    ['real samples', () => written('real', 'rf32_le', 12, [capture(0)]), /rf32_le is of real samples.*cf32_le/],
    [
      'metadata alone',
      () => written('alone', 'ci8', 12, [capture(0)], { 'core:metadata_only': true }),
      /core:metadata_only says that there are no samples/,
    ],
    [
      'a rate that no radio has',
      () => written('fast', 'ci8', 12, [capture(0)], { 'core:sample_rate': 1e9 }),
      /core:sample_rate must be a number from 1000 to 61440000 samples\/s$/,
    ],
    [
      'no rate',
      () => written('still', 'ci8', 12, [capture(0)], { 'core:sample_rate': 0 }),
      /core:sample_rate must be a number from 1000 to 61440000 samples\/s$/,
    ],
    ['no samples', () => written('nothing', 'ci8', 0, []), /nothing\.sigmf-data: holds no samples/],
    [
      'a speed that comes to one',
      async () => ({ ...(await written('hurry', 'ci8', 12, [capture(0)], { 'core:sample_rate': 1e6 })), speed: 100 }),
      /at a speed of 100 its 1000000 samples\/s are more than 61440000 samples\/s;/,
    ],
    [
      'a wrong hash',
      () => written('hash', 'ci8', 12, [capture(0)], { 'core:sha512': 'ab'.repeat(64) }),
      /hash\.sigmf-data: its SHA-512 is not the one in .*hash\.sigmf-meta/,
    ],
    ['half a sample', () => written('half', 'cf32_le', 12, [capture(0)]), /half\.sigmf-data: 12 bytes are no whole/],
    [
      'metadata that is no text',
      () => spoilt('latin', Buffer.from('{"global": "\xff"}', 'latin1')),
      /is no UTF-8 text/,
    ],
    ['metadata that is cut', () => spoilt('cut', Buffer.from('{"global":')), /cut\.sigmf-meta: is no JSON/],
    ['an archive without a recording', () => archive('nothing', ['one.sigmf-data']), /holds no recording/],
    [
      'an archive of two',
      () => archive('two', ['one.sigmf-meta', 'one.sigmf-data', 'other.sigmf-meta']),
      /holds 2 recordings; unpack it/,
    ],
    ['an archive of half of one', () => archive('lame', ['one.sigmf-meta']), /lame\.sigmf: one\.sigmf-data is missing/],
    [
      'an archive with a wrong hash',
      () => archive('bad', ['hash.sigmf-meta', 'hash.sigmf-data']),
      /bad\.sigmf: hash\.sigmf-data: its SHA-512 is not/,
    ],
    [
      'an archive that was cut',
      async () => {
        const config = await archive('short', ['one.sigmf-meta', 'one.sigmf-data']);
        await truncate(config.file, 1540);
        return config;
      },
      /short\.sigmf: is cut short/,
    ],
    ['a folder', async () => ({ file: await folderNamed('dir.sigmf') }), /dir\.sigmf: is no plain file$/],
  ];

  async function written(...[name, datatype, bytes, captures, global]: [string, string, number, object[], object?]) {
    return { file: await folder.write(name, datatype, RATE, countingBytes(bytes), captures, global ?? {}) };
  }
  async function spoilt(name: string, text: Buffer): Promise<SigmfConfig> {
    const { file } = await written(name, 'ci8', 12, [capture(0)]);
    await writeFile(file, text);
    return { file };
  }
  async function archive(name: string, members: readonly string[]): Promise<SigmfConfig> {
    for (const one of ['one', 'other']) await written(one, 'ci8', 12, [capture(0)]);
    await written('hash', 'ci8', 12, [capture(0)], { 'core:sha512': 'ab'.repeat(64) });
    const file = join(folder.dir, `${name}.sigmf`);
    execFileSync('tar', ['-cf', file, '-C', folder.dir, ...members]);
    return { file };
  }
  async function folderNamed(name: string): Promise<string> {
    execFileSync('mkdir', ['-p', join(folder.dir, name)]);
    return join(folder.dir, name);
  }

  it.each(cases)('%s', async (_name, make, message) => {
    const config = await make();
    for (const maxHeldBytes of [undefined, 0]) {
      const opening = open(config, maxHeldBytes);
      await expect(opening).rejects.toThrow(UsageError);
      await expect(opening).rejects.toThrow(message);
    }
  });
});
