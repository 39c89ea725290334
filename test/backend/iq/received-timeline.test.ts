import { beforeEach, describe, expect, it } from '@jest/globals';
import { ReceivedTimeline } from '../../../src/backend/iq/sources/received-timeline.ts';
import { ManualClock } from '../manual-clock.ts';

const RATE_HZ = 100_000;
/** Samples of one chunk, and how long they last. */
const CHUNK = 1_000;
const CHUNK_MS = 10;

let clock: ManualClock;
let timeline: ReceivedTimeline;

beforeEach(() => {
  clock = new ManualClock();
  timeline = new ReceivedTimeline(clock, RATE_HZ);
});

/** When each chunk was told to begin, milliseconds since the clock's beginning, and when it came. */
interface Seen {
  readonly toldMs: number;
  readonly cameMs: number;
  readonly index: number;
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
    const place = timeline.received(CHUNK);
    suspected += place.suspectedLoss;
    const toldMs = Number(place.timestampNs - ManualClock.START_NS) / 1e6;
    seen.push({ toldMs, cameMs: clock.nowMs(), index: place.sampleIndex });
  }
  return { seen, suspected };
}

/** The most by which two chunks in a row are told to be further apart, or nearer, than they were made. */
const unevennessMs = (seen: readonly Seen[]): number =>
  seen.reduce((worst, { toldMs }, n) => {
    const before = seen[n - 1];
    return before === undefined ? worst : Math.max(worst, Math.abs(toldMs - before.toldMs - CHUNK_MS));
  }, 0);

describe('index and time of samples that come without', () => {
  it('count what came', () => {
    timeline.expect();
    const { seen } = receive(1, 0, () => 0);
    expect(seen.map(({ index }) => index)).toEqual(Array.from({ length: 100 }, (_, n) => n * CHUNK));
    expect(timeline.nextIndex()).toBe(100 * CHUNK);
  });

  it('run evenly, however unevenly the chunks come', () => {
    // Every fifth comes with four of before, up to 80 ms late.
    const { seen, suspected } = receive(30, 0, (chunk) => (4 - (chunk % 5)) * CHUNK_MS + ((chunk * 7919) % 31));
    expect(unevennessMs(seen)).toBeLessThan(0.02);
    expect(suspected).toBe(0);
  });

  it.each([80, -80])('follow a sender whose clock is off by %i ppm, without a step', (ppm) => {
    const { seen, suspected } = receive(600, ppm, (chunk) => (chunk * 7919) % 23);
    // Left alone it would be 48 ms off by now.
    const last = seen.at(-1);
    const dueMs = ((seen.length - 1) * CHUNK_MS) / (1 + ppm * 1e-6);
    expect(Math.abs((last?.toldMs ?? 0) - dueMs)).toBeLessThan(25);
    expect(unevennessMs(seen)).toBeLessThan(0.02);
    expect(suspected).toBe(0);
  });

  it('suspect no loss for a pause of the network that is made up for', () => {
    const { suspected } = receive(30, 0, (chunk) =>
      chunk > 1000 && chunk < 1300 ? Math.max(0, 3000 - (chunk - 1000) * CHUNK_MS) : 0,
    );
    expect(suspected).toBe(0);
  });

  it('suspect about as much as is missing, count on all the same, and have the right time again', () => {
    receive(15, 0, () => 0);
    const before = timeline.nextIndex();
    // A second of samples never comes.
    clock.advance(1_000);
    const { seen, suspected } = receive(25, 0, () => 0);
    expect(suspected).toBe(RATE_HZ);
    expect(seen[0]?.index).toBe(before);
    const last = seen.at(-1);
    expect((last?.cameMs ?? 0) - (last?.toldMs ?? 0)).toBeCloseTo(CHUNK_MS, 1);
  });

  it('follow the clock while nothing comes, and stand while it is awaited', () => {
    clock.advance(500);
    expect(timeline.nextIndex()).toBe(RATE_HZ / 2);
    timeline.expect();
    clock.advance(500);
    expect(timeline.nextIndex()).toBe(RATE_HZ / 2);
    timeline.received(CHUNK);
    timeline.pause();
    clock.advance(1_000);
    timeline.setRate(2 * RATE_HZ);
    clock.advance(1_000);
    expect(timeline.nextIndex()).toBe(RATE_HZ / 2 + CHUNK + RATE_HZ + 2 * RATE_HZ);
  });

  it('notice a sender that is faster than it says', () => {
    timeline.received(CHUNK);
    expect(timeline.received(4.9 * RATE_HZ).isAhead).toBe(false);
    expect(timeline.received(0.2 * RATE_HZ).isAhead).toBe(true);
  });
});
