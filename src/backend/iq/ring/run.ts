import { samplesNs } from '../../../sigmf/samples-ns.ts';
import { BATCH_SIZE } from '../../stations/ranges.ts';
import type { SampleBlock, Tuning } from '../sources/source.ts';

/**
 * How far the time of a block may be off what the blocks before lead to expect, nanoseconds: more is a jump, and another
 * run where this one is long enough. The clocks that producers read are some milliseconds off from batch to batch.
 */
const MAX_TIME_STEP_NS = 100_000_000n;

/**
 * Samples of a run that a jump of time alone may end: those of the longest frame, so that every frame has its place and no
 * clock, however bad, costs a reader samples. In a shorter one the jump only changes the times from there on.
 */
const MIN_TIMED_RUN_SAMPLES = BATCH_SIZE.max;

/** How far the times of a run may be off a straight line before the line is drawn anew, nanoseconds. */
const MAX_TIME_DRIFT_NS = 1_000_000n;

/** Straight pieces of time that one run remembers; of older samples the time is a little less exact. */
const MAX_ANCHORS = 1024;

/** Where a run began and ended: what is left of one whose samples are gone. */
export interface PastRun {
  /** Index of the first sample that was made, held or not. */
  readonly firstIndex: number;
  /** Index after the last sample. */
  readonly end: number;
  /** Runs of the station that were before it. */
  readonly ordinal: number;
}

/** Consecutive samples without a gap, all of one tuning, whose times follow from one another but for jumps early in it. */
export interface Run extends Tuning, PastRun {
  /** Index of the first sample that is still held. */
  readonly start: number;
  /** Whether it is over: what comes next begins another run, though no sample may be missing. */
  readonly isClosed: boolean;
  /** Time of a sample of this run, nanoseconds since 1970-01-01T00:00:00Z. */
  timestampNs(sampleIndex: number): bigint;
}

interface Anchor {
  readonly index: number;
  readonly timestampNs: bigint;
}

/** Where a run begins. */
export type RunBegin = Pick<PastRun, 'firstIndex' | 'ordinal'>;

/** A run that blocks are added to. */
export class GrowingRun implements Run {
  readonly sampleRateHz: number;
  readonly centerFrequencyHz: number;
  readonly firstIndex: number;
  readonly ordinal: number;
  start: number;
  isClosed = false;
  #end: number;
  /** Where the times begin and where they were found to run otherwise: an oscillator is never exactly at its rate. */
  readonly #anchors: Anchor[];

  constructor(block: SampleBlock, { firstIndex, ordinal }: RunBegin) {
    this.sampleRateHz = block.sampleRateHz;
    this.centerFrequencyHz = block.centerFrequencyHz;
    this.firstIndex = firstIndex;
    this.ordinal = ordinal;
    this.start = block.sampleIndex;
    this.#end = block.sampleIndex;
    this.#anchors = [{ index: block.sampleIndex, timestampNs: block.timestampNs }];
  }

  get end(): number {
    return this.#end;
  }

  timestampNs(sampleIndex: number): bigint {
    const anchor = this.#anchors.findLast(({ index }) => index <= sampleIndex) ?? this.#anchors[0];
    return anchor === undefined ? 0n : this.#on(anchor, sampleIndex);
  }

  /** Index of the first sample at or after a time, at most the end. */
  indexAt(timestampNs: bigint): number {
    const piece = Math.max(
      0,
      this.#anchors.findLastIndex((anchor) => anchor.timestampNs <= timestampNs),
    );
    const { index = this.start, timestampNs: fromNs = timestampNs } = this.#anchors[piece] ?? {};
    const pieceEnd = this.#anchors[piece + 1]?.index ?? this.end;
    const near = index + Math.floor((Number(timestampNs - fromNs) / 1e9) * this.sampleRateHz);
    // Rounding puts the estimate a sample or two off; the times of samples themselves decide.
    let found = Math.max(this.start, Math.min(near, pieceEnd) - 2);
    while (found < this.end && this.timestampNs(found) < timestampNs) found++;
    return found;
  }

  /** Whether a block goes on where this run ends. */
  continuesWith(block: SampleBlock): boolean {
    return (
      !this.isClosed &&
      block.sampleIndex === this.end &&
      block.sampleRateHz === this.sampleRateHz &&
      block.centerFrequencyHz === this.centerFrequencyHz &&
      !this.#endsByTime(block)
    );
  }

  /** Adds a block that continues this run, or begins it. */
  grow(block: SampleBlock, samples: number): void {
    this.#end = block.sampleIndex + samples;
    if (!this.#isOff(block, MAX_TIME_DRIFT_NS)) return;
    this.#anchors.push({ index: block.sampleIndex, timestampNs: block.timestampNs });
    if (this.#anchors.length > MAX_ANCHORS) this.#anchors.shift();
  }

  #endsByTime(block: SampleBlock): boolean {
    return this.end - this.firstIndex >= MIN_TIMED_RUN_SAMPLES && this.#isOff(block, MAX_TIME_STEP_NS);
  }

  #isOff({ sampleIndex, timestampNs }: SampleBlock, limitNs: bigint): boolean {
    const offNs = timestampNs - this.timestampNs(sampleIndex);
    return offNs > limitNs || -offNs > limitNs;
  }

  #on(anchor: Anchor, sampleIndex: number): bigint {
    return anchor.timestampNs + samplesNs(sampleIndex - anchor.index, this.sampleRateHz);
  }
}
