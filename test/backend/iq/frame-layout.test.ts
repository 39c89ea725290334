import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { FrameLayout } from '../../../src/backend/iq/frames/frame-layout.ts';
import { FrameReader } from '../../../src/backend/iq/frames/frame-reader.ts';
import { FrameShelf } from '../../../src/backend/iq/frames/frame-shelf.ts';
import { beginAt, type ReadFrom } from '../../../src/backend/iq/frames/read-from.ts';
import { StationHub } from '../../../src/backend/iq/hub.ts';
import type { RingConfig } from '../../../src/backend/stations/station-config.ts';
import { ManualClock } from '../manual-clock.ts';
import { allOf, bytesOf, HandSource, type SeenFrame, Sums, seen } from './made-by-hand.ts';

interface Step {
  readonly gap: number;
  readonly count: number;
  readonly retune: boolean;
}

function started(ring: RingConfig = {}): { readonly source: HandSource; readonly hub: StationHub } {
  const source = new HandSource();
  const hub = new StationHub('s', source, new ManualClock(), new Sums(), ring);
  hub.join({ onSamples: () => undefined, onEnd: () => undefined });
  return { source, hub };
}

function play(source: HandSource, { gap, count, retune }: Step, bytes?: Uint8Array): void {
  source.skip(gap);
  if (retune) source.tune({ ...source.tuning, centerFrequencyHz: source.tuning.centerFrequencyHz + 1 });
  source.make(count, bytes);
}

const read = (hub: StationHub, batchSize: number, from: ReadFrom = { kind: 'earliest' }): SeenFrame[] =>
  allOf(new FrameReader(hub, hub.shelves.borrow('cu8', batchSize), from));

/** Frames of a batch size in the ring of a hub, whose readers so far share nothing with whoever reads by it. */
const shelfOf = (hub: StationHub, batchSize: number): FrameShelf => new FrameShelf(hub, 'cu8', batchSize, () => 0);

const readAnew = (hub: StationHub, batchSize: number, from: ReadFrom = { kind: 'earliest' }): SeenFrame[] =>
  allOf(new FrameReader(hub, shelfOf(hub, batchSize), from));

