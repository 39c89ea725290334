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

/** A position between two frames. */
export interface FramePosition {
  /** Number of the frame that should come next. */
  readonly sequence: number;
  /** Index of the sample that should come next: what lies between it and the first that does come is lost. */
  readonly sampleIndex: number;
}

/** What frames of one origin are like. */
export interface FrameSizes {
  readonly batchSize: number;
  /** Samples of the longest frame, the batch size at least. */
  readonly longest: number;
}

/** Where the frames of a run begin. */
export interface FramesBegin {
  /** Number of the first frame. */
  readonly first: number;
  /** Index of the first sample that has a frame. */
  readonly begin: number;
  /** By how much numbers are ahead of the samples for good. */
  readonly ahead?: number;
}

/**
 * The frames of one run. Frame n would hold the samples n * B to n * B + B - 1 (n less what numbers are ahead for good);
 * where the numbers are further ahead, because runs before were shorter than a batch, the frames are as long as they can be
 * until they are not any more.
 */
export class RunFrames {
  /** Number of the first frame. */
  readonly first: number;
  readonly #begin: number;
  readonly #ahead: number;
  readonly #sizes: FrameSizes;
  /** Frames of the greatest length before the one that ends where a frame of its number should. */
  readonly #longOnes: number;

  constructor({ first, begin, ahead = 0 }: FramesBegin, sizes: FrameSizes) {
    const { batchSize, longest } = sizes;
    this.first = first;
    this.#begin = begin;
    this.#ahead = ahead;
    this.#sizes = sizes;
    const tooLong = (first - ahead + 1) * batchSize - begin - longest;
    // With every long frame the numbers are ahead by the less; never, where no frame is longer than a batch.
    this.#longOnes = tooLong <= 0 ? 0 : Math.ceil(tooLong / (longest - batchSize));
  }

  /** Number of the frame that holds a sample of the run, or would if the run were longer. */
  numberAt(sampleIndex: number): number {
    const { batchSize, longest } = this.#sizes;
    const long = Math.floor(Math.max(0, sampleIndex - this.#begin) / longest);
    if (long < this.#longOnes) return this.first + long;
    return Math.max(this.first + this.#longOnes, Math.floor(sampleIndex / batchSize) + this.#ahead);
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
    if (before <= this.#longOnes) return this.#begin + Math.max(0, before) * longest;
    return (sequence - this.#ahead) * batchSize;
  }

  /** Index after the last sample of a frame, were the run long enough. */
  fullEndOf(sequence: number): number {
    return this.startOf(sequence + 1);
  }
}
