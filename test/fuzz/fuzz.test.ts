import { describe, expect, test } from '@jest/globals';
import { runTarget } from './run-target.ts';
import { FAULTY_TARGETS, TARGETS } from './targets.ts';

const SEED = Number(process.env.PASSBAND_TEST_SEED ?? 1);

/** Inputs of each target in a test run; `npm run fuzz -- --minutes 30` goes on for as long as it is told. */
const RUNS = 1_000;
/** Milliseconds after which a slow machine has tried enough. */
const MOST_MS = 5_000;

describe('the runner', () => {
  test('finds a crash, and the smallest input that shows it', async () => {
    const { finding } = await runTarget('crashes', { seed: SEED, runs: RUNS });
    expect(finding).toEqual({ input: 'ax', message: expect.stringContaining('TypeError: x') });
  });

  test('finds an input that never comes back', async () => {
    const { finding } = await runTarget('hangs', { seed: SEED, runs: RUNS, hangMs: 2_000 });
    expect(finding).toMatchObject({ message: 'no end after 2000 ms' });
    expect(String(finding?.input)).toHaveLength(2);
  });

  test('finds an input that takes too long', async () => {
    const { finding } = await runTarget('crawls', { seed: SEED, runs: 1 });
    expect(finding).toMatchObject({ input: 'slow', message: expect.stringMatching(/one input took \d{4,} ms/) });
  });

  test('has no target under two names', () => {
    expect(Object.keys(TARGETS).filter((name) => name in FAULTY_TARGETS)).toEqual([]);
  });
});

test.each(Object.keys(TARGETS))('%s: no crash, no hang, no two readings', async (target) => {
  const { finding, executions } = await runTarget(target, { seed: SEED, runs: RUNS, forMs: MOST_MS });
  expect(finding).toBeUndefined();
  expect(executions).toBeGreaterThan(100);
});
