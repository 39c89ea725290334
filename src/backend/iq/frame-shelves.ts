import type { Datatype } from './formats.ts';
import type { FrameOrigin } from './frame-origin.ts';
import { FrameShelf } from './frame-shelf.ts';

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
      entry = { shelf: new FrameShelf(this.#origin, datatype, batchSize), readers: 0 };
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
}
