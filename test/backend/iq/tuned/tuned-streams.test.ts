import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { planDecimation } from '../../../../src/backend/dsp/decimation-plan.ts';
import { StationHub } from '../../../../src/backend/iq/hub.ts';
import { FilterBudget } from '../../../../src/backend/iq/tuned/filter-budget.ts';
import { TunedStreams } from '../../../../src/backend/iq/tuned/tuned-streams.ts';
import { zoomDecimation } from '../../../../src/backend/spectrum/zoom.ts';
import { PassbandError } from '../../../../src/errors.ts';
import { ManualClock } from '../../manual-clock.ts';
import { HandSource, ORIGIN_NS, Sums } from '../made-by-hand.ts';

/** Multiplications a second of one part. */
const COST = planDecimation(8).cost * 1e6;
const TAP = { onSamples: () => undefined, onEnd: () => undefined };

let clock: ManualClock;
beforeEach(() => {
  clock = new ManualClock();
});

function setUp(budget?: FilterBudget): { source: HandSource; hub: StationHub; tuned: TunedStreams } {
  const source = new HandSource();
  const hub = new StationHub('s', source, clock, new Sums(), { seconds: 3600, bytes: 16_777_216 });
  hub.join(TAP);
  return { source, hub, tuned: new TunedStreams(hub, budget) };
}

const read = (tuned: TunedStreams, offsetHz: number): (() => void) =>
  tuned.open({ offsetHz, decimation: 8 }, { kind: 'live' }, 1024).origin.join(TAP);

describe('a part of the band while the ring holds another rate', () => {
  it.each([
    ['from the earliest', { kind: 'earliest' } as const],
    ['after a number of then', { kind: 'after', sequence: 0n } as const],
    ['from a time of then', { kind: 'time', timestampNs: ORIGIN_NS } as const],
    ['live', { kind: 'live' } as const],
  ])('%s begins with the rate of now', (_, from) => {
    const { source, tuned } = setUp();
    source.make(100_000);
    source.tune({ ...source.tuning, sampleRateHz: 2e6 });
    source.make(50_001);
    const { origin } = tuned.open({ offsetHz: 0, decimation: 8 }, from, 1024);
    let ended = false;
    origin.join({ onSamples: () => undefined, onEnd: () => (ended = true) });
    source.make(50_000);
    expect(ended).toBe(false);
    const [run] = origin.ring.runs;
    expect(run?.sampleRateHz).toBe(250_000);
    expect(run?.start).toBeGreaterThanOrEqual(100_000 / 8);
    expect(run?.end).toBeGreaterThan(180_000 / 8);
  });

  it('can be had before the first sample of the new rate', () => {
    const { source, tuned } = setUp();
    source.make(100_000);
    source.tune({ ...source.tuning, sampleRateHz: 2e6 });
    const { origin } = tuned.open({ offsetHz: 0, decimation: 8 }, { kind: 'live' }, 1024);
    origin.join(TAP);
    source.make(50_000);
    expect(origin.ring.runs.map(({ sampleRateHz }) => sampleRateHz)).toEqual([250_000]);
  });
});

describe('filters', () => {
  it('share one budget among stations; those that nobody reads give their place, the oldest first', () => {
    const budget = new FilterBudget(3.5 * COST);
    const [one, two] = [setUp(budget), setUp(budget)];
    const leaves = [read(one.tuned, 0), read(one.tuned, 1000), read(two.tuned, 0)];
    expect(() => read(two.tuned, 1000)).toThrow(expect.objectContaining({ code: 'RESOURCE_EXHAUSTED' }));
    leaves[1]?.();
    leaves[0]?.();
    leaves.push(read(two.tuned, 1000));
    // The first of the two went: the other still counts, and goes next.
    leaves.push(read(two.tuned, 2000));
    expect(() => read(one.tuned, 0)).toThrow(expect.objectContaining({ code: 'RESOURCE_EXHAUSTED' }));
    expect(() => read(one.tuned, 1000)).toThrow(expect.objectContaining({ code: 'RESOURCE_EXHAUSTED' }));
    // Those that are read are as they were.
    read(two.tuned, 0)();
    for (const leave of leaves) leave();
  });

  it('end soon after their last reader has left, however long the ring is', () => {
    const { hub, tuned } = setUp();
    const leave = read(tuned, 0);
    expect(hub.tapCount).toBe(2);
    const timers = clock.timers;
    leave();
    expect(clock.timers).toBe(timers + 1);
    clock.advance(5001);
    expect(clock.timers).toBe(timers);
  });

  it('of a station are sixteen, and those that nobody reads give their place', () => {
    const { tuned } = setUp(new FilterBudget(100 * COST));
    const leaves = Array.from({ length: 16 }, (_, i) => read(tuned, 1000 * i));
    expect(() => read(tuned, 16_000)).toThrow(expect.objectContaining({ code: 'RESOURCE_EXHAUSTED' }));
    leaves[7]?.();
    read(tuned, 16_000)();
  });

  it('of other stations keep their place where there is none for a filter anyway', () => {
    const budget = new FilterBudget(17 * COST);
    const [one, two] = [setUp(budget), setUp(budget)];
    for (let i = 0; i < 16; i++) read(one.tuned, 1000 * i);
    read(two.tuned, 0)();
    const timers = clock.timers;
    expect(() => read(one.tuned, 16_000)).toThrow(expect.objectContaining({ code: 'RESOURCE_EXHAUSTED' }));
    // The other's is idle, and still waits for who comes back.
    expect(clock.timers).toBe(timers);
  });

  it('are designed for one who is let in and the first to want them, not to find out what they cost', () => {
    const { tuned } = setUp(new FilterBudget(1.5 * COST));
    const { hub: stopped, tuned: ofStopped } = setUp();
    stopped.shut(new PassbandError('FAILED_PRECONDITION', 'it is stopped'));
    // Each tap takes one.
    const sine = jest.spyOn(Math, 'sin');
    try {
      const dear = { offsetHz: 0, decimation: 4093 };
      expect(() => tuned.open(dear, { kind: 'live' }, 1024)).toThrow(
        expect.objectContaining({ code: 'RESOURCE_EXHAUSTED' }),
      );
      expect(zoomDecimation(1000, 10e6)).toBeGreaterThan(1);
      expect(sine).not.toHaveBeenCalled();
      read(tuned, 0);
      const designed = sine.mock.calls.length;
      expect(designed).toBeGreaterThan(0);
      read(tuned, 0);
      tuned.oldestOutput({ offsetHz: 0, decimation: 4093 });
      expect(() => read(ofStopped, 0)).toThrow(expect.objectContaining({ code: 'FAILED_PRECONDITION' }));
      expect(sine).toHaveBeenCalledTimes(designed);
    } finally {
      sine.mockRestore();
    }
  });
});
