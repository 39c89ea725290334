import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { bytesPerSample } from '../../../src/backend/iq/formats.ts';
import { PassbandError } from '../../../src/errors.ts';
import { ManualClock } from '../manual-clock.ts';
import { SOURCE_CASES } from './source-cases.ts';
import { BlockCollector, type SourceUnderTest } from './source-under-test.ts';

const cases = Object.entries(SOURCE_CASES).flatMap(([name, make]) => (make === undefined ? [] : [{ name, make }]));

describe.each(cases)('source $name', ({ make }) => {
  let under: SourceUnderTest;
  let out: BlockCollector;
  let isClosed: boolean;
  const close = (): void => {
    if (isClosed) return;
    isClosed = true;
    under.source.stop();
    under.source.close();
  };

  beforeEach(async () => {
    isClosed = false;
    under = await make();
    out = new BlockCollector(under.source, bytesPerSample(under.source.datatype));
  });
  afterEach(async () => {
    close();
    await under.remove();
  });

  it('delivers whole samples one after another from its next index on, as they are', async () => {
    const from = under.source.nextIndex();
    out.start();
    await under.feed(300);
    expect(out.blocks.length).toBeGreaterThan(0);
    let next = from;
    for (const block of out.blocks) {
      expect(block.sampleIndex).toBe(next);
      expect(Number.isInteger(block.count)).toBe(true);
      const { sampleRateHz, centerFrequencyHz } = under.source.tuning;
      expect(block).toMatchObject({ sampleRateHz, centerFrequencyHz });
      next += block.count;
    }
    expect(under.source.nextIndex()).toBe(next);
    expect(out.bytes.equals(under.expected(from, out.total))).toBe(true);
    expect(under.source.fault).toBeUndefined();
    expect(out.faults).toEqual([]);
  });

  it('stamps its blocks with times that go forward at the sample rate', async () => {
    out.start();
    await under.feed(300);
    const [first, ...others] = out.blocks;
    if (first === undefined) throw new Error('no block came');
    for (const block of others) {
      const ns = Number(block.timestampNs - first.timestampNs);
      const due = ((block.sampleIndex - first.sampleIndex) / under.source.tuning.sampleRateHz) * 1e9;
      // A nanosecond of rounding for each of the two.
      expect(Math.abs(ns - due)).toBeLessThanOrEqual(2);
    }
  });

  it('is quiet once it was stopped, and a later start leaves an honest gap', async () => {
    out.start();
    await under.feed(100);
    under.source.stop();
    const made = out.blocks.length;
    const end = out.end;
    await under.feed(200);
    expect(out.blocks).toHaveLength(made);
    const next = under.source.nextIndex();
    expect(next).toBeGreaterThanOrEqual(end);
    out.start();
    await under.feed(100);
    const again = out.blocks[made];
    expect(again?.sampleIndex).toBeGreaterThanOrEqual(next);
    const from = again?.sampleIndex ?? 0;
    const later = Buffer.concat(out.blocks.slice(made).map(({ bytes }) => bytes));
    expect(later.equals(under.expected(from, later.length / bytesPerSample(under.source.datatype)))).toBe(true);
    expect(out.faults).toEqual([]);
  });

  it('listens elsewhere when it is told to, or says why it cannot and goes on', async () => {
    out.start();
    await under.feed(100);
    const end = out.end;
    const before = under.source.tuning;
    const wanted = under.retune instanceof RegExp ? { ...before, sampleRateHz: 2 * before.sampleRateHz } : under.retune;
    let refusal: PassbandError | undefined;
    try {
      under.source.tune(wanted, {});
    } catch (error) {
      if (!(error instanceof PassbandError)) throw error;
      refusal = error;
    }
    await under.feed(200);
    if (under.retune instanceof RegExp) {
      expect(refusal?.code).toBe('FAILED_PRECONDITION');
      expect(refusal?.publicMessage).toMatch(under.retune);
      expect(under.source.tuning).toEqual(before);
    } else {
      expect(refusal).toBeUndefined();
      expect(under.source.tuning).toMatchObject(wanted);
      expect(out.blocks.at(-1)).toMatchObject(wanted);
    }
    let next = 0;
    for (const block of out.blocks) {
      expect(block.sampleIndex).toBeGreaterThanOrEqual(next);
      next = block.sampleIndex + block.count;
    }
    expect(next).toBeGreaterThan(end);
  });

  it('says once that it fails, and is back by itself without a sample that was not sent', async () => {
    const { trouble } = under;
    out.start();
    await under.feed(100);
    if (trouble === undefined) {
      // It lives on nothing but the clock, so nothing can fail.
      expect(under.clock).toBeDefined();
      expect(under.source.fault).toBeUndefined();
      return;
    }
    const end = out.end;
    await trouble.begin();
    expect(out.faults).toHaveLength(1);
    const [fault] = out.faults;
    expect(fault).toBeInstanceOf(PassbandError);
    expect(fault).toMatchObject({ code: 'UNAVAILABLE' });
    expect(under.source.fault).toBe(fault);
    expect(under.source.nextIndex()).toBeGreaterThanOrEqual(end);
    const made = out.blocks.length;
    await trouble.end();
    await under.feed(100);
    expect(under.source.fault).toBeUndefined();
    expect(out.faults).toHaveLength(1);
    const [again] = out.blocks.slice(made);
    expect(again?.sampleIndex).toBeGreaterThanOrEqual(end);
    const later = Buffer.concat(out.blocks.slice(made).map(({ bytes }) => bytes));
    const count = later.length / bytesPerSample(under.source.datatype);
    expect(later.equals(under.expected(again?.sampleIndex ?? 0, count))).toBe(true);
  });

  it('holds nothing once it is closed, whether it ran or not', async () => {
    out.start();
    await under.feed(50);
    close();
    await under.feed(50);
    expect(under.held()).toEqual([]);
    const made = out.blocks.length;
    await under.feed(50);
    expect(out.blocks).toHaveLength(made);
  });
});

