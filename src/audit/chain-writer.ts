import type { ChainEnd, JournalFiles } from './journal-files.ts';
import { type Body, seal } from './line.ts';
import type { Tenure } from './tenure.ts';

/** Bytes of lines that are written at once. */
const MAX_BATCH_BYTES = 1024 * 1024;

/** When files are full, and how many stay. */
export interface Rotation {
  /** Size that a file does not grow beyond, but for a single line that is longer. */
  readonly maxBytes: number;
  /** Files that are kept; 0 for all. */
  readonly keep: number;
}

/**
 * Gives lines their places in the chain and writes them. Every step that fails may be tried again and goes on where it
 * was: a line that has its place is written whole before any other.
 */
export class ChainWriter {
  readonly #files: JournalFiles;
  readonly #tenure: Tenure;
  readonly #rotation: Rotation;
  #chain: ChainEnd;
  /** What has its place and is not in the file yet, in whole or in part. */
  #unwritten: Buffer;
  #lines = 0;
  #dirty = false;

  /** @param mend what must be written before the first line. */
  constructor(files: JournalFiles, tenure: Tenure, chain: ChainEnd, rotation: Rotation, mend: string) {
    this.#files = files;
    this.#tenure = tenure;
    this.#chain = chain;
    this.#rotation = rotation;
    this.#unwritten = Buffer.from(mend);
  }

  get path(): string {
    return this.#files.path;
  }

  get chain(): ChainEnd {
    return this.#chain;
  }

  /** Bytes that have their place and are not in the file yet. */
  get unwrittenBytes(): number {
    return this.#unwritten.length;
  }

  /** Lines that they are, one that is written in part included. */
  get unwrittenLines(): number {
    return this.#lines;
  }

  /** Whether something may not be on the disk yet. */
  get dirty(): boolean {
    return this.#dirty;
  }

  /** Writes all that has its place; gives the number of lines. */
  async flush(): Promise<number> {
    if (this.#unwritten.length > 0) await this.#tenure.requireOurs();
    while (this.#unwritten.length > 0) {
      this.#dirty = true;
      const written = await this.#files.append(this.#unwritten);
      // A write of nothing is how a full file of some kinds shows; asking again at once would ask for ever.
      if (written === 0) throw new Error('nothing could be written');
      this.#unwritten = this.#unwritten.subarray(written);
    }
    const lines = this.#lines;
    this.#lines = 0;
    return lines;
  }

  /**
   * Takes lines from the front of a queue, as many as are written at once, and gives them their places; goes on in a new
   * file first when this one is full. All that was taken before must be flushed.
   *
   * @returns the bodies that were taken.
   */
  async take(queue: Body[]): Promise<readonly Body[]> {
    const [first] = queue;
    if (first === undefined) return [];
    const { maxBytes } = this.#rotation;
    let line = seal(first, this.#chain.seq + 1, this.#chain.hash);
    if (this.#files.size + Buffer.byteLength(line.line) > maxBytes) {
      await this.goOn();
      line = seal(first, this.#chain.seq + 1, this.#chain.hash);
    }
    const lines = [line.line];
    let bytes = Buffer.byteLength(line.line);
    for (;;) {
      this.#chain = { hash: line.hash, seq: this.#chain.seq + 1 };
      const next = queue[lines.length];
      if (next === undefined || bytes > MAX_BATCH_BYTES) break;
      line = seal(next, this.#chain.seq + 1, this.#chain.hash);
      bytes += Buffer.byteLength(line.line);
      if (this.#files.size + bytes > maxBytes) break;
      lines.push(line.line);
    }
    this.#lines = lines.length;
    this.#unwritten = Buffer.from(lines.join(''));
    return queue.splice(0, lines.length);
  }

  /** Goes on in a new file. All that was taken before must be flushed. */
  async goOn(): Promise<void> {
    await this.#tenure.requireOurs();
    this.#chain = await this.#files.rotate(this.#chain, this.#rotation.keep);
  }

  /** Whether the file that is written to is still where it shall be. */
  inPlace(): Promise<boolean> {
    return this.#files.inPlace();
  }

  async sync(): Promise<void> {
    await this.#files.sync();
    this.#dirty = false;
  }

  close(): Promise<void> {
    return this.#files.close();
  }
}
