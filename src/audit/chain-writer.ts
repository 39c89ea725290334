import type { ChainEnd, JournalFiles } from './journal-files.ts';
import { againBody, type Body, seal } from './line.ts';
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
  /** Lines since the last good sync, in their order. */
  #unsynced: { readonly body: Body; readonly seq: number }[] = [];
  #unsyncedBytes = 0;
  #inDoubt = false;

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

  /** Bytes of remembered lines that were not synced yet. */
  get unsyncedBytes(): number {
    return this.#unsyncedBytes;
  }

  /**
   * Whether a sync has failed. The system may have dropped what it could not put on the disk, and says of the next sync
   * that all is well: nothing that came since the last good one can be relied on.
   */
  get inDoubt(): boolean {
    return this.#inDoubt;
  }

  /** Lines that are so. */
  get doubtfulLines(): number {
    return this.#inDoubt ? this.#unsynced.length : 0;
  }

  /** Writes all that has its place; gives the number of lines. */
  async flush(): Promise<number> {
    if (this.#unwritten.length > 0) await this.#tenure.requireOurs();
    while (this.#unwritten.length > 0) {
      this.#dirty = true;
      const written = await this.#files.append(this.#unwritten);
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
   * @param remember keeps them until they are synced.
   * @returns the bodies that were taken.
   */
  async take(queue: Body[], remember: boolean): Promise<readonly Body[]> {
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
      if (next === undefined) break;
      line = seal(next, this.#chain.seq + 1, this.#chain.hash);
      const more = bytes + Buffer.byteLength(line.line);
      if (more > MAX_BATCH_BYTES || this.#files.size + more > maxBytes) break;
      bytes = more;
      lines.push(line.line);
    }
    this.#lines = lines.length;
    this.#unwritten = Buffer.from(lines.join(''));
    const taken = queue.splice(0, lines.length);
    if (remember) this.#remember(taken, bytes);
    return taken;
  }

  /** Goes on in a new file. All that was taken before must be flushed. */
  async goOn(): Promise<void> {
    await this.#tenure.requireOurs();
    await this.sync();
    this.#chain = await this.#files.rotate(this.#chain, this.#rotation.keep);
  }

  /**
   * After a sync that failed: goes on in a new file. All that was taken before must be flushed.
   *
   * @returns the lines that may not be on the disk, to be written again before all others.
   */
  async repeat(): Promise<readonly Body[]> {
    await this.#tenure.requireOurs();
    // For what can still be had of the old file; its word is not relied on.
    await this.#files.sync().catch(() => {});
    // A disk that fails again and again must not push old files out.
    this.#chain = await this.#files.rotate(this.#chain, 0);
    const bodies = this.#unsynced.map(({ body, seq }) => againBody(body, seq));
    this.#allIsSynced();
    this.#inDoubt = false;
    return bodies;
  }

  /** Whether the file that is written to is still where it shall be. */
  inPlace(): Promise<boolean> {
    return this.#files.inPlace();
  }

  async sync(): Promise<void> {
    try {
      await this.#files.sync();
    } catch (error) {
      this.#inDoubt = true;
      throw error;
    }
    this.#allIsSynced();
  }

  #allIsSynced(): void {
    this.#dirty = false;
    this.#unsynced = [];
    this.#unsyncedBytes = 0;
  }

  #remember(taken: readonly Body[], bytes: number): void {
    const first = this.#chain.seq - taken.length + 1;
    for (const [index, body] of taken.entries()) this.#unsynced.push({ body, seq: first + index });
    this.#unsyncedBytes += bytes;
  }

  close(): Promise<void> {
    return this.#files.close();
  }
}
