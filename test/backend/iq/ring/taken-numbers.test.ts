import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { TakenNumbers } from '../../../../src/backend/iq/ring/taken-numbers.ts';

const LONGEST = 500;

/** Runs one after another, gaps between some. */
const RUNS = fc
  .array(
    fc.tuple(
      fc.constantFrom(0, 0, 0, 1, 30, 900, 2 ** 40),
      fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 2000 }), fc.constantFrom(499, 500, 501)),
    ),
    { minLength: 1, maxLength: 200 },
  )
  .map((steps) => {
    let end = 0;
    return steps.map(([gap, length]) => {
      const firstIndex = end + gap;
      end = firstIndex + length;
      return { firstIndex, end };
    });
  });

/** The last number after runs, counted frame by frame. */
function counted(runs: readonly { readonly firstIndex: number; readonly end: number }[], batchSize: number): number {
  let number = -1;
  for (const { firstIndex, end } of runs) {
    number = Math.max(number, Math.floor(firstIndex / batchSize) - 1);
    let start = firstIndex;
    while (start < end) {
      number++;
      start = Math.min(start + LONGEST, (number + 1) * batchSize);
    }
  }
  return number;
}

it('says of every batch size what counting frames one by one says', () => {
  fc.assert(
    fc.property(RUNS, (runs) => {
      const history = new TakenNumbers(LONGEST);
      for (const [i, run] of runs.entries()) {
        history.add(run);
        if (i % 20 > 0 && i < runs.length - 1) continue;
        for (let batchSize = 1; batchSize <= LONGEST; batchSize += 7) {
          expect(history.lastNumber(batchSize)).toBe(counted(runs.slice(0, i + 1), batchSize));
        }
      }
    }),
    { numRuns: 40 },
  );
});

it('begins before the first number, and takes no run without samples for one', () => {
  const history = new TakenNumbers(LONGEST);
  expect(history.lastNumber(8)).toBe(-1);
  history.add({ firstIndex: 3, end: 3 });
  expect(history.lastNumber(8)).toBe(-1);
});

it('stays small whatever comes: a few corners of usual runs, one for each batch size of the worst', () => {
  const usual = new TakenNumbers(262_144);
  let end = 0;
  for (let i = 0; i < 100_000; i++) {
    const firstIndex = end + (i % 7 === 0 ? 5 : 0);
    end = firstIndex + 1000 + ((i * 7919) % 3_000_000);
    usual.add({ firstIndex, end });
  }
  expect(usual.size).toBeLessThan(20);
  // Each a sample shorter than the one before: every one of them is the one that counts for some batch size.
  const worst = new TakenNumbers(LONGEST);
  end = 0;
  for (let round = 0; round < 3; round++) {
    for (let length = LONGEST; length > 0; length--) {
      worst.add({ firstIndex: end, end: end + length });
      end += length;
    }
    expect(worst.size).toBeGreaterThan(LONGEST / 2);
    expect(worst.size).toBeLessThanOrEqual(LONGEST + 1);
  }
});
