import type { Run, SampleRing } from '../ring/ring.ts';
import { type FrameSizes, type FrameSpan, RunFrames } from './run-frames.ts';

/** A position between two frames. */
export interface FramePosition {
  /** Number of the frame that should come next. */
  readonly sequence: number;
  /** Index of the sample that should come next: what lies between it and the first that does come is lost. */
  readonly sampleIndex: number;
}

/**
 * How the runs of a ring fall into frames. Frame n of a batch size B holds the samples n*B to n*B + B - 1. Beside a gap (a
 * change of tuning, a stop) no good sample is given up for that:
 *
 * - the frame before a gap ends where the gap begins, and so is short;
 * - the frame behind a gap begins with the first sample behind it, and is short as well;
 * - where both would have the same number, the one behind has the next number, and is the longer for that; one after
 *   another they are ahead of the samples where several gaps lie in one frame, and frames behind them are longer, as long
 *   as a frame can be, until they are ahead no more.
 *
 * So a number is never given twice, numbers follow on each other where no sample is missing, and each is a function of where
 * runs began and ended: the same for every reader and at every replay.
 *
 * A ring without history does not know how far ahead numbers are: there the third rule holds for the first run behind, and
 * a run that begins and ends within one frame whose number is taken has no frame. Of a batch size beyond half the longest
 * frame, its first samples may be lost.
 */
export class FrameLayout {
  readonly #ring: SampleRing;
  readonly #sizes: FrameSizes;
  readonly #frames = new WeakMap<Run, RunFrames>();

  constructor(ring: SampleRing, sizes: FrameSizes) {
    this.#ring = ring;
    this.#sizes = sizes;
  }

  /** The first frame from `sequence` on that is held; undefined until there is one that no later sample can change. */
  from(sequence: number): FrameSpan | undefined {
    const { runs } = this.#ring;
    for (let i = this.#firstUpTo(sequence); i < runs.length; i++) {
      const run = runs[i];
      if (run === undefined) break;
      const frames = this.#framesOf(i, run);
      const number = Math.max(sequence, frames.first, frames.numberFrom(run.start));
      const [start, fullEnd] = [frames.startOf(number), frames.fullEndOf(number)];
      if (start >= run.end || this.#isSqueezed(frames)) continue;
      const mayGrow = i === runs.length - 1 && !run.isClosed;
      return mayGrow && run.end < fullEnd
        ? undefined
        : { sequence: number, start, end: Math.min(run.end, fullEnd), run };
    }
    return undefined;
  }

  /** Index after the last sample of a frame that was given out, as far as the runs still tell. */
  endOf(sequence: number): number {
    const { runs } = this.#ring;
    for (let i = this.#firstUpTo(sequence); i < runs.length; i++) {
      const run = runs[i];
      if (run === undefined) break;
      const frames = this.#framesOf(i, run);
      if (this.#isSqueezed(frames)) continue;
      if (frames.first > sequence) break;
      const mayGrow = i === runs.length - 1 && !run.isClosed;
      return mayGrow ? frames.fullEndOf(sequence) : Math.min(run.end, frames.fullEndOf(sequence));
    }
    return (sequence + 1) * this.#sizes.batchSize;
  }

  /** Before the frame that holds a sample, or the first held behind it; undefined beyond what is held. */
  at(sampleIndex: number): FramePosition | undefined {
    const frames = this.#framesWith(sampleIndex);
    if (frames === undefined) return undefined;
    const sequence = Math.max(frames.numberAt(sampleIndex), frames.numberFrom(frames.run.start));
    return { sequence, sampleIndex: frames.startOf(sequence) };
  }

  /** Number of the first frame that begins at a sample or later; undefined beyond what is held. */
  numberFrom(sampleIndex: number): number | undefined {
    return this.#framesWith(sampleIndex)?.numberFrom(sampleIndex);
  }

  /** Before the first frame that begins with the next sample or later, if no gap comes before it. */
  live(nextIndex: number): FramePosition {
    const { batchSize } = this.#sizes;
    const { runs, history } = this.#ring;
    const aligned = Math.ceil(nextIndex / batchSize);
    const natural = { sequence: aligned, sampleIndex: aligned * batchSize };
    if (history === undefined) return natural;
    const newest = runs.at(-1);
    if (newest !== undefined && !newest.isClosed) {
      const frames = this.#framesOf(runs.length - 1, newest);
      const sequence = frames.numberFrom(nextIndex);
      return { sequence, sampleIndex: frames.startOf(sequence) };
    }
    const next = this.#lastBefore(runs.length) + 1;
    return next > aligned ? { sequence: next, sampleIndex: nextIndex } : natural;
  }

  /** The frames of the first run that ends beyond a sample. */
  #framesWith(sampleIndex: number): RunFrames | undefined {
    const { runs } = this.#ring;
    const position = runs.findIndex((run, i) => run.end > sampleIndex && !this.#isSqueezed(this.#framesOf(i, run)));
    const run = runs[position];
    return run === undefined ? undefined : this.#framesOf(position, run);
  }

  /** Position of the first run that has frames of a number or greater ones, by bisection: there may be many, for every frame. */
  #firstUpTo(sequence: number): number {
    const { runs, history } = this.#ring;
    const newest = runs.length - 1;
    const last = runs[newest];
    // Whoever keeps up is there.
    if (last !== undefined && this.#framesOf(newest, last).first <= sequence && history !== undefined) return newest;
    let [low, high] = [0, runs.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const run = runs[middle];
      if (run !== undefined && this.#framesOf(middle, run).numberAt(run.end - 1) >= sequence) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #framesOf(position: number, run: Run): RunFrames {
    return this.#frames.get(run) ?? this.#follow(run, this.#lastBefore(position));
  }

  /** The frames of a run behind a number. */
  #follow(run: Run, last: number): RunFrames {
    const { batchSize, longest } = this.#sizes;
    const first = Math.max(Math.floor(run.firstIndex / batchSize), last + 1);
    const hasHistory = this.#ring.history !== undefined;
    // Where numbers must not get ahead, there is one frame for what comes before the next that is in its place.
    const begin = hasHistory ? run.firstIndex : Math.max(run.firstIndex, (first + 1) * batchSize - longest);
    const frames = new RunFrames(run, first, begin, this.#sizes);
    this.#frames.set(run, frames);
    return frames;
  }

  /** The last number that frames had before a run. */
  #lastBefore(position: number): number {
    const { runs, history } = this.#ring;
    const { batchSize } = this.#sizes;
    if (history === undefined) return Math.ceil((runs[position]?.previousEnd ?? 0) / batchSize) - 1;
    let known = position - 1;
    for (let run = runs[known]; run !== undefined && !this.#frames.has(run); run = runs[known]) known--;
    let last = known < 0 ? history.lastNumber(batchSize) : -1;
    for (let i = Math.max(0, known); i < position; i++) {
      const run = runs[i];
      if (run === undefined) break;
      const frames = this.#frames.get(run) ?? this.#follow(run, last);
      last = frames.numberAt(run.end - 1);
    }
    return last;
  }

  #isSqueezed({ run, first }: RunFrames): boolean {
    return this.#ring.history === undefined && first * this.#sizes.batchSize >= run.end;
  }
}
