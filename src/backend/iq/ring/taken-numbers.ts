import type { PastRun } from './run.ts';

/** A run that is over: the pieces that it and those before it have, and the index after its last sample. */
interface Corner {
  readonly pieces: number;
  readonly end: number;
}

/**
 * How far the numbers of frames have come in runs that are over, for every batch size at once.
 *
 * Every run takes at least as many numbers as it has pieces of the longest frame, and after it the numbers have come at
 * least to that of its last sample, as samples are counted. So after run r, with e the end of a run and p the pieces up to
 * and with it, the last number of batch size B is the greatest of ceil(e/B) - 1 + p(r) - p over all runs up to r. Which run
 * that is for some B are the corners of a convex hull of the points (p, e), and it is all that is kept: a few corners
 * for usual runs, and never more than there are batch sizes, for each is the greatest for one of its own.
 */
export class TakenNumbers {
  /** Samples of the longest frame. */
  readonly longestFrame: number;
  readonly #corners: Corner[] = [{ pieces: 0, end: 0 }];
  #pieces = 0;

  /** @param longestFrame samples; the same for every reader of these runs. */
  constructor(longestFrame: number) {
    this.longestFrame = longestFrame;
  }

  /** Corners that are kept. */
  get size(): number {
    return this.#corners.length;
  }

  /** The next run that is over, in order. */
  add({ firstIndex, end }: Pick<PastRun, 'firstIndex' | 'end'>): void {
    if (end === firstIndex) return;
    this.#pieces += Math.ceil((end - firstIndex) / this.longestFrame);
    const added = { pieces: this.#pieces, end };
    const corners = this.#corners;
    for (;;) {
      const [before, last] = corners.slice(-2);
      if (before === undefined || last === undefined || isNeeded(before, last, added)) break;
      corners.pop();
    }
    corners.push(added);
    for (;;) {
      const [first, second] = corners;
      if (first === undefined || second === undefined) break;
      // The greatest for batches alone that are no shorter than the longest frame.
      if (second.end - first.end < (second.pieces - first.pieces) * this.longestFrame) break;
      corners.shift();
    }
  }

  /** The last number that frames of this batch size have had; -1 before the first. */
  lastNumber(batchSize: number): number {
    const corners = this.#corners;
    let [low, high] = [0, corners.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      const [here, next] = [beyond(corners[middle], batchSize), beyond(corners[middle + 1], batchSize)];
      if (next >= here) low = middle + 1;
      else high = middle;
    }
    return this.#pieces - 1 + Math.ceil(beyond(corners[low], batchSize) / batchSize);
  }
}

/** By how many samples a corner lies beyond those that its pieces would have in batches of this size. */
const beyond = ({ pieces, end }: Corner = { pieces: 0, end: 0 }, batchSize: number): number => end - pieces * batchSize;

/** Whether there is a batch size for which the corner between two others is the greatest. Exact: products are beyond 2^53. */
function isNeeded(before: Corner, corner: Corner, after: Corner): boolean {
  const least = BigInt(after.end - corner.end) / BigInt(after.pieces - corner.pieces) + 1n;
  return least * BigInt(corner.pieces - before.pieces) < BigInt(corner.end - before.end);
}
