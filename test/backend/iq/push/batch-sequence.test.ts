import { describe, expect, it, test } from '@jest/globals';
import { BatchSequence, type PlacedBatch } from '../../../../src/backend/iq/push/batch-sequence.ts';

const RATE = 1_000_000;
/** 2026-01-01T00:00:00Z. */
const START_NS = 1_767_225_600_000_000_000n;

/** A batch at 1 MS/s: number, samples, microseconds from the beginning (which are samples, too). */
const placed = (sequence: bigint | number, sampleCount: number, atUs?: number): PlacedBatch => ({
  sequence: BigInt(sequence),
  sampleCount,
  timestampNs: atUs === undefined ? undefined : START_NS + BigInt(Math.round(atUs * 1000)),
  tuning: { sampleRateHz: RATE, centerFrequencyHz: 1e8 },
});

describe('BatchSequence', () => {
  it('begins anywhere, and counts what it received and what is missing', () => {
    const sequence = new BatchSequence();
    const numbers = [41, 42, 45, 46, 1000];
    expect(numbers.map((number) => sequence.take(placed(number, 10)))).toEqual([0, 0, 20, 0, 9530]);
    expect([sequence.received, sequence.lost]).toEqual([5, 955n]);
  });

  it('counts beyond what a double can tell apart', () => {
    const sequence = new BatchSequence();
    sequence.take(placed(18_446_744_073_709_551_612n, 10));
    expect(sequence.take(placed(18_446_744_073_709_551_613n, 10))).toBe(0);
    expect(sequence.take(placed(18_446_744_073_709_551_615n, 10))).toBe(10);
  });

  test.each([
    ['equal sizes count, whatever the times say', [1, 100, 0], [4, 100, 999], 200],
    ['the size before counts where there are no times', [1, 100], [4, 70], 200],
    ['the size before counts where only one has a time', [1, 100, 0], [4, 70], 200],
    ['the time counts where sizes differ', [1, 100, 0], [4, 70, 347], 247],
    ['rounded to a whole sample', [1, 100, 0], [4, 70, 347.4], 247],
    ['not a time that leaves less than a sample a batch', [1, 100, 0], [4, 70, 101], 200],
    ['not a time that goes back', [1, 100, 0], [4, 70, -500], 200],
    ['not a time that leaves more than the longest batches', [1, 100, 0], [3, 70, 100 + 524_289], 100],
    ['a time that leaves just that', [1, 100, 0], [3, 70, 100 + 524_288], 524_288],
  ] as const)('%s', (_, [n, count, at], [behind, countBehind, atBehind], lost) => {
    const sequence = new BatchSequence();
    sequence.take(placed(n, count, at));
    expect(sequence.take(placed(behind, countBehind, atBehind))).toBe(lost);
  });

  test.each([
    ['the same number', 5, /sequence_number is 5 after 5: it must count up/],
    ['a lower one', 4, /sequence_number is 4 after 5: it must count up; a producer that begins anew opens a new call/],
    ['an hour of samples and one batch', 6 + 3_600_001, /not leave out more than 3600 s of samples/],
  ])('refuses %s, and nothing has changed', (_, number, reason) => {
    const sequence = new BatchSequence();
    sequence.take(placed(5, 1000));
    expect(() => sequence.take(placed(number, 1000))).toThrow(reason);
    expect([sequence.received, sequence.lost]).toEqual([1, 0n]);
    expect(sequence.take(placed(6 + 3_600_000, 1000))).toBe(3600 * RATE);
  });
});
