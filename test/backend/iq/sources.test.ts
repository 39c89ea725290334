import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { bytesPerSample } from '../../../src/backend/iq/formats.ts';
import { PassbandError } from '../../../src/errors.ts';
import { describeArrivals } from './arrival-contract.ts';
import { describePaced } from './paced-contract.ts';
import { SOURCE_CASES } from './source-cases.ts';
import { BlockCollector, type SourceUnderTest } from './source-under-test.ts';

const cases = Object.entries(SOURCE_CASES).flatMap(([name, make]) => (make === undefined ? [] : [{ name, make }]));

/** Until every source has tried again what went wrong once. */
const TRIED_AGAIN_MS = 5500;

describe.each(cases)('source $name', ({ name, make }) => {
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
      // Where typed arrays of its numbers may lie.
      expect(block.offset % (bytesPerSample(under.source.datatype) / 2)).toBe(0);
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

  it('is faulty for a while when what it gives cannot be taken, and takes nothing else down', async () => {
    out.start();
    await under.feed(100);
    const made = out.blocks.length;
    const end = out.end;
    out.mishap = new Error('no memory');
    if (name === 'push') {
      // They are taken in the call of who pushes them, which ends with that.
      await expect(under.feed(10)).rejects.toThrow('no memory');
      return;
    }
    await under.feed(10);
    expect(out.faults).toEqual([under.source.fault]);
    expect(under.source.fault).toMatchObject({
      code: 'UNAVAILABLE',
      cause: expect.objectContaining({ message: 'no memory' }),
    });
    expect(under.source.fault?.publicMessage).not.toContain('no memory');
    // What comes at once after so long would be too much for some.
    if (under.arrivals === undefined) await under.feed(TRIED_AGAIN_MS);
    else under.arrivals.lose(TRIED_AGAIN_MS);
    await under.feed(100);
    expect(under.source.fault).toBeUndefined();
    expect(out.faults).toHaveLength(1);
    expect(out.blocks.length).toBeGreaterThan(made);
    expect(out.blocks[made]?.sampleIndex).toBeGreaterThan(end);
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

for (const { name, make } of cases) {
  if (/^(rtl_tcp|zmq)/.test(name)) describeArrivals(name, make);
  if (/^(sim|sigmf)/.test(name)) describePaced(name, make);
}
