import { beforeEach, describe, expect, it } from '@jest/globals';
import { ArrivalClock, type Observation } from '../../../src/backend/iq/sources/arrival-clock.ts';
import { ManualClock } from '../manual-clock.ts';

const RATE_HZ = 100_000;
/** Samples of one chunk, and how long they last. */
const CHUNK = 1_000;
const CHUNK_MS = 10;

let clock: ManualClock;
let arrivals: ArrivalClock;
/** Index after the last sample that came. */
let next: number;

beforeEach(() => {
  clock = new ManualClock();
  arrivals = new ArrivalClock(clock, RATE_HZ);
  next = 0;
});

/** When each chunk was told to begin, milliseconds since the clock's beginning, and when it came. */
interface Seen {
  readonly toldMs: number;
  readonly cameMs: number;
}

function arrived(samples: number): Observation {
  next += samples;
  return arrivals.arrived(next);
}

/**
 * Receives chunks of a sender for some seconds.
 *
 * @param senderPpm by how much its clock is fast.
 * @param delayMs of each chunk on its way, by its number.
 */
function receive(
  seconds: number,
  senderPpm: number,
  delayMs: (chunk: number) => number,
): { seen: Seen[]; suspected: number } {
  const seen: Seen[] = [];
  let suspected = 0;
  const beganMs = clock.nowMs();
  for (let chunk = 0; chunk < (seconds * 1000) / CHUNK_MS; chunk++) {
    const madeMs = ((chunk + 1) * CHUNK_MS) / (1 + senderPpm * 1e-6);
    clock.advance(Math.max(0, beganMs + madeMs + delayMs(chunk) - clock.nowMs()));
    suspected += arrived(CHUNK).suspectedLoss;
    const toldMs = Number(arrivals.timestampNs(next - CHUNK) - ManualClock.START_NS) / 1e6;
    seen.push({ toldMs, cameMs: clock.nowMs() });
  }
  return { seen, suspected };
}

/** The most by which two chunks in a row are told to be further apart, or nearer, than they were made. */
const unevennessMs = (seen: readonly Seen[]): number =>
  seen.reduce((worst, { toldMs }, n) => {
    const before = seen[n - 1];
    return before === undefined ? worst : Math.max(worst, Math.abs(toldMs - before.toldMs - CHUNK_MS));
  }, 0);

/** By how much the time of the last chunk is off, where it came without a delay. */
const offMs = (seen: readonly Seen[]): number => {
  const last = seen.at(-1);
  return (last?.toldMs ?? 0) + CHUNK_MS - (last?.cameMs ?? 0);
};

describe('the time of samples that come without', () => {
  it('runs evenly, however unevenly the chunks come', () => {
    // Every fifth comes with four of before, up to 80 ms late.
    const { seen, suspected } = receive(30, 0, (chunk) => (4 - (chunk % 5)) * CHUNK_MS + ((chunk * 7919) % 31));
    expect(unevennessMs(seen)).toBeLessThan(0.02);
    expect(suspected).toBe(0);
  });

  it.each([80, -80])('follows a sender whose clock is off by %i ppm, without a step', (ppm) => {
    const { seen, suspected } = receive(600, ppm, (chunk) => (chunk * 7919) % 23);
    // Left alone it would be 48 ms off by now.
    const last = seen.at(-1);
    const dueMs = ((seen.length - 1) * CHUNK_MS) / (1 + ppm * 1e-6);
    expect(Math.abs((last?.toldMs ?? 0) - dueMs)).toBeLessThan(25);
    expect(unevennessMs(seen)).toBeLessThan(0.02);
    expect(suspected).toBe(0);
  });

  it('makes no loss of a pause of the network that is made up for', () => {
    const { suspected } = receive(30, 0, (chunk) =>
      chunk > 1000 && chunk < 1300 ? Math.max(0, 3000 - (chunk - 1000) * CHUNK_MS) : 0,
    );
    expect(suspected).toBe(0);
  });

  it('is right again after a loss, of which it knows about how much it was', () => {
    receive(15, 0, () => 0);
    // A second of samples never comes.
    clock.advance(1_000);
    const { seen, suspected } = receive(25, 0, () => 0);
    expect(suspected).toBe(RATE_HZ);
    expect(offMs(seen)).toBeCloseTo(0, 1);
  });

  it('is never far off for a sender that is slower, or faster, than it says by more than any crystal', () => {
    for (const ppm of [-10_000, 10_000]) {
      arrivals.breakOff();
      const { seen, suspected } = receive(120, ppm, () => 0);
      expect(Math.abs(offMs(seen))).toBeLessThan(400);
      expect(suspected > 0).toBe(ppm < 0);
    }
  });

  it('goes on at another rate from where it was', () => {
    receive(1, 0, () => 0);
    const before = arrivals.timestampNs(next);
    arrivals.setRate(next, 2 * RATE_HZ);
    expect(arrivals.timestampNs(next)).toBe(before);
    expect(arrivals.timestampNs(next + RATE_HZ)).toBe(before + 500_000_000n);
  });

  it('begins anew after a break', () => {
    receive(1, 0, () => 0);
    arrivals.breakOff();
    clock.advance(7_777);
    next += 50 * RATE_HZ;
    arrived(CHUNK);
    expect(arrivals.timestampNs(next)).toBe(clock.wallNs());
  });

  it.each([3_600_000, -3_600_000])('is that of the day again within a window when that is set by %i ms', (byMs) => {
    receive(15, 0, () => 0);
    clock.set(byMs);
    const { seen, suspected } = receive(10, 0, () => 0);
    expect(offMs(seen)).toBeCloseTo(byMs, 3);
    expect(suspected).toBe(0);
    // And again: what was set is not forgotten, and not counted twice.
    expect(offMs(receive(30, 0, () => 0).seen)).toBeCloseTo(byMs, 3);
  });

  it('follows the time of day without a step when that is set by a little', () => {
    receive(15, 0, () => 0);
    clock.set(40);
    const { seen, suspected } = receive(100, 0, () => 0);
    expect(unevennessMs(seen)).toBeLessThan(0.02);
    expect(offMs(seen)).toBeCloseTo(40, 0);
    expect(suspected).toBe(0);
  });
});

describe('a sender that is faster than it says', () => {
  it('is noticed at once where it is much faster', () => {
    arrived(CHUNK);
    expect(arrived(4.9 * RATE_HZ).isAhead).toBe(false);
    expect(arrived(0.2 * RATE_HZ).isAhead).toBe(true);
  });

  it('is noticed in time where it is a little faster, though the time was set meanwhile', () => {
    let aheadAtS = Number.NaN;
    for (let second = 1; Number.isNaN(aheadAtS) && second <= 1000; second++) {
      clock.advance(1000);
      if (arrived(1.02 * RATE_HZ).isAhead) aheadAtS = second;
    }
    // 20 ms a second: five seconds in 250.
    expect(aheadAtS).toBeGreaterThan(240);
    expect(aheadAtS).toBeLessThan(300);
  });

  it('is none whose first samples came late', () => {
    arrived(CHUNK);
    // Four seconds of them were on their way.
    arrived(4 * RATE_HZ);
    for (let second = 1; second <= 1000; second++) {
      clock.advance(1000);
      expect(arrived(RATE_HZ).isAhead).toBe(false);
    }
  });
});
