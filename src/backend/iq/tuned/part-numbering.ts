import type { DecimationNeeds } from '../../dsp/decimation-plan.ts';
import type { Numbering } from '../frames/frame-layout.ts';
import { type FramePosition, type FrameSizes, RunFrames } from '../frames/run-frames.ts';
import type { StationHub } from '../hub.ts';
import type { PastRun, Run, RunBegin } from '../ring/ring.ts';

/** How the samples of a part of a band come of the station's. */
export interface Decimated extends Pick<DecimationNeeds, 'reach'> {
  readonly decimation: number;
}

/** Index of the first sample of a part of a band that the samples from one on make. */
export const firstOutput = (inputIndex: number, { decimation, reach }: Decimated): number =>
  Math.ceil((inputIndex + reach) / decimation);

/** Index after the last sample that the samples before one make. */
const endOfOutputs = (inputEnd: number, { decimation, reach }: Decimated): number =>
  Math.floor((inputEnd - 1 - reach) / decimation) + 1;

/** The run of a part of a band that a run of the station makes. */
export const partOf = ({ firstIndex, ordinal }: RunBegin, decimated: Decimated): RunBegin => ({
  firstIndex: firstOutput(firstIndex, decimated),
  ordinal,
});

/**
 * Numbers of the frames of a part of a band, of which only some of the past is computed at any time: they are ahead of the
 * samples by the runs that the station had before. So the frames on both sides of a break never have the same number, and
 * nothing has to be known but how many breaks there were. Between two runs of the station samples of the part are always
 * missing, those whose filters would reach from one into the other: a number that is skipped there hides nothing.
 */
export class PartNumbering implements Numbering {
  readonly #station: StationHub;
  readonly #decimated: Decimated;
  readonly #sizes: FrameSizes;

  constructor(station: StationHub, decimated: Decimated, batchSize: number) {
    this.#station = station;
    this.#decimated = decimated;
    this.#sizes = { batchSize, longest: batchSize };
  }

  framesOf(_position: number, run: Run): RunFrames {
    return this.#framesIn(run);
  }

  endOf(sequence: number): number {
    const { ring, history } = this.#station;
    const isUpTo = (run: PastRun): boolean => this.#firstNumberOf(run) <= sequence;
    const run = ring.runs.findLast(isUpTo) ?? history.recent.findLast(isUpTo);
    if (run === undefined) {
      const oldest = history.recent[0] ?? ring.runs[0];
      const most = (sequence + 1) * this.#sizes.batchSize;
      return oldest === undefined ? most : Math.min(most, partOf(oldest, this.#decimated).firstIndex);
    }
    const fullEnd = this.#framesIn(partOf(run, this.#decimated)).fullEndOf(sequence);
    const newest = ring.runs.at(-1);
    return run === newest && !newest.isClosed ? fullEnd : Math.min(this.#endOf(run), fullEnd);
  }

  live(nextIndex: number): FramePosition {
    const { batchSize } = this.#sizes;
    const aligned = Math.ceil(nextIndex / batchSize);
    const { ring, history } = this.#station;
    const breaks = (ring.runs.at(-1) ?? history.recent.at(-1))?.ordinal ?? 0;
    return { sequence: aligned + breaks, sampleIndex: aligned * batchSize };
  }

  /** Before the frame that holds a sample, or the first behind it that can be computed whole; undefined beyond the newest. */
  at(sampleIndex: number): FramePosition | undefined {
    for (const run of this.#station.ring.runs) {
      const end = this.#endOf(run);
      if (end <= sampleIndex) continue;
      const frames = this.#framesIn(partOf(run, this.#decimated));
      const oldest = frames.numberFrom(firstOutput(run.start, this.#decimated));
      const sequence = Math.max(frames.numberAt(sampleIndex), oldest);
      const start = frames.startOf(sequence);
      // The one whose samples are held in part may have been the last of its run.
      if (start < end) return { sequence, sampleIndex: start };
    }
    return undefined;
  }

  #framesIn({ firstIndex, ordinal }: RunBegin): RunFrames {
    const first = Math.floor(firstIndex / this.#sizes.batchSize) + ordinal;
    return new RunFrames({ first, begin: firstIndex, ahead: ordinal }, this.#sizes);
  }

  /** The first number of a run of the station; none where it is too short for a single sample of the part. */
  #firstNumberOf(run: PastRun): number {
    const part = partOf(run, this.#decimated);
    return this.#endOf(run) > part.firstIndex ? this.#framesIn(part).first : Number.POSITIVE_INFINITY;
  }

  #endOf({ end }: PastRun): number {
    return endOfOutputs(end, this.#decimated);
  }
}
