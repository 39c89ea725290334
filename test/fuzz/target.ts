import type fc from 'fast-check';
import { PassbandError, UsageError } from '../../src/errors.ts';

/** One thing to be fuzzed. Inputs are JSON, so that one that shows a fault can be kept as a file. */
export interface FuzzTarget<Input> {
  /** What to try: valid inputs that were mutated, and inputs from a grammar. */
  readonly inputs: fc.Arbitrary<Input>;
  /** Tries one; throws when it shows a fault. */
  check(input: Input): void | Promise<void>;
}

/** A target that runs with inputs of any kind, as the runner sees it. */
export type AnyTarget = FuzzTarget<unknown>;

/** Characters of one input: what comes over the network in one piece, and small enough for thousands a second. */
export const MAX_INPUT_CHARACTERS = 32_768;

/**
 * Runs what is allowed to refuse its input, in the project's own words and in no others: a TypeError or a RangeError is
 * a crash that a caller may bring about.
 *
 * @returns undefined when it refused.
 */
export function orRefusal<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof PassbandError && error.code !== 'INTERNAL') return undefined;
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}

/** Fails with what differs. */
export function same(what: string, ours: unknown, theirs: unknown): void {
  const [left, right] = [text(ours), text(theirs)];
  if (left !== right) throw new Error(`${what}: ${left} here, ${right} there`);
}

function text(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part)) ?? 'undefined';
}
