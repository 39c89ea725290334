import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FrameReader } from '../../../src/backend/iq/frames/frame-reader.ts';
import type { ReadFrom } from '../../../src/backend/iq/frames/read-from.ts';
import { StationHub } from '../../../src/backend/iq/hub.ts';
import { ManualClock } from '../manual-clock.ts';
import { allOf, bytesOf, HandSource, type SeenFrame, Sums } from './made-by-hand.ts';

interface Step {
  readonly gap: number;
  readonly count: number;
  readonly retune: boolean;
}

function started(): { readonly source: HandSource; readonly hub: StationHub } {
  const source = new HandSource();
  const hub = new StationHub('s', source, new ManualClock(), new Sums());
  hub.join({ onSamples: () => undefined, onEnd: () => undefined });
  return { source, hub };
}

function play(source: HandSource, { gap, count, retune }: Step): void {
  source.skip(gap);
  if (retune) source.tune({ ...source.tuning, centerFrequencyHz: source.tuning.centerFrequencyHz + 1 });
  source.make(count);
}

const read = (hub: StationHub, batchSize: number, from: ReadFrom = { kind: 'earliest' }): SeenFrame[] =>
  allOf(new FrameReader(hub, hub.shelves.borrow('cu8', batchSize), from));

/** Frames as [number, first sample, end, lost]. */
const rows = (frames: readonly SeenFrame[]): number[][] =>
  frames.map(({ sequence, start, end, lost }) => [sequence, start, end, lost]);

const STEPS = fc.array(
  fc.record({
    gap: fc.constantFrom(0, 0, 0, 1, 3, 10, 37, 400),
    count: fc.integer({ min: 1, max: 60 }),
    retune: fc.constantFrom(false, false, false, true),
  }),
  { minLength: 1, maxLength: 30 },
);

describe('frames beside a gap', () => {
  it.each<readonly [string, readonly Step[], readonly (readonly number[])[]]>([
    [
      'over several frames: short ones on both sides',
      [
        { gap: 0, count: 25, retune: false },
        { gap: 20, count: 15, retune: false },
      ],
      [
        [0, 0, 10, 0],
        [1, 10, 20, 0],
        [2, 20, 25, 0],
        [4, 45, 50, 20],
        [5, 50, 60, 0],
      ],
    ],
    [
      'within one frame: what follows begins the next one',
      [
        { gap: 0, count: 23, retune: false },
        { gap: 3, count: 24, retune: false },
      ],
      [
        [0, 0, 10, 0],
        [1, 10, 20, 0],
        [2, 20, 23, 0],
        [3, 26, 40, 3],
        [4, 40, 50, 0],
      ],
    ],
    [
      'at the very edge of a frame',
      [
        { gap: 0, count: 20, retune: false },
        { gap: 10, count: 10, retune: false },
      ],
      [
        [0, 0, 10, 0],
        [1, 10, 20, 0],
        [3, 30, 40, 10],
      ],
    ],
    [
      'twice within one frame: the part between has no number',
      [
        { gap: 0, count: 12, retune: false },
        { gap: 1, count: 4, retune: false },
        { gap: 1, count: 12, retune: false },
      ],
      [
        [0, 0, 10, 0],
        [1, 10, 12, 0],
        [2, 18, 30, 6],
      ],
    ],
    [
      'a change of tuning loses nothing',
      [
        { gap: 0, count: 15, retune: false },
        { gap: 0, count: 15, retune: true },
      ],
      [
        [0, 0, 10, 0],
        [1, 10, 15, 0],
        [2, 15, 30, 0],
      ],
    ],
  ])('%s', (_, steps, expected) => {
    const { source, hub } = started();
    for (const step of steps) play(source, step);
    expect(rows(read(hub, 10))).toEqual(expected);
  });

  it('have ever greater numbers, tell every loss and lose no sample that has a number, whatever comes', () => {
    fc.assert(
      fc.property(STEPS, fc.integer({ min: 2, max: 30 }), (steps, batchSize) => {
        const { source, hub } = started();
        const live = new FrameReader(hub, hub.shelves.borrow('cu8', batchSize), { kind: 'live' });
        const frames: SeenFrame[] = [];
        for (const step of steps) {
          play(source, step);
          frames.push(...allOf(live));
        }
        let [number, index] = [-1, 0];
        for (const { sequence, start, end, lost, data } of frames) {
          expect(sequence).toBeGreaterThan(number);
          expect(start - lost).toBe(index);
          expect(end - start).toBeLessThan(2 * batchSize);
          expect(data.equals(bytesOf(start, end - start, 'cu8'))).toBe(true);
          [number, index] = [sequence, end];
        }
        // Each sample of a run lies in a frame, but for runs within one frame whose number is taken, and the newest.
        const inFrames = new Set(frames.flatMap(({ start, end }) => range(start, end)));
        for (const { start, end, previousEnd } of hub.ring.runs.slice(0, -1)) {
          const position = Math.floor(start / batchSize) * batchSize;
          const squeezed = previousEnd > position && end <= position + batchSize;
          expect(range(start, end).every((sample) => inFrames.has(sample) !== squeezed)).toBe(true);
        }
        // Who reads it all again, or goes on after any frame, gets the same; who begins has lost nothing yet.
        const [first, ...others] = frames;
        const again = first === undefined ? [] : [{ ...first, lost: 0 }, ...others];
        expect(rows(read(hub, batchSize))).toEqual(rows(again));
        const step = Math.ceil(frames.length / 4);
        for (const [i, { sequence }] of frames.entries()) {
          if (i % step > 0) continue;
          const resumed = read(hub, batchSize, { kind: 'after', sequence: BigInt(sequence), epoch: hub.epoch });
          expect(rows(resumed)).toEqual(rows(frames.slice(i + 1)));
        }
      }),
      { numRuns: 60 },
    );
  });
});

