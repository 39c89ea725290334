import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { bytesPerSample } from '../../../src/backend/iq/formats.ts';
import { type Arrivals, BlockCollector, type SourceUnderTest } from './source-under-test.ts';

/** What a time may be off: blocks are cut where TCP cuts, and indices are whole. */
const TOLERANCE_MS = 0.01;

/** What holds for a source whose samples come over a network, in pieces and without a time. */
export function describeArrivals(name: string, make: () => Promise<SourceUnderTest>): void {
  describe(`source ${name} by arrival`, () => {
    let under: SourceUnderTest;
    let arrivals: Arrivals;
    let out: BlockCollector;
    const rate = (): number => under.source.tuning.sampleRateHz;
    const latest = () => {
      const block = out.blocks.at(-1);
      if (block === undefined) throw new Error('no block came');
      return block;
    };
    /** By how much the time of the last sample that came differs from now. */
    const offMs = (): number => {
      const { timestampNs, count, sampleRateHz } = latest();
      return Number(timestampNs - arrivals.clock.wallNs()) / 1e6 + (count * 1000) / sampleRateHz;
    };

    beforeEach(async () => {
      under = await make();
      if (under.arrivals === undefined) throw new Error('its arrivals');
      arrivals = under.arrivals;
      out = new BlockCollector(under.source, bytesPerSample(under.source.datatype));
      out.start();
      await arrivals.feed(300, 20);
    });
    afterEach(async () => {
      under.source.stop();
      under.source.close();
      await under.remove();
    });

    it('goes on by the clock while it fails, and index and time agree on how long that was', async () => {
      const { trouble } = under;
      if (trouble === undefined) throw new Error('its trouble');
      const before = latest();
      await trouble.begin();
      const next = under.source.nextIndex();
      arrivals.lose(500);
      expect(under.source.nextIndex()).toBe(next + rate() / 2);
      const made = out.blocks.length;
      await trouble.end();
      await arrivals.feed(100, 20);
      const again = out.blocks[made];
      if (again === undefined) throw new Error('no block came');
      const samples = again.sampleIndex - before.sampleIndex;
      const elapsedMs = Number(again.timestampNs - before.timestampNs) / 1e6;
      expect(samples).toBeGreaterThan(rate() / 2);
      expect(Math.abs(elapsedMs - (samples * 1000) / rate())).toBeLessThan(TOLERANCE_MS);
      expect(Math.abs(offMs())).toBeLessThan(TOLERANCE_MS);
      expect(under.source.nextIndex()).toBe(out.end);
    });

    it('tells of a silence that is no fault what it can, and has the right time within some windows', async () => {
      const before = out.end;
      const made = out.blocks.length;
      arrivals.lose(2000);
      expect(under.source.nextIndex()).toBe(before);
      await arrivals.feed(25_000, 250);
      const lost = 2 * rate();
      expect(out.blocks[made]?.sampleIndex).toBe(arrivals.isCounted ? before + lost : before);
      expect(out.suspected).toBe(arrivals.isCounted ? 0 : lost);
      expect(out.end - before).toBe(arrivals.isCounted ? 27 * rate() : 25 * rate());
      expect(Math.abs(offMs())).toBeLessThan(TOLERANCE_MS);
      expect(out.faults).toEqual([]);
    });

    it.each([3_600_000, -3_600_000])(
      'has the right time of day again when that is set by %i ms, and loses nothing',
      async (byMs) => {
        const before = out.end;
        arrivals.clock.set(byMs);
        await arrivals.feed(11_000, 250);
        expect(Math.abs(offMs())).toBeLessThan(TOLERANCE_MS);
        expect(out.end - before).toBe(11 * rate());
        expect([out.suspected, out.faults]).toEqual([0, []]);
      },
    );

    it('keeps index and time through a change of rate', async () => {
      const { changeRate } = arrivals;
      if (changeRate === undefined) {
        // Nobody tells it: its settings do, for good.
        expect(() => under.source.tune({ ...under.source.tuning, sampleRateHz: 300_000 }, {})).toThrow(/flowgraph/);
        return;
      }
      const before = latest();
      const made = out.blocks.length;
      changeRate(300_000);
      await arrivals.feed(1000, 20);
      expect(rate()).toBe(300_000);
      let end = before.sampleIndex + before.count;
      let endNs = before.timestampNs;
      for (const block of out.blocks.slice(made)) {
        expect(block.sampleRateHz).toBe(300_000);
        expect(block.sampleIndex).toBeGreaterThanOrEqual(end);
        expect(block.timestampNs).toBeGreaterThan(endNs);
        end = block.sampleIndex + block.count;
        endNs = block.timestampNs;
      }
      // The message that says so was timed by the rate of before.
      expect(Math.abs(offMs())).toBeLessThan(20);
      expect(out.suspected).toBe(0);
    });
  });
}
