/**
 * Chunks that are joined early. A chunk costs some hundred bytes beside its own, and a sender may make each of its own a single
 * one; a joined part of so many costs no more than they.
 */
const JOINED_CHUNKS = 256;

/** Bytes that come in chunks, until they are wanted whole. Each is copied twice at most. */
export class GatheredBytes {
  #parts: Buffer[] = [];
  #chunks: Buffer[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(chunk: Buffer): void {
    this.#length += chunk.length;
    if (this.#chunks.push(chunk) < JOINED_CHUNKS) return;
    this.#parts.push(Buffer.concat(this.#chunks));
    this.#chunks = [];
  }

  /** All of them, and begins anew with none. */
  take(): Buffer {
    const [first = Buffer.alloc(0), ...others] = [...this.#parts, ...this.#chunks];
    this.#parts = [];
    this.#chunks = [];
    this.#length = 0;
    return others.length === 0 ? first : Buffer.concat([first, ...others]);
  }
}
