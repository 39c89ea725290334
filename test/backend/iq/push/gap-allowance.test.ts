import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { LAST_INDEX } from '../../../../src/backend/iq/sources/index-clock.ts';
import { PushSource } from '../../../../src/backend/iq/sources/push.ts';
import { ManualClock } from '../../manual-clock.ts';

const RATE = 61_440_000;

function setUp(): { readonly clock: ManualClock; readonly source: PushSource; readonly ends: number[] } {
  const clock = new ManualClock();
  const source = new PushSource(
    { datatype: 'cf32_le', sampleRateHz: RATE, centerFrequencyHz: 1e8 },
    { stationId: 'p', clock, log: pino({ level: 'silent' }) },
  );
  const ends: number[] = [];
  source.start({
    samples: ({ sampleIndex, bytes }) => ends.push(sampleIndex + bytes.length / 8),
    failed: () => undefined,
  });
  return { clock, source, ends };
}

/** Pushes one sample behind a gap, as a producer that just came. */
function pushOnce(source: PushSource, lostBefore: number): void {
  const session = source.connect('producer');
  try {
    session.mayLose(lostBefore);
    session.push({ samples: new Uint8Array(8), lostBefore, timestampNs: 0n, reception: {} });
  } finally {
    session.leave(0);
  }
}

/** How often something can be done until it is refused. */
function countUntil(reason: RegExp, action: () => void): number {
  for (let done = 0; done < 10_000; done++) {
    try {
      action();
    } catch (error) {
      expect(String(error)).toMatch(reason);
      return done;
    }
  }
  throw new Error('was never refused');
}

describe('the gaps that producers tell of', () => {
  it('are an hour together, over all calls, and a second more for each that goes by', () => {
    const { clock, source, ends } = setUp();
    const tooMuch = /they may be 3600 s together/;
    expect(countUntil(tooMuch, () => pushOnce(source, 900 * RATE))).toBe(4);
    expect(countUntil(tooMuch, () => pushOnce(source, 1))).toBe(0);
    clock.advance(2000);
    expect(countUntil(tooMuch, () => pushOnce(source, RATE))).toBe(2);
    clock.advance(7_200_000);
    expect(countUntil(tooMuch, () => pushOnce(source, 3600 * RATE))).toBe(1);
    expect(Number.isSafeInteger(ends.at(-1))).toBe(true);
    // Without a gap one goes on all the same.
    pushOnce(source, 0);
  });

  it('never take the count of samples to where it is not exact, in however many years', () => {
    const { clock, source, ends } = setUp();
    const day = 86_400_000;
    const days = countUntil(/count of samples is at its end; make the station anew/, () => {
      clock.advance(day);
      pushOnce(source, 3600 * RATE);
    });
    expect(days).toBeGreaterThan(365);
    expect(ends.at(-1)).toBeLessThanOrEqual(LAST_INDEX);
    expect(ends.every((end, i) => i === 0 || end > (ends[i - 1] ?? 0))).toBe(true);
  });
});
