import { appendVarintField } from '../protobuf-bytes.ts';
import type { FrameOrigin } from './frame-origin.ts';
import type { FrameShelf } from './frame-shelf.ts';
import type { Run } from './ring.ts';

/** Field number of IQFrame.lost_samples. */
const LOST_SAMPLES_FIELD = 14;

/** Where a subscription begins. */
export type ReadFrom =
  | { readonly kind: 'live' }
  | { readonly kind: 'earliest' }
  /** With the frame after this sequence number. */
  | { readonly kind: 'after'; readonly sequence: bigint };

/** A frame that is ready to be sent. */
export interface ReadyFrame {
  readonly message: Buffer;
  /** Bytes of sample data in it. */
  readonly dataBytes: number;
  /** Time of its last sample, nanoseconds since 1970-01-01T00:00:00Z. */
  readonly endsNs: bigint;
  /** Frames before it that were overwritten before this reader took them. */
  readonly framesMissed: number;
}

/** The first whole frame from `sequence` on that lies in one of the runs. */
function firstFrame(
  runs: readonly Run[],
  sequence: number,
  batchSize: number,
): { readonly sequence: number; readonly run: Run } | undefined {
  for (const run of runs) {
    const candidate = Math.max(sequence, Math.ceil(run.start / batchSize));
    if ((candidate + 1) * batchSize <= run.end) return { sequence: candidate, run };
  }
  return undefined;
}

/** One reader's position in a station's ring. */
export class FrameReader {
  readonly #origin: FrameOrigin;
  readonly #shelf: FrameShelf;
  /** The frame that should come next. */
  #expected: number;

  /** To be made after the origin was joined, so that its index is the live one. */
  constructor(origin: FrameOrigin, shelf: FrameShelf, from: ReadFrom) {
    this.#origin = origin;
    this.#shelf = shelf;
    this.#expected = this.#begin(from);
  }

  /** The next frame that is complete, or undefined until there are more samples. */
  next(): ReadyFrame | undefined {
    const { batchSize, dataBytes } = this.#shelf;
    const { runs } = this.#origin.ring;
    const found = firstFrame(runs, this.#expected, batchSize);
    if (found === undefined) return undefined;
    const { sequence, run } = found;
    const lost = sequence - this.#expected;
    const oldestHeld = Math.ceil((runs[0]?.start ?? 0) / batchSize);
    const framesMissed = Math.max(0, Math.min(oldestHeld, sequence) - this.#expected);
    this.#expected = sequence + 1;
    const shared = this.#shelf.frame(sequence, run);
    // What this reader lost is its own business: only then it gets bytes of its own.
    const message = lost === 0 ? shared : appendVarintField(shared, LOST_SAMPLES_FIELD, lost * batchSize);
    return { message, dataBytes, endsNs: run.timestampNs((sequence + 1) * batchSize), framesMissed };
  }

  #begin(from: ReadFrom): number {
    const { batchSize } = this.#shelf;
    const live = Math.ceil(this.#origin.nextIndex() / batchSize);
    if (from.kind === 'earliest') return firstFrame(this.#origin.ring.runs, 0, batchSize)?.sequence ?? live;
    if (from.kind === 'live') return live;
    const wanted = from.sequence + 1n;
    // Beyond all samples made so far: the numbers are from before a restart.
    const beyond = wanted * BigInt(batchSize) > BigInt(this.#origin.nextIndex());
    return beyond ? live : Number(wanted);
  }
}