const range = (start: number, end: number): number[] => Array.from({ length: end - start }, (_, i) => start + i);

describe('where reading begins', () => {
  /** 25 samples, 20 lost, 35 samples: microseconds, for there are a million a second. */
  function gapped(): StationHub {
    const { source, hub } = started();
    play(source, { gap: 0, count: 25, retune: false });
    play(source, { gap: 20, count: 35, retune: false });
    return hub;
  }
  const timeOf = (sample: number): ReadFrom => ({
    kind: 'time',
    timestampNs: 1_767_225_600_000_000_000n + BigInt(Math.round(sample * 1000)),
  });

  it.each<readonly [string, ReadFrom, number]>([
    ['a sample', { kind: 'index', sampleIndex: 14 }, 10],
    ['a sample in a short frame', { kind: 'index', sampleIndex: 24 }, 20],
    ['a sample that was lost', { kind: 'index', sampleIndex: 30 }, 45],
    ['the first behind a gap', { kind: 'index', sampleIndex: 45 }, 45],
    ['a time', timeOf(14), 10],
    ['a time between two samples', timeOf(19.5), 20],
    ['a time long ago', timeOf(-1e9), 0],
    ['a time in a gap', timeOf(27), 45],
    ['the time of the newest', timeOf(79), 70],
    ['a number of an older epoch', { kind: 'after', sequence: 5n, epoch: 1n }, 0],
    ['a number', { kind: 'after', sequence: 1n }, 20],
    ['the number before a gap', { kind: 'after', sequence: 2n }, 45],
  ])('%s', (_, from, start) => {
    expect(read(gapped(), 10, from)[0]).toMatchObject({ start });
  });

  it.each<readonly [string, ReadFrom]>([
    ['live', { kind: 'live' }],
    ['a time to come', timeOf(1e6)],
    ['a sample to come', { kind: 'index', sampleIndex: 1e6 }],
    ['a number that was never given', { kind: 'after', sequence: 2n ** 64n - 1n }],
  ])('%s waits for the next frame', (_, from) => {
    expect(read(gapped(), 10, from)).toEqual([]);
  });

  it('tells what is missing only to who named a number', () => {
    expect(read(gapped(), 10, { kind: 'after', sequence: 2n })[0]).toMatchObject({ lost: 20 });
    expect(read(gapped(), 10, timeOf(27))[0]).toMatchObject({ lost: 0 });
  });

  it('takes the longest frames as they are, and cuts the one that would be longer', () => {
    const { source, hub } = started();
    const batchSize = 262_144;
    play(source, { gap: 0, count: 100_000, retune: false });
    play(source, { gap: 1, count: 2 * batchSize - 100_001, retune: false });
    expect(rows(read(hub, batchSize))).toEqual([
      [0, 0, 100_000, 0],
      [1, batchSize, 2 * batchSize, batchSize - 100_000],
    ]);
  });
});

it('a clock that jumps to and fro costs no reader a sample, where none is missing', () => {
  const { hub, source } = started();
  source.tune({ ...source.tuning, sampleRateHz: 8000 });
  const live = new FrameReader(hub, hub.shelves.borrow('cu8', 8192), { kind: 'live' });
  const frames: SeenFrame[] = [];
  for (let i = 0; i < 800; i++) {
    source.aheadNs = i % 2 === 0 ? 0n : 150_000_000n;
    source.make(1024);
    frames.push(...allOf(live));
  }
  expect(frames.map(({ lost }) => lost).filter((lost) => lost > 0)).toEqual([]);
  expect(frames.reduce((sum, { start, end }) => sum + end - start, 0)).toBe(frames.at(-1)?.end);
  expect(frames.at(-1)?.end).toBeGreaterThanOrEqual(800 * 1024 - 2 * 8192);
});
