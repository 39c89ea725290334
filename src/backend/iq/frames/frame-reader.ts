import { appendVarintField } from '../../protobuf-bytes.ts';
import type { FrameOrigin, ReadProgress } from './frame-origin.ts';
import type { EncodedFrame, FrameShelf } from './frame-shelf.ts';
import { beginAt, type ReadFrom } from './read-from.ts';

/** Field number of IQFrame.lost_samples. */
const LOST_SAMPLES_FIELD = 14;

/** A frame that is ready to be sent. */
export interface ReadyFrame {
  readonly message: Buffer;
  /** What the shelf gave; the message is made of it. */
  readonly encoded: EncodedFrame;
  /** Bytes of sample data in it. */
  readonly dataBytes: number;
  /** When its last sample had come, milliseconds of the steady clock. */
  readonly arrivedMs: number;
  /** Numbers (I or Q) in it that did not fit its datatype. */
  readonly saturatedValues: number;
  /** Frames before it that were overwritten before this reader took them, and the samples that should have been in them. */
  readonly framesMissed: number;
  readonly samplesMissed: number;
}

/** One reader's position in a ring. */
export class FrameReader implements ReadProgress {
  readonly #origin: FrameOrigin;
  readonly #shelf: FrameShelf;
  /** The frame that should come next. */
  #sequence: number;
  /** The sample that should come next. */
  #sampleIndex: number;
  /** How far the ring had come when there was no frame. */
  #emptyAt = -1;
  /** Beyond this sample nothing is read. */
  #endIndex = Number.POSITIVE_INFINITY;

  /** To be made after the origin was joined, so that its index is the live one. */
  constructor(origin: FrameOrigin, shelf: FrameShelf, from: ReadFrom) {
    this.#origin = origin;
    this.#shelf = shelf;
    const { sequence, sampleIndex } = beginAt(origin, from, shelf.layout);
    this.#sequence = sequence;
    this.#sampleIndex = sampleIndex;
  }

  get position(): number {
    return this.#sampleIndex;
  }

  get isWaiting(): boolean {
    return this.#emptyAt === this.#origin.ring.head;
  }

  /** Reads what has come so far and nothing beyond. */
  finish(): void {
    this.#endIndex = this.#origin.ring.head;
  }

  /** A frame has left: nothing reads its message any more. */
  left({ encoded }: ReadyFrame): void {
    this.#shelf.takeBack(encoded);
  }

  /** The next frame that is complete, or undefined until there are more samples. */
  next(): ReadyFrame | undefined {
    const frame = this.#next();
    if (frame === undefined) this.#emptyAt = this.#origin.ring.head;
    this.#origin.readOn?.();
    return frame;
  }

  #next(): ReadyFrame | undefined {
    const { layout } = this.#shelf;
    const { ring } = this.#origin;
    const { runs } = ring;
    const span = layout.from(this.#sequence);
    if (span === undefined || span.start >= this.#endIndex) return undefined;
    const { sequence, start, end, run } = span;
    const lost = Math.max(0, start - this.#sampleIndex);
    const oldest = runs[0] ?? run;
    const overrun = this.#sampleIndex < oldest.start;
    // What lies behind the run that was overwritten in part is a gap, and no fault of the reader's.
    const samplesMissed = overrun ? Math.min(start, run === oldest ? start : oldest.end) - this.#sampleIndex : 0;
    const framesMissed = overrun ? Math.max(0, Math.min(layout.oldest ?? sequence, sequence) - this.#sequence) : 0;
    this.#sequence = sequence + 1;
    this.#sampleIndex = end;
    const encoded = this.#shelf.frame(span);
    const { message: shared, dataBytes, saturatedValues } = encoded;
    // What this reader lost is its own business: only then it gets bytes of its own.
    const message = lost === 0 ? shared : appendVarintField(shared, LOST_SAMPLES_FIELD, lost);
    return {
      message,
      encoded,
      dataBytes,
      arrivedMs: ring.arrivedMs(end),
      saturatedValues,
      framesMissed,
      samplesMissed,
    };
  }
}
