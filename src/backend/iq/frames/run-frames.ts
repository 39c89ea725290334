import type { Run } from '../ring/ring.ts';

/** Samples that make a frame, in some run. */
export interface FrameSpan {
  readonly sequence: number;
  /** Index of the first sample. */
  readonly start: number;
  /** Index after the last sample. */
  readonly end: number;
  readonly run: Run;
}

/** What frames of one origin are like. */
export interface FrameSizes {
  readonly batchSize: number;
  /** Samples of the longest frame, the batch size at least. */
  readonly longest: number;
}

/**
 * The frames of one run. Frame n would hold the samples n * B to n * B + B - 1; where the numbers are ahead of the samples,
 * because runs before were shorter than a batch, the frames are as long as they can be until they are not any more.
 */
export class RunFrames {
  readonly run: Run;
  /** Number of the first frame. */
  readonly first: number;
  readonly #begin: number;
  readonly #sizes: FrameSizes;
  /** Frames of the greatest length before the one that ends where a frame of its number should. */
  readonly #longOnes: number;

  /** @param begin index of the first sample that has a frame. */
  constructor(run: Run, first: number, begin: number, sizes: FrameSizes) {
    const { batchSize, longest } = sizes;
    this.run = run;
    this.first = first;
    this.#begin = begin;
    this.#sizes = sizes;
    const tooLong = (first + 1) * batchSize - begin - longest;
    // With every long frame the numbers are ahead by the less; never, where no frame is longer than a batch.
    this.#longOnes = tooLong <= 0 ? 0 : Math.ceil(tooLong / (longest - batchSize));
  }

  /** Number of the frame that holds a sample of the run, or would if the run were longer. */
  numberAt(sampleIndex: number): number {
    const { batchSize, longest } = this.#sizes;
    const long = Math.floor(Math.max(0, sampleIndex - this.#begin) / longest);
    if (long < this.#longOnes) return this.first + long;
    return Math.max(this.first + this.#longOnes, Math.floor(sampleIndex / batchSize));
  }

  /** Number of the first frame that begins at a sample or later. */
  numberFrom(sampleIndex: number): number {
    const number = this.numberAt(sampleIndex);
    return this.startOf(number) < sampleIndex ? number + 1 : number;
  }

  /** Index of the first sample of a frame. */
  startOf(sequence: number): number {
    const { batchSize, longest } = this.#sizes;
    const before = sequence - this.first;
    return before <= this.#longOnes ? this.#begin + Math.max(0, before) * longest : sequence * batchSize;
  }

  /** Index after the last sample of a frame, were the run long enough. */
  fullEndOf(sequence: number): number {
    return this.startOf(sequence + 1);
  }
}
