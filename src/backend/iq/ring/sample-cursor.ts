import type { Datatype } from '../formats.ts';
import type { FrameOrigin, ReadProgress } from '../frames/frame-origin.ts';
import { readConverted } from './read-converted.ts';
import type { Run } from './ring.ts';

/** Consecutive samples that are there to be read. */
export interface SamplePiece {
  readonly run: Run;
  /** Index of the first. */
  readonly start: number;
  readonly count: number;
  /** Samples missing between the piece before and this one; 0 before the first. */
  readonly lost: number;
  /** How many of those were made, and overwritten before they were read. */
  readonly overrun: number;
}

/** What a cursor reads. */
export type CursorOrigin = Pick<FrameOrigin, 'ring' | 'datatype' | 'readOn'>;

/**
 * A reader's position in the ring of a station, or of a part of its band, sample by sample: for those who need every
 * sample once and in order, and have to know exactly which they did not get.
 */
export class SampleCursor implements ReadProgress {
  readonly #origin: CursorOrigin;
  readonly #datatype: Datatype;
  #position: number;
  #isFirst = true;
  /** How far the ring had come when there was nothing to read. */
  #emptyAt = -1;

  /** To be made after the origin was joined. Begins with the first sample at or after `position` that there is. */
  constructor(origin: CursorOrigin, datatype: Datatype, position: number) {
    this.#origin = origin;
    this.#datatype = datatype;
    this.#position = position;
  }

  get position(): number {
    return this.#position;
  }

  get isWaiting(): boolean {
    return this.#emptyAt === this.#origin.ring.head;
  }

  /** Up to `max` samples that lie in one run, or undefined until there are more. Take them by `read`, then `skip` them. */
  peek(max: number): SamplePiece | undefined {
    const { ring } = this.#origin;
    const run = ring.runBeyond(this.#position);
    if (run === undefined) {
      this.#emptyAt = this.#origin.ring.head;
      this.#origin.readOn?.();
      return undefined;
    }
    const start = Math.max(run.start, this.#position);
    const lost = this.#isFirst ? 0 : start - this.#position;
    const oldestHeld = ring.runs[0]?.start ?? 0;
    const overrun = Math.min(lost, Math.max(0, oldestHeld - this.#position));
    return { run, start, count: Math.min(max, run.end - start), lost, overrun };
  }

  /**
   * Writes a piece to `target`, whose address is a multiple of 8, in the reader's datatype.
   *
   * @returns how many numbers (I or Q) did not fit the datatype and were set to its largest or smallest value.
   */
  read(piece: SamplePiece, target: Uint8Array): number {
    return readConverted(this.#origin, piece, this.#datatype, target);
  }

  /** Goes on behind a piece. */
  skip({ start, count }: SamplePiece): void {
    this.#isFirst = false;
    this.#position = start + count;
    this.#origin.readOn?.();
  }
}
