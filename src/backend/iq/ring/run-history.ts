import type { PastRun } from './run.ts';
import { TakenNumbers } from './taken-numbers.ts';

/** Runs that are remembered one by one when their samples are gone: 100 kB, and a fraction of a millisecond to look through. */
const MAX_RECENT_RUNS = 4096;

/**
 * What is known of the runs that a ring has forgotten: of the latest, where they began and ended; of those before, how far
 * the numbers of their frames had come.
 */
export class RunHistory {
  /** Samples of the longest frame. */
  readonly longestFrame: number;
  readonly #all: TakenNumbers;
  readonly #earlier: TakenNumbers;
  readonly #recent: PastRun[] = [];
  #earlierEnd = 0;

  /** @param longestFrame samples; the same for every reader of these runs. */
  constructor(longestFrame: number) {
    this.longestFrame = longestFrame;
    this.#all = new TakenNumbers(longestFrame);
    this.#earlier = new TakenNumbers(longestFrame);
  }

  /** The latest forgotten runs, in order. */
  get recent(): readonly PastRun[] {
    return this.#recent;
  }

  /** Index after the last sample of the runs before those; 0 where there are none. */
  get earlierEnd(): number {
    return this.#earlierEnd;
  }

  /** The next run that is over and forgotten, in order. */
  add({ firstIndex, end, ordinal }: PastRun): void {
    const run = { firstIndex, end, ordinal };
    this.#all.add(run);
    this.#recent.push(run);
    if (this.#recent.length <= MAX_RECENT_RUNS) return;
    const earlier = this.#recent.shift();
    if (earlier === undefined) return;
    this.#earlier.add(earlier);
    this.#earlierEnd = earlier.end;
  }

  /** The last number that frames of this batch size have had in any of the runs; -1 before the first. */
  lastNumber(batchSize: number): number {
    return this.#all.lastNumber(batchSize);
  }

  /** The same in the runs before the recent ones. */
  earlierLastNumber(batchSize: number): number {
    return this.#earlier.lastNumber(batchSize);
  }
}
