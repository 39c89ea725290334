import { link, rename, rm, stat } from 'node:fs/promises';
import { exists, syncFolder } from '../durable-files.ts';
import type { AppendFile, OpenAppendFile } from './append-file.ts';
import { endOf, type FileEnd } from './file-end.ts';
import { activeFile, numberedFile, numberedFiles } from './file-names.ts';
import { GENESIS, journalBody, seal } from './line.ts';

/** Version of the form of lines. */
const FORM = 1;

/** How far a chain has come. */
export interface ChainEnd {
  readonly hash: string;
  readonly seq: number;
}

/** A journal that was opened. */
interface Opened {
  readonly files: JournalFiles;
  readonly chain: ChainEnd;
  readonly end: FileEnd | undefined;
  readonly emptied: readonly string[];
}

/** The files of one journal: the one that is written to, and those that are full. */
export class JournalFiles {
  readonly path: string;
  readonly #folder: string;
  readonly #program: string;
  readonly #open: OpenAppendFile;
  #file: AppendFile;
  #size: number;
  #number: number;

  private constructor(folder: string, program: string, open: OpenAppendFile, file: AppendFile, at: Place) {
    this.path = activeFile(folder, program);
    this.#folder = folder;
    this.#program = program;
    this.#open = open;
    this.#file = file;
    this.#size = at.size;
    this.#number = at.number;
  }

  /**
   * Opens a journal where it ended, or begins it.
   *
   * @returns the files, where the chain goes on, how the file that it goes on in ended, if it did not begin just now, and
   * the files that somebody emptied, of which the one that was written to last is replaced. What else was done to full files
   * takes reading all of them, and shows when they are verified.
   * @throws UsageError when an end is nothing that a crash leaves behind; the file system's own error otherwise.
   */
  static async open(folder: string, program: string, open: OpenAppendFile): Promise<Opened> {
    const path = activeFile(folder, program);
    const end = await endOf(path);
    const full = await numberedFiles(folder, program);
    const emptied = await emptyAmong([...full.map(({ path: its }) => its), path]);
    if (end !== undefined) {
      const files = new JournalFiles(folder, program, open, await open(path), end);
      return { files, chain: { hash: end.last.hash, seq: end.last.seq }, end, emptied };
    }
    const latest = full.at(-1);
    const before = latest === undefined ? undefined : await endOf(latest.path);
    const number = Math.max(latest?.number ?? 0, before?.number ?? 0) + 1;
    const chain = { hash: before?.last.hash ?? GENESIS, seq: before?.last.seq ?? 0 };
    const begun = await begin(folder, program, open, number, chain);
    await rename(begun.path, path);
    await syncFolder(folder);
    return {
      files: new JournalFiles(folder, program, open, begun.file, { size: begun.size, number }),
      chain: begun.chain,
      end: undefined,
      emptied,
    };
  }

  /** Bytes of the file that is written to. */
  get size(): number {
    return this.#size;
  }

  /** Writes some of the bytes at the end, at least one, and tells how many. */
  async append(bytes: Uint8Array): Promise<number> {
    const written = await appendSome(this.#file, bytes);
    this.#size += written;
    return written;
  }

  sync(): Promise<void> {
    return this.#file.sync();
  }

  /** Whether the file that is written to is still where it shall be. */
  inPlace(): Promise<boolean> {
    return this.#file.isAt(this.path);
  }

  /** Whether the file that is written to has the bytes that it had when we last wrote, and no others. */
  async isAsWeLeftIt(): Promise<boolean> {
    return (await this.#file.size()) === this.#size;
  }

  /** Goes on behind whatever is in the file by now. */
  async takeAsItIs(): Promise<void> {
    this.#size = await this.#file.size();
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /**
   * Goes on in a new file, whose first line carries the chain over. The new file is whole before the old one gives its
   * name up, so that at every moment a crash leaves a chain that can be gone on with. To be tried again after a failure.
   * The old one is to be synced before.
   *
   * @param keep files that stay, the new one included; 0 for all.
   */
  async rotate(chain: ChainEnd, keep: number): Promise<ChainEnd> {
    const begun = await begin(this.#folder, this.#program, this.#open, this.#number + 1, chain);
    try {
      await nameFull(this.path, numberedFile(this.#folder, this.#program, this.#number));
      await rename(begun.path, this.path);
    } catch (error) {
      await begun.file.close().catch(() => {});
      throw error;
    }
    const full = this.#file;
    this.#file = begun.file;
    this.#size = begun.size;
    this.#number++;
    await full.close().catch(() => {});
    await syncFolder(this.#folder);
    if (keep > 0) await this.#removeOldest(keep - 1);
    return begun.chain;
  }

  async #removeOldest(keepFull: number): Promise<void> {
    const full = await numberedFiles(this.#folder, this.#program).catch(() => []);
    // What cannot be removed now is removed at the next turn; lines matter more than room.
    for (const { path } of full.slice(0, Math.max(0, full.length - keepFull))) await rm(path).catch(() => {});
  }
}

interface Place {
  readonly size: number;
  readonly number: number;
}

/**
 * Gives a full file its name, never in place of another's. Where the file system has links it keeps the name that it had
 * until the next file takes that, so that whoever reads the journal finds one there at every moment. At a second try, and
 * after a crash, it has its new name already.
 */
async function nameFull(path: string, to: string): Promise<void> {
  try {
    await link(path, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Moved away by somebody, or by us at the first try.
    if (code === 'ENOENT') return;
    if (code === 'EEXIST') {
      const [full, there] = await Promise.all([stat(path), stat(to)]);
      if (full.dev === there.dev && full.ino === there.ino) return;
      throw new Error(`${to} is there already; move it to a safe place`);
    }
    if (!NO_LINKS.has(code ?? '')) throw error;
    if (await exists(to)) throw new Error(`${to} is there already; move it to a safe place`);
    await rename(path, to);
  }
}

/** What file systems without links say (FAT, some shared folders). */
const NO_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** The files that have nothing in them, as none of ours ever has; what is not there is none. */
async function emptyAmong(paths: readonly string[]): Promise<string[]> {
  const sizes = await Promise.all(
    paths.map((path) =>
      stat(path).then(
        ({ size }) => size,
        () => undefined,
      ),
    ),
  );
  return paths.filter((_, index) => sizes[index] === 0);
}

async function appendSome(file: AppendFile, bytes: Uint8Array): Promise<number> {
  const written = await file.append(bytes);
  // A write of nothing is how a full file of some kinds shows; asking again at once would ask for ever.
  if (written === 0) throw new Error('nothing could be written');
  return written;
}

/** Makes a file with its first line, under a name that it has until it is whole. */
async function begin(folder: string, program: string, open: OpenAppendFile, number: number, before: ChainEnd) {
  const path = `${activeFile(folder, program)}.new`;
  await rm(path, { force: true });
  const body = journalBody('file', { v: FORM, program, file: number });
  const { line, hash } = seal(body, before.seq + 1, before.hash);
  const file = await open(path);
  try {
    const bytes = Buffer.from(line);
    for (let done = 0; done < bytes.length; ) done += await appendSome(file, bytes.subarray(done));
    await file.sync();
    return { path, file, size: bytes.length, chain: { hash, seq: before.seq + 1 } };
  } catch (error) {
    await file.close().catch(() => {});
    throw error;
  }
}