/** Sources whose samples come by the station's clock. */
const paced = cases.filter(({ name }) => ['sim', 'sigmf'].some((kind) => name.startsWith(kind)));

describe.each(paced)('source $name by the clock', ({ make }) => {
  let under: SourceUnderTest;
  let clock: ManualClock;
  let out: BlockCollector;
  const rate = (): number => under.source.tuning.sampleRateHz;
  beforeEach(async () => {
    under = await make();
    if (under.clock === undefined) throw new Error('its clock');
    clock = under.clock;
    out = new BlockCollector(under.source, bytesPerSample(under.source.datatype));
  });
  afterEach(async () => {
    under.source.stop();
    under.source.close();
    await under.remove();
  });

  it('makes clock * rate samples, without a gap, over a long time', async () => {
    out.start();
    await under.feed(20_000);
    expect(out.total).toBe(20 * rate());
    expect(out.end).toBe(20 * rate());
  });

  it('begins its time with the time of day', async () => {
    out.start();
    await under.feed(100);
    for (const { sampleIndex, timestampNs } of out.blocks) {
      expect(timestampNs).toBe(ManualClock.START_NS + BigInt(Math.round((sampleIndex / rate()) * 1e9)));
    }
  });

  it('makes up for a short stall', async () => {
    out.start();
    await under.feed(100);
    clock.stall(900);
    await under.feed(0);
    expect(out.total).toBe(rate());
  });

  it('leaves a gap of exactly the samples that a long stall cost', async () => {
    out.start();
    await under.feed(100);
    const before = out.end;
    clock.stall(5000);
    await under.feed(0);
    const first = out.blocks.find(({ sampleIndex }) => sampleIndex > before);
    // A second is made up for; the four before it are missing, and the index says so.
    expect(first?.sampleIndex).toBe(before + 4 * rate());
    expect(out.end).toBe(5.1 * rate());
    expect(out.total).toBe(1.1 * rate());
  });

  it('gives the same samples for the same index, whatever the pacing and the pauses', async () => {
    await under.feed(50.0005);
    out.start();
    for (let i = 0; i < 10; i++) clock.stall(13.37);
    await under.feed(0);
    const from = out.blocks[0]?.sampleIndex ?? 0;
    expect(from).toBeGreaterThan(0);
    expect(out.total).toBeGreaterThan(100_000);
    expect(out.bytes.equals(under.expected(from, out.total))).toBe(true);
  });

  it('keeps no timer while stopped, and its index follows the clock', async () => {
    out.start();
    await under.feed(100);
    under.source.stop();
    expect(clock.timers).toBe(0);
    const made = out.blocks.length;
    await under.feed(1000);
    expect(under.source.nextIndex()).toBe(1.1 * rate());
    out.start();
    await under.feed(10);
    expect(out.blocks[made]?.sampleIndex).toBe(1.1 * rate());
  });

  it('has no gain and no oscillator to set, and says so', () => {
    expect(() => under.source.tune(under.source.tuning, { gainDb: 20 })).toThrow(/no gain and no oscillator/);
    expect(() => under.source.tune(under.source.tuning, { frequencyCorrectionPpm: 3 })).toThrow(/no gain/);
  });
});
