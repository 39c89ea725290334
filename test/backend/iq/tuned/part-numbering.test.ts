import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decimationNeeds } from '../../../../src/backend/dsp/decimation-plan.ts';
import { FrameReader } from '../../../../src/backend/iq/frames/frame-reader.ts';
import type { ReadFrom } from '../../../../src/backend/iq/frames/read-from.ts';
import { StationHub } from '../../../../src/backend/iq/hub.ts';
import { FilterBudget } from '../../../../src/backend/iq/tuned/filter-budget.ts';
import { TunedStreams } from '../../../../src/backend/iq/tuned/tuned-streams.ts';
import { ManualClock } from '../../manual-clock.ts';
import { allOf, HandSource, type SeenFrame, Sums } from '../made-by-hand.ts';

/** Each part of a test has a shift of its own, so that none shares what another has computed. */
let shifts = 0;

/** A reader of a part of a band that is computed for it alone. */
function readerOf(hub: StationHub, decimation: number, batchSize: number, from: ReadFrom): FrameReader {
  const { origin, from: begin } = new TunedStreams(hub, new FilterBudget(Number.POSITIVE_INFINITY)).open(
    { offsetHz: ++shifts, decimation },
    from,
    batchSize,
  );
  origin.join({ onSamples: () => undefined, onEnd: () => undefined });
  return new FrameReader(origin, origin.shelves.borrow('cf32_le', batchSize), begin);
}

const rows = (frames: readonly SeenFrame[]): number[][] =>
  frames.map(({ sequence, start, end }) => [sequence, start, end]);

const STEPS = fc.array(
  fc.record({
    gap: fc.constantFrom(0, 0, 0, 1, 30, 700, 5000),
    count: fc.oneof(fc.integer({ min: 1, max: 120 }), fc.integer({ min: 1, max: 3000 })),
  }),
  { minLength: 5, maxLength: 30 },
);

it('every sample of a part that the samples of the band make is in one frame, whatever breaks there are', () => {
  let [within, forgotten, clipped] = [0, 0, 0];
  fc.assert(
    fc.property(STEPS, fc.constantFrom(2, 3, 10), fc.integer({ min: 20, max: 400 }), (steps, decimation, batchSize) => {
      const source = new HandSource();
      const hub = new StationHub('s', source, new ManualClock(), new Sums(), { seconds: 3600, bytes: 32_768 });
      hub.join({ onSamples: () => undefined, onEnd: () => undefined });
      const { reach } = decimationNeeds(decimation);
      const live = readerOf(hub, decimation, batchSize, { kind: 'live' });
      const frames: SeenFrame[] = [];
      const expected: number[] = [];
      for (const { gap, count } of steps) {
        source.skip(gap);
        source.tune({ ...source.tuning, centerFrequencyHz: source.tuning.centerFrequencyHz + 1 });
        const first = source.nextIndex();
        source.make(count, new Uint8Array(2 * count));
        for (let n = Math.ceil((first + reach) / decimation); n * decimation + reach < first + count; n++)
          expected.push(n);
        frames.push(...allOf(live));
      }
      // Another run, so that the one before is over; of this one all whole frames have come.
      source.skip(1);
      const last = source.nextIndex();
      for (let piece = 0; piece < 4; piece++) {
        source.make(4000, new Uint8Array(8000));
        frames.push(...allOf(live));
      }
      for (let n = Math.ceil((last + reach) / decimation); n * decimation + reach < last + 16_000; n++)
        expected.push(n);
      const given = frames.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, i) => start + i));
      // Who is there from the beginning begins with the first whole frame.
      const skipped = expected.indexOf(given[0] ?? 0);
      expect(skipped).toBeLessThan(batchSize);
      expect(given).toEqual(expected.slice(skipped, skipped + given.length));
      expect(expected.length - skipped - given.length).toBeLessThan(batchSize);
      frames.forEach(({ sequence, start, lost }, i) => {
        const before = frames[i - 1];
        if (before === undefined) return;
        expect(sequence).toBeGreaterThan(before.sequence);
        expect(lost).toBe(start - before.end);
        if (lost === 0) expect(sequence).toBe(before.sequence + 1);
        if (lost > 0 && sequence === before.sequence + 1) within++;
      });
      // Computed anew from what the station still holds, the frames are the same; and who names one is told what is lost.
      const held = allOf(readerOf(hub, decimation, batchSize, { kind: 'earliest' }));
      expect(rows(held)).toEqual(rows(frames.slice(frames.length - held.length)));
      forgotten += frames.length - held.length;
      const oldest = held[0];
      for (const { sequence, end } of frames.filter((_, i) => i % Math.ceil(frames.length / 4) === 0)) {
        const resumed = allOf(readerOf(hub, decimation, batchSize, { kind: 'after', sequence: BigInt(sequence) }));
        const following = frames.filter((frame) => frame.sequence > sequence && frame.start >= (oldest?.start ?? 0));
        expect(rows(resumed)).toEqual(rows(following));
        const [next] = resumed;
        if (next === undefined) continue;
        expect(next.lost).toBe(next.start - end);
        if (next.lost > batchSize) clipped++;
      }
    }),
    { numRuns: 25 },
  );
  // All of this was met.
  expect(within).toBeGreaterThan(20);
  expect(forgotten).toBeGreaterThan(50);
  expect(clipped).toBeGreaterThan(10);
});
