/** Bytes of free buffers that are kept: what a reader has in flight at most comes back, and no more is worth keeping. */
const MAX_FREE_BYTES = 1024 * 1024;

/**
 * Buffers are made in steps of this many bytes: the heads of messages differ by some, and shall not keep a buffer from
 * being used again.
 */
const STEP_BYTES = 1024;

/** Not cleared, as it would be otherwise. */
const newMemory = (byteLength: number): ArrayBuffer => Buffer.allocUnsafeSlow(byteLength).buffer;

/**
 * Buffers of messages full of samples that are used again. Each is memory outside the heap, and hundreds a second of
 * them bring on collections of the whole heap.
 */
export class MessageBuffers {
  readonly #free: ArrayBuffer[] = [];
  #freeBytes = 0;
  /** What may come back, each once. Whatever never does is the collector's. */
  readonly #lent = new WeakSet<ArrayBuffer>();

  /** A buffer of this length that begins at a multiple of 8; what is in it is arbitrary, and nobody else has it. */
  lend(byteLength: number): Buffer<ArrayBuffer> {
    const memory = this.#takeFree(byteLength) ?? newMemory(Math.ceil(byteLength / STEP_BYTES) * STEP_BYTES);
    this.#lent.add(memory);
    return Buffer.from(memory, 0, byteLength);
  }

  /** Takes back what was lent, or a part of it, to be overwritten; anything else is left alone. */
  takeBack({ buffer }: Buffer): void {
    if (!(buffer instanceof ArrayBuffer) || !this.#lent.delete(buffer)) return;
    if (this.#free.length > 0 && this.#freeBytes + buffer.byteLength > MAX_FREE_BYTES) return;
    this.#free.push(buffer);
    this.#freeBytes += buffer.byteLength;
  }

  #takeFree(byteLength: number): ArrayBuffer | undefined {
    // One that is too small is dropped: messages have become longer.
    for (let memory = this.#free.pop(); memory !== undefined; memory = this.#free.pop()) {
      this.#freeBytes -= memory.byteLength;
      if (memory.byteLength >= byteLength) return memory;
    }
    return undefined;
  }
}
