import type { Run, SampleRing } from '../ring/ring.ts';
import type { RunHistory } from '../ring/run-history.ts';
import type { Numbering } from './frame-layout.ts';
import { type FramePosition, type FrameSizes, RunFrames } from './run-frames.ts';

/**
 * Numbers of the frames of a station's own samples: they follow on each other wherever no sample is missing. Where the frames
 * before and behind a gap would have the same number, the one behind has the next, and is the longer for that; one after
 * another they are ahead of the samples where several gaps lie in one frame, and frames behind them are longer, as long as a
 * frame can be, until they are ahead no more.
 */
export class StationNumbering implements Numbering {
  readonly #ring: SampleRing;
  readonly #history: RunHistory;
  readonly #sizes: FrameSizes;
  readonly #frames = new WeakMap<Run, RunFrames>();

  /** @param history of the runs that the ring has forgotten. */
  constructor(ring: SampleRing, history: RunHistory, batchSize: number) {
    this.#ring = ring;
    this.#history = history;
    this.#sizes = { batchSize, longest: Math.max(batchSize, history.longestFrame) };
  }

  framesOf(position: number, run: Run): RunFrames {
    return this.#frames.get(run) ?? this.#follow(run, this.#lastBefore(position));
  }

  endOf(sequence: number): number {
    const { batchSize } = this.#sizes;
    const inPlace = (sequence + 1) * batchSize;
    let last = this.#history.earlierLastNumber(batchSize);
    if (sequence <= last) return Math.min(inPlace, this.#history.earlierEnd);
    for (const run of this.#history.recent) {
      const frames = this.#framesBehind(run.firstIndex, last);
      // A number that no frame has: those are not ahead.
      if (sequence < frames.first) break;
      last = frames.numberAt(run.end - 1);
      if (sequence <= last) return Math.min(run.end, frames.fullEndOf(sequence));
    }
    return inPlace;
  }

  live(nextIndex: number): FramePosition {
    const { batchSize } = this.#sizes;
    const { runs } = this.#ring;
    const newest = runs.at(-1);
    if (newest !== undefined && !newest.isClosed) {
      const frames = this.framesOf(runs.length - 1, newest);
      const sequence = frames.numberFrom(nextIndex);
      return { sequence, sampleIndex: frames.startOf(sequence) };
    }
    const aligned = Math.ceil(nextIndex / batchSize);
    const next = this.#lastBefore(runs.length) + 1;
    return next > aligned
      ? { sequence: next, sampleIndex: nextIndex }
      : { sequence: aligned, sampleIndex: aligned * batchSize };
  }

  /** The last number that frames had before a run. */
  #lastBefore(position: number): number {
    const { runs } = this.#ring;
    let known = position - 1;
    for (let run = runs[known]; run !== undefined && !this.#frames.has(run); run = runs[known]) known--;
    let last = known < 0 ? this.#history.lastNumber(this.#sizes.batchSize) : -1;
    for (let i = Math.max(0, known); i < position; i++) {
      const run = runs[i];
      if (run === undefined) break;
      const frames = this.#frames.get(run) ?? this.#follow(run, last);
      last = frames.numberAt(run.end - 1);
    }
    return last;
  }

  /** The frames of a run behind a number. */
  #follow(run: Run, last: number): RunFrames {
    const frames = this.#framesBehind(run.firstIndex, last);
    this.#frames.set(run, frames);
    return frames;
  }

  #framesBehind(firstIndex: number, last: number): RunFrames {
    const first = Math.max(Math.floor(firstIndex / this.#sizes.batchSize), last + 1);
    return new RunFrames({ first, begin: firstIndex }, this.#sizes);
  }
}
