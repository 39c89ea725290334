import { beforeEach, describe, expect, it } from '@jest/globals';
import { SinkTimeline } from '../../../src/backend/iq/sources/sink-timeline.ts';
import { ManualClock } from '../manual-clock.ts';

const RATE = 1000;
let clock: ManualClock;
let timeline: SinkTimeline;
beforeEach(() => {
  clock = new ManualClock();
  timeline = new SinkTimeline(clock, RATE);
});
const place = (count: number, senders?: bigint): number => timeline.place(count, senders).sampleIndex;
/** Nanoseconds since the clock began, of a sample. */
const timeOf = (index: number): number => Number(timeline.timestampNs(index) - ManualClock.START_NS);

describe('where samples lie', () => {
  it('follows the clock while nobody takes them, and stands from then on until they come', () => {
    clock.advance(500);
    expect(timeline.next).toBe(500);
    timeline.expect();
    clock.advance(100);
    expect(timeline.next).toBe(500);
    expect(place(80)).toBe(500);
    clock.advance(50);
    expect(timeline.next).toBe(580);
    timeline.stop();
    expect(timeline.next).toBe(630);
    clock.advance(1000);
    expect(timeline.next).toBe(1630);
  });

  it('is right behind what came before where the sender does not count, whatever the clock says', () => {
    timeline.expect();
    clock.advance(100);
    expect(place(100)).toBe(0);
    clock.advance(1000);
    expect(place(10)).toBe(100);
    expect(place(1000)).toBe(110);
  });

  it('is by the clock after a break where the sender does not count', () => {
    timeline.expect();
    clock.advance(100);
    timeline.place(100);
    timeline.breakOff();
    clock.advance(1000);
    expect(timeline.next).toBe(1100);
    expect(place(10)).toBe(1090);
    timeline.breakOff();
    expect(place(10)).toBe(1100);
  });

  it('is exact by the count of a sender, also after a break', () => {
    timeline.expect();
    clock.advance(100);
    expect(place(100, 5000n)).toBe(0);
    expect(place(50, 5100n)).toBe(100);
    expect(place(50, 5157n)).toBe(157);
    timeline.breakOff();
    clock.advance(5000);
    expect(timeline.next).toBe(207);
    expect(place(50, 5207n)).toBe(207);
    expect(place(50, 5258n)).toBe(258);
    timeline.pause();
    clock.advance(1000);
    expect(timeline.next).toBe(1308);
    expect(place(50, 5318n)).toBe(318);
  });

  it.each<[what: string, senders: bigint]>([
    ['began anew', 0n],
    ['went back by one', 5099n],
    ['says what nobody can have lost', 5101n + 2n ** 40n],
    ['is as large as can be', 2n ** 64n - 1n],
  ])('is by the clock where a count %s', (_what, senders) => {
    timeline.expect();
    clock.advance(100);
    timeline.place(100, 5000n);
    clock.advance(3000);
    expect(place(20, senders)).toBe(3080);
    // From there on the new count holds.
    expect(place(20, senders + 25n)).toBe(3105);
  });

  it('never becomes a number that is not exact, however often a count leaps', () => {
    timeline.expect();
    let senders = 0n;
    let before = -1;
    for (let i = 0; i < 10_000; i++) {
      const index = place(1, senders);
      expect(index).toBeGreaterThan(before);
      before = index;
      senders += 2n ** 40n;
    }
    expect(Number.isSafeInteger(2 * before)).toBe(false);
    expect(Number.isSafeInteger(before + 2 ** 31)).toBe(true);
  });
});

describe('when samples were made', () => {
  it('is now for the last of the first that came, and by the rate from there', () => {
    clock.advance(400);
    timeline.expect();
    clock.advance(100);
    const index = place(100);
    expect(timeOf(index)).toBe(400e6);
    expect(timeOf(index + 100)).toBe(500e6);
    timeline.setRate(index + 100, 2 * RATE);
    expect(timeOf(index + 100)).toBe(500e6);
    expect(timeOf(index + 300)).toBe(600e6);
  });

  it('is no matter of suspicion where the sender counts', () => {
    timeline.expect();
    clock.advance(100);
    let senders = 0n;
    for (let i = 0; i < 300; i++) {
      clock.advance(200);
      expect(timeline.place(100, senders)).toEqual({ sampleIndex: 100 * i, suspectedLoss: 0, beganAnew: false });
      senders += 100n;
    }
  });

  it('is what the receiver says where its clock is right, and not where it counts from elsewhere', () => {
    timeline.expect();
    clock.advance(500);
    const index = place(100);
    const wholeS = Number(ManualClock.START_NS / 1_000_000_000n);
    expect(timeline.setTime(index + 50, { wholeS, fractionS: 0.125 })).toBe(0);
    expect(timeOf(index + 50)).toBe(125e6);
    timeline.setTime(index + 100, { wholeS: 17, fractionS: 0.5 });
    expect(timeOf(index + 50)).toBe(125e6);
  });

  it('shows what a receiver lost before the samples were counted, where that is a whole number', () => {
    timeline.expect();
    clock.advance(500);
    const index = place(400);
    const at = (samples: number, fractionS: number): number =>
      timeline.setTime(index + samples, { wholeS: 5, fractionS });
    expect(at(0, 0.1)).toBe(0);
    expect(at(100, 0.2)).toBe(0);
    // 100 samples on and 107 ms on: seven were lost.
    expect(at(200, 0.307)).toBe(7);
    expect(timeline.next).toBe(index + 407);
    // A clock that is not the sampling's own, and one that goes back, tell of no loss.
    expect(at(307, 0.4105)).toBe(0);
    expect(at(308, 0.2)).toBe(0);
  });
});