/** What a reader gets that is there from the beginning, and keeps up. */
function follow(hub: StationHub, source: HandSource, steps: readonly Step[], batchSize: number): SeenFrame[] {
  const live = new FrameReader(hub, hub.shelves.borrow('cu8', batchSize), { kind: 'live' });
  return steps.flatMap((step) => {
    play(source, step);
    return allOf(live);
  });
}

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
      'several times within one frame: each part has a number, and a longer frame makes up for them',
      [
        { gap: 0, count: 12, retune: false },
        { gap: 1, count: 2, retune: false },
        { gap: 1, count: 1, retune: false },
        { gap: 0, count: 2, retune: true },
        { gap: 0, count: 41, retune: true },
      ],
      [
        [0, 0, 10, 0],
        [1, 10, 12, 0],
        [2, 13, 15, 1],
        [3, 16, 17, 1],
        [4, 17, 19, 0],
        [5, 19, 60, 0],
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
    expect(rows(readAnew(hub, 10))).toEqual(expected);
  });

  it('have ever greater numbers without a hole, tell every loss and lose no sample, whatever comes', () => {
    fc.assert(
      fc.property(STEPS, fc.integer({ min: 2, max: 30 }), (steps, batchSize) => {
        const { source, hub } = started();
        const frames = follow(hub, source, steps, batchSize);
        let [number, index] = [-1, 0];
        for (const { sequence, start, end, lost, data } of frames) {
          expect(sequence).toBeGreaterThan(number);
          // A hole among the numbers is where samples are missing, and nowhere else.
          if (lost === 0) expect(sequence).toBe(number + 1);
          expect(start - lost).toBe(index);
          expect(end).toBeLessThanOrEqual((sequence + 1) * batchSize);
          expect(data.equals(bytesOf(start, end - start, 'cu8'))).toBe(true);
          [number, index] = [sequence, end];
        }
        // Each sample of a run lies in a frame, but of the newest, which is not over.
        const inFrames = new Set(frames.flatMap(({ start, end }) => range(start, end)));
        for (const { start, end } of hub.ring.runs.slice(0, -1)) {
          expect(range(start, end).every((sample) => inFrames.has(sample))).toBe(true);
        }
        // Who reads it all again, or goes on after any frame, gets the same; who begins has lost nothing yet.
        const [first, ...others] = frames;
        const again = first === undefined ? [] : [{ ...first, lost: 0 }, ...others];
        expect(rows(readAnew(hub, batchSize))).toEqual(rows(again));
        const step = Math.ceil(frames.length / 4);
        for (const [i, { sequence }] of frames.entries()) {
          if (i % step > 0) continue;
          const resumed = readAnew(hub, batchSize, { kind: 'after', sequence: BigInt(sequence), epoch: hub.epoch });
          expect(rows(resumed)).toEqual(rows(frames.slice(i + 1)));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('have the same numbers for who comes when most of the runs are forgotten', () => {
    const lengths = fc.oneof(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 3000 }),
      fc.constantFrom(8191, 8192, 8193, 30_000),
    );
    const gaps = fc.constantFrom(0, 0, 0, 1, 40, 5000);
    const steps = fc.array(fc.record({ gap: gaps, count: lengths, retune: fc.constant(true) }), {
      minLength: 30,
      maxLength: 120,
    });
    // 32,768 samples are held, and 8192 are the longest frame.
    const sizes = fc.oneof(fc.integer({ min: 20, max: 300 }), fc.integer({ min: 20, max: 8192 }), fc.constant(8192));
    let [ahead, forgotten] = [0, 0];
    fc.assert(
      fc.property(steps, sizes, (played, batchSize) => {
        const { source, hub } = started({ bytes: 65_536 });
        const anew = (): FrameLayout => hub.layout(batchSize);
        // One who is there from the beginning, and keeps up.
        const first = anew();
        const frames: number[][] = [];
        for (const step of played) {
          play(source, step, new Uint8Array(2 * step.count));
          frames.push(...spans(first, (frames.at(-1)?.[0] ?? -1) + 1));
        }
        let longest = 0;
        for (const [sequence = 0, start = 0, end = 0] of frames) {
          ahead = Math.max(ahead, sequence - Math.floor(start / batchSize));
          longest = Math.max(longest, end - start);
        }
        expect(longest).toBeLessThanOrEqual(8192);
        forgotten += played.length - hub.ring.runs.length;
        // Who comes now, and reads all that is held.
        const held = spans(anew(), 0);
        expect(held).toEqual(frames.slice(frames.length - held.length));
        // Who resumes, wherever.
        for (const [sequence = 0] of frames.slice(-20)) {
          const resumed = anew();
          const at = beginAt(hub, { kind: 'after', sequence: BigInt(sequence) }, resumed);
          expect(spans(resumed, at.sequence)).toEqual(held.filter(([number = 0]) => number > sequence));
        }
        // However long ago: what was lost since is known to the sample.
        const late = anew();
        const step = Math.ceil(frames.length / 40);
        for (const [sequence = 0, , end] of frames.filter((_, i) => i % step === 0)) {
          const at = beginAt(hub, { kind: 'after', sequence: BigInt(sequence) }, late);
          expect(at).toEqual({ sequence: sequence + 1, sampleIndex: end });
        }
        // Who joins, and gets what all others get from there on.
        const joined = anew();
        const { sequence, sampleIndex } = beginAt(hub, { kind: 'live' }, joined);
        source.make(20_000, new Uint8Array(40_000));
        const others = spans(first, (frames.at(-1)?.[0] ?? -1) + 1);
        const its = spans(joined, sequence);
        expect(its).toEqual(others.slice(others.length - its.length));
        expect(others.length - its.length).toBeLessThanOrEqual(1);
        expect(its[0]?.[1] ?? sampleIndex).toBe(sampleIndex);
      }),
      { numRuns: 40 },
    );
    expect(ahead).toBeGreaterThan(20);
    expect(forgotten).toBeGreaterThan(1000);
  });
});

/** Frames from a number on as [number, first sample, end]. */
function spans(layout: FrameLayout, from: number): number[][] {
  const found: number[][] = [];
  for (let span = layout.from(from); span !== undefined; span = layout.from(span.sequence + 1)) {
    found.push([span.sequence, span.start, span.end]);
  }
  return found;
}

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
    ['a time', timeOf(14), 10],
    ['a time between two samples', timeOf(19.5), 20],
    ['a time in a short frame', timeOf(24), 20],
    ['a time long ago', timeOf(-1e9), 0],
    ['a time in a gap', timeOf(27), 45],
    ['the time of the first behind a gap', timeOf(45), 45],
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
    ['a number that was never given', { kind: 'after', sequence: 2n ** 64n - 1n }],
  ])('%s waits for the next frame', (_, from) => {
    expect(read(gapped(), 10, from)).toEqual([]);
  });

  it('tells what is missing only to who named a number', () => {
    expect(read(gapped(), 10, { kind: 'after', sequence: 2n })[0]).toMatchObject({ lost: 20 });
    expect(read(gapped(), 10, timeOf(27))[0]).toMatchObject({ lost: 0 });
  });

  it('takes the longest frames as they are, and makes none that is longer', () => {
    const { source, hub } = started();
    const batchSize = 262_144;
    play(source, { gap: 0, count: 100_000, retune: false });
    play(source, { gap: 1, count: 2 * batchSize - 100_001, retune: false });
    hub.end('stopped');
    expect(rows(read(hub, batchSize))).toEqual([
      [0, 0, 100_000, 0],
      [1, 100_001, batchSize + 100_001, 1],
      [2, batchSize + 100_001, 2 * batchSize, 0],
    ]);
  });
});

it('who was away for more runs than are remembered is told the most that is known to be lost, and a slow reader counted', () => {
  const { source, hub } = started({ bytes: 65_536 });
  for (let i = 0; i < 6000; i++) play(source, { gap: 0, count: 10, retune: true }, new Uint8Array(20));
  const away = new FrameReader(hub, shelfOf(hub, 100), { kind: 'after', sequence: 200n });
  // 4096 runs are remembered beside those that the ring holds. Frame 200 was run 200, and ended long before those begin.
  const oldest = hub.ring.runs[0]?.start ?? 0;
  const known = oldest - 4096 * 10;
  const first = away.next();
  expect(first && seen(first)).toMatchObject({ start: oldest, lost: oldest - known });
  expect(first?.samplesMissed).toBe(oldest - known);
  const recent = new FrameReader(hub, shelfOf(hub, 100), { kind: 'after', sequence: 2000n });
  // Frame 2000 is run 2000: numbers are ahead by as many runs as there were in a frame.
  const next = recent.next();
  expect(next && seen(next)).toMatchObject({ start: oldest, lost: oldest - 20_010 });
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
