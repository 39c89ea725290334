import { beforeEach, describe, expect, it } from '@jest/globals';
import { IndexClock } from '../../../src/backend/iq/sources/index-clock.ts';
import { ManualClock } from '../manual-clock.ts';

const RATE_HZ = 100_000;
const CHUNK = 1_000;

let clock: ManualClock;
let index: IndexClock;
beforeEach(() => {
  clock = new ManualClock();
  index = new IndexClock(clock, RATE_HZ);
});

describe('the index of samples that come from elsewhere', () => {
  it('counts what comes', () => {
    index.expect();
    for (let n = 0; n < 5; n++) expect(index.place(CHUNK)).toBe(n * CHUNK);
    clock.advance(10_000);
    expect([index.place(CHUNK), index.next]).toEqual([5 * CHUNK, 6 * CHUNK]);
    expect(index.place(CHUNK, 7)).toBe(6 * CHUNK + 7);
    index.skip(3);
    expect(index.place(CHUNK)).toBe(7 * CHUNK + 10);
  });

  it('begins at 0, however long it takes until something comes', () => {
    clock.advance(500);
    expect(index.next).toBe(0);
    index.expect();
    expect(index.next).toBe(0);
  });

  it('follows the clock while nothing comes, and stands while it is awaited', () => {
    index.pause();
    clock.advance(500);
    expect(index.next).toBe(RATE_HZ / 2);
    index.expect();
    clock.advance(500);
    expect(index.next).toBe(RATE_HZ / 2);
    index.place(CHUNK);
    index.pause();
    clock.advance(1_000);
    index.setRate(2 * RATE_HZ);
    clock.advance(1_000);
    expect(index.next).toBe(RATE_HZ / 2 + CHUNK + RATE_HZ + 2 * RATE_HZ);
  });

  it('counts a pause from the last that came, however late it is noticed', () => {
    index.expect();
    index.place(CHUNK);
    clock.advance(5_000);
    index.pause();
    expect(index.next).toBe(CHUNK + 5 * RATE_HZ);
    index.pause();
    clock.advance(1_000);
    expect(index.next).toBe(CHUNK + 6 * RATE_HZ);
  });

  it('has the last sample that comes after a pause made now, and none before the pause', () => {
    index.expect();
    index.place(CHUNK);
    index.pause();
    clock.advance(1_000);
    expect(index.place(CHUNK)).toBe(CHUNK + RATE_HZ - CHUNK);
    expect(index.next).toBe(CHUNK + RATE_HZ);
    index.pause();
    clock.advance(1);
    expect(index.place(CHUNK)).toBe(CHUNK + RATE_HZ);
  });

  it('is exact after a pause where the loss is known; samples that nobody is given are in the pause', () => {
    index.expect();
    index.place(CHUNK);
    index.pause();
    clock.advance(1_000);
    index.skip(5);
    expect(index.next).toBe(CHUNK + RATE_HZ);
    expect(index.place(CHUNK, 17)).toBe(CHUNK + 17);
  });

  it('has a gap in a pause that is to have one, and follows the clock only from when it is to', () => {
    index.expect();
    index.place(CHUNK);
    index.pause({ sinceMs: clock.nowMs() + 500, leastGap: 1 });
    expect(index.next).toBe(CHUNK + 1);
    clock.advance(400);
    index.expect();
    expect(index.place(CHUNK)).toBe(CHUNK + 1);
    index.pause({ sinceMs: clock.nowMs() + 500, leastGap: 1 });
    clock.advance(600);
    expect(index.next).toBe(2 * CHUNK + 1 + RATE_HZ / 10);
  });
});
