import { BATCH_SIZE } from '../../stations/ranges.ts';
import type { Run } from '../ring/ring.ts';

/**
 * How runs of samples fall into frames. Frame n of a batch size B holds the samples n*B to n*B + B - 1. Beside a gap (a
 * change of tuning, a stop) no good sample is given up for that:
 *
 * - the frame before a gap ends where the gap begins, and so is short;
 * - the frame behind a gap begins with the first sample behind it, and is short as well;
 * - where both would have the same number, the number belongs to the one before the gap, and the samples behind it come
 *   at the beginning of the next frame, which then is longer than B (never longer than the longest frame there is: of a
 *   batch size beyond half of that, the first samples may be lost).
 *
 * So a number is never given twice, and is the same for every reader and at every replay. A run that begins and ends
 * within one frame whose number is taken has no frame.
 */
export interface FrameSpan {
  readonly sequence: number;
  /** Index of the first sample. */
  readonly start: number;
  /** Index after the last sample. */
  readonly end: number;
  readonly run: Run;
}

/** Samples in a frame at most. */
const MAX_FRAME_SAMPLES = BATCH_SIZE.max;

/** Number of the frame with which a run begins. */
function firstSequence(run: Run, batchSize: number): number {
  const position = Math.floor(run.firstIndex / batchSize);
  return run.previousEnd > position * batchSize ? position + 1 : position;
}

/** The frame of this number in a run that has samples of it, were they all held. */
function spanIn(run: Run, sequence: number, batchSize: number): FrameSpan {
  const end = Math.min(run.end, (sequence + 1) * batchSize);
  const begin = sequence === firstSequence(run, batchSize) ? run.firstIndex : sequence * batchSize;
  return { sequence, start: Math.max(begin, end - MAX_FRAME_SAMPLES), end, run };
}

/** The first frame from `sequence` on that is held; undefined until there is one that no later sample can change. */
export function frameFrom(runs: readonly Run[], sequence: number, batchSize: number): FrameSpan | undefined {
  const newest = runs.at(-1);
  for (let i = firstBeyond(runs, sequence * batchSize); i < runs.length; i++) {
    const run = runs[i];
    if (run === undefined) break;
    let number = Math.max(sequence, firstSequence(run, batchSize));
    if (number * batchSize >= run.end) continue;
    let span = spanIn(run, number, batchSize);
    if (span.start < run.start) {
      number = Math.max(number + 1, Math.ceil(run.start / batchSize));
      if (number * batchSize >= run.end) continue;
      span = spanIn(run, number, batchSize);
    }
    const mayGrow = run === newest && !run.isClosed;
    return mayGrow && span.end < (number + 1) * batchSize ? undefined : span;
  }
  return undefined;
}

/** Index after the last sample of a frame, as far as the runs still tell. */
export function frameEnd(runs: readonly Run[], sequence: number, batchSize: number): number {
  const run = runs[firstBeyond(runs, sequence * batchSize)];
  const holds = run !== undefined && firstSequence(run, batchSize) <= sequence;
  const mayGrow = run === runs.at(-1) && run?.isClosed !== true;
  return holds && !mayGrow ? spanIn(run, sequence, batchSize).end : (sequence + 1) * batchSize;
}

/** Position of the first run that ends beyond a sample, by bisection: there may be many runs, and this is for every frame. */
function firstBeyond(runs: readonly Run[], sampleIndex: number): number {
  let [low, high] = [0, runs.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((runs[middle]?.end ?? 0) > sampleIndex) high = middle;
    else low = middle + 1;
  }
  return low;
}
