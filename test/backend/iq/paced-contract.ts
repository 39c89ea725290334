import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { bytesPerSample } from '../../../src/backend/iq/formats.ts';
import { ManualClock } from '../manual-clock.ts';
import { BlockCollector, type SourceUnderTest } from './source-under-test.ts';

/** What holds for a source whose samples come by the station's clock. */
export function describePaced(name: string, make: () => Promise<SourceUnderTest>): void {
  describe(`source ${name} by the clock`, () => {
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
}
