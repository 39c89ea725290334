import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { bytesPerSample } from '../../../src/backend/iq/formats.ts';
import { PacedSource } from '../../../src/backend/iq/sources/paced-source.ts';
import { RecordingGenerator } from '../../../src/backend/iq/sources/sigmf.ts';
import { SimGenerator } from '../../../src/backend/iq/sources/sim.ts';
import type { SampleBlock, Source } from '../../../src/backend/iq/sources/source.ts';
import { ManualClock } from '../manual-clock.ts';

const data = readFileSync(new URL('../../../fixtures/recordings/modes1.sigmf-data', import.meta.url));
const tuning = { sampleRateHz: 1_200_000, centerFrequencyHz: 1_090_000_000 };

/** Every source there is; each passes the same suite. */
const SOURCES: Readonly<Record<string, (clock: ManualClock) => Source>> = {
  sim: (clock) =>
    new PacedSource(
      new SimGenerator({
        ...tuning,
        seed: 7,
        snrDb: 10,
        qpsk: { powerDbfs: -20 },
        carrier: { offsetHz: 123_456, powerDbfs: -20 },
      }),
      clock,
    ),
  sigmf: (clock) =>
    new PacedSource(new RecordingGenerator({ ...tuning, datatype: 'cu8', data, description: undefined }), clock),
};

describe.each(Object.entries(SOURCES))('source %s', (_name, make) => {
  let clock: ManualClock;
  let source: Source;
  let blocks: (SampleBlock & { readonly copy: Buffer })[];
  const start = (): void =>
    source.start({
      samples: (block) => blocks.push({ ...block, copy: Buffer.from(block.bytes) }),
      failed: (fault) => {
        throw fault;
      },
    });
  const count = ({ copy }: { readonly copy: Buffer }): number => copy.length / bytesPerSample(source.datatype);
  const end = (): number => {
    const last = blocks.at(-1);
    return last === undefined ? 0 : last.sampleIndex + count(last);
  };

  beforeEach(() => {
    clock = new ManualClock();
    source = make(clock);
    blocks = [];
  });

  it('makes clock * rate samples, without a gap, over a long time', () => {
    start();
    clock.advance(20_000);
    let next = 0;
    for (const block of blocks) {
      expect(block.sampleIndex).toBe(next);
      next += count(block);
    }
    expect(next).toBe(20 * tuning.sampleRateHz);
    source.stop();
  });

  it('stamps each block with the time of its first sample', () => {
    start();
    clock.advance(1000);
    for (const { sampleIndex, timestampNs } of blocks) {
      const ns = BigInt(Math.round((sampleIndex / tuning.sampleRateHz) * 1e9));
      expect(timestampNs).toBe(ManualClock.START_NS + ns);
    }
    source.stop();
  });

  it('makes up for a short stall', () => {
    start();
    clock.advance(100);
    clock.stall(900);
    expect(blocks.reduce((sum, block) => sum + count(block), 0)).toBe(tuning.sampleRateHz);
    source.stop();
  });

  it('leaves a gap of exactly the samples that a long stall cost', () => {
    start();
    clock.advance(100);
    const before = end();
    clock.stall(5000);
    const made = blocks.reduce((sum, block) => sum + count(block), 0);
    const first = blocks.find(({ sampleIndex }) => sampleIndex > before);
    // A second is made up for; the four before it are missing, and the index says so.
    expect(first?.sampleIndex).toBe(before + 4 * tuning.sampleRateHz);
    expect(end()).toBe(5.1 * tuning.sampleRateHz);
    expect(made).toBe(1.1 * tuning.sampleRateHz);
    source.stop();
  });

  it('gives the same samples for the same index, whatever the pacing and the pauses', () => {
    start();
    clock.advance(200);
    source.stop();
    const whole = Buffer.concat(blocks.map(({ copy }) => copy));

    clock = new ManualClock();
    source = make(clock);
    blocks = [];
    clock.advance(50.0005);
    start();
    for (let i = 0; i < 10; i++) clock.stall(13.37);
    source.stop();
    const from = (blocks[0]?.sampleIndex ?? 0) * bytesPerSample(source.datatype);
    expect(from).toBeGreaterThan(0);
    const part = Buffer.concat(blocks.map(({ copy }) => copy));
    expect(part.length).toBeGreaterThan(100_000);
    expect(whole.subarray(from, from + part.length).equals(part)).toBe(true);
  });

  it('is quiet while stopped, keeps no timer, and its index follows the clock', () => {
    start();
    clock.advance(100);
    source.stop();
    expect(clock.timers).toBe(0);
    const made = blocks.length;
    clock.advance(1000);
    expect(blocks).toHaveLength(made);
    expect(source.nextIndex()).toBe(1.1 * tuning.sampleRateHz);
    start();
    clock.advance(10);
    expect(blocks[made]?.sampleIndex).toBe(1.1 * tuning.sampleRateHz);
    source.stop();
  });

  it('never changes what its tuning does not offer, and says why', () => {
    const other = { ...tuning, sampleRateHz: 2_400_000 };
    start();
    clock.advance(100);
    if (source.kind === 'sim') source.tune(other, {});
    else expect(() => source.tune(other, {})).toThrow(/recording/);
    clock.advance(100);
    const rate = source.kind === 'sim' ? 2_400_000 : 1_200_000;
    expect(end()).toBe(120_000 + rate / 10);
    source.stop();
  });
});
