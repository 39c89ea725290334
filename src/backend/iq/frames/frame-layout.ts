import type { Run, SampleRing } from '../ring/ring.ts';
import type { FramePosition, FrameSpan, RunFrames } from './run-frames.ts';

/**
 * How the frames of one batch size are numbered. A number is never given twice, and each is a function of where runs began and
 * ended: the same for every reader and at every replay.
 */
export interface Numbering {
  /** The frames of a run that is held, by its position there. */
  framesOf(position: number, run: Run): RunFrames;
  /** Index after the last sample of a frame that is not held any more; at most that, where it is not known. */
  endOf(sequence: number): number;
  /** Before the first frame that begins with the next sample or later, if no gap comes before it. */
  live(nextIndex: number): FramePosition;
}

/**
 * How the runs of a ring fall into frames. Frame n of a batch size B holds the samples n*B to n*B + B - 1. Beside a gap (a
 * change of tuning, a stop) no good sample is given up for that:
 *
 * - the frame before a gap ends where the gap begins, and so is short;
 * - the frame behind a gap begins with the first sample behind it;
 * - which number that one has, and where it ends, is the numbering's to say.
 */
export class FrameLayout {
  readonly #ring: SampleRing;
  readonly #numbering: Numbering;

  constructor(ring: SampleRing, numbering: Numbering) {
    this.#ring = ring;
    this.#numbering = numbering;
  }

  /** The first frame from `sequence` on that is held; undefined until there is one that no later sample can change. */
  from(sequence: number): FrameSpan | undefined {
    const { runs } = this.#ring;
    for (let i = this.#firstUpTo(sequence); i < runs.length; i++) {
      const run = runs[i];
      if (run === undefined) break;
      const frames = this.#numbering.framesOf(i, run);
      const number = Math.max(sequence, frames.first, frames.numberFrom(run.start));
      const [start, fullEnd] = [frames.startOf(number), frames.fullEndOf(number)];
      if (start >= run.end) continue;
      return this.#mayGrow(i, run) && run.end < fullEnd
        ? undefined
        : { sequence: number, start, end: Math.min(run.end, fullEnd), run };
    }
    return undefined;
  }

  /** Index after the last sample of a frame that was given out; at most that, where it is not known any more. */
  endOf(sequence: number): number {
    const position = this.#firstUpTo(sequence);
    const run = this.#ring.runs[position];
    const frames = run && this.#numbering.framesOf(position, run);
    if (run === undefined || frames === undefined || frames.first > sequence) {
      return this.#numbering.endOf(sequence);
    }
    const fullEnd = frames.fullEndOf(sequence);
    return this.#mayGrow(position, run) ? fullEnd : Math.min(run.end, fullEnd);
  }

  /** Before the frame that holds a sample, or the first held behind it; undefined beyond what is held. */
  at(sampleIndex: number): FramePosition | undefined {
    const { runs } = this.#ring;
    const position = runs.findIndex(({ end }) => end > sampleIndex);
    const run = runs[position];
    if (run === undefined) return undefined;
    const frames = this.#numbering.framesOf(position, run);
    const sequence = Math.max(frames.numberAt(sampleIndex), frames.numberFrom(run.start));
    return { sequence, sampleIndex: frames.startOf(sequence) };
  }

  /** Number of the first frame that begins with a held sample; undefined where nothing is held. */
  get oldest(): number | undefined {
    const [run] = this.#ring.runs;
    return run && this.#numbering.framesOf(0, run).numberFrom(run.start);
  }

  /** Before the first frame that begins with the next sample or later, if no gap comes before it. */
  live(nextIndex: number): FramePosition {
    return this.#numbering.live(nextIndex);
  }

  #mayGrow(position: number, { isClosed }: Run): boolean {
    return position === this.#ring.runs.length - 1 && !isClosed;
  }

  /** Position of the first run that has frames of a number or greater ones, by bisection: there may be many, for every frame. */
  #firstUpTo(sequence: number): number {
    const { runs } = this.#ring;
    const newest = runs.length - 1;
    const last = runs[newest];
    // Whoever keeps up is there.
    if (last !== undefined && this.#numbering.framesOf(newest, last).first <= sequence) return newest;
    let [low, high] = [0, runs.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const run = runs[middle];
      if (run !== undefined && this.#numbering.framesOf(middle, run).numberAt(run.end - 1) >= sequence) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
