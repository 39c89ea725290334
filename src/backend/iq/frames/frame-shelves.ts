import type { Datatype } from '../formats.ts';
import type { FrameOrigin } from './frame-origin.ts';
import { FrameShelf } from './frame-shelf.ts';

/** Bytes of encoded frames that one shelf keeps: some frames for readers that are a little behind each other. */
const MAX_SHELF_BYTES = 4 * 1024 * 1024;

/** Bytes that all shelves of an origin keep together, whatever many readers ask for. */
const MAX_SHELVES_BYTES = 64 * 1024 * 1024;

/** The shelves of one origin, each shared by all who read that format until the last has given it back. */
export class FrameShelves {
  readonly #origin: FrameOrigin;
  readonly #shelves = new Map<string, { readonly shelf: FrameShelf; readers: number }>();

  constructor(origin: FrameOrigin) {
    this.#origin = origin;
  }

  /** The shelf of frames of a format. */
  borrow(datatype: Datatype, batchSize: number): FrameShelf {
    const key = `${datatype} ${batchSize}`;
    let entry = this.#shelves.get(key);
    if (entry === undefined) {
      const maxHeldBytes = (): number => this.#share(key);
      entry = { shelf: new FrameShelf(this.#origin, datatype, batchSize, maxHeldBytes), readers: 0 };
      this.#shelves.set(key, entry);
    }
    entry.readers++;
    return entry.shelf;
  }

  giveBack(shelf: FrameShelf): void {
    const key = `${shelf.datatype} ${shelf.batchSize}`;
    const entry = this.#shelves.get(key);
    if (entry !== undefined && --entry.readers === 0) this.#shelves.delete(key);
  }

  /** Bytes that a shelf may keep: none for a single reader, who takes each frame once. */
  #share(key: string): number {
    if ((this.#shelves.get(key)?.readers ?? 0) < 2) return 0;
    return Math.min(MAX_SHELF_BYTES, MAX_SHELVES_BYTES / this.#shelves.size);
  }
}
