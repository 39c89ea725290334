import { type FileHandle, link, open, rename, rm } from 'node:fs/promises';
import { UsageError } from '../../errors.ts';
import { writeAll } from '../../write-all.ts';

/** What `link` fails with on file systems that have no hard links, such as those of memory sticks. */
const NO_LINKS: ReadonlySet<string | undefined> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** A file that has its name only when it is whole, so that nobody takes a part for it; until then it is NAME.part. */
export class PartFile {
  readonly name: string;
  readonly #handle: FileHandle;
  #isOpen = true;

  private constructor(name: string, handle: FileHandle) {
    this.name = name;
    this.#handle = handle;
  }

  /** Makes NAME.part. @throws UsageError when it cannot be made, or is there. */
  static async create(name: string): Promise<PartFile> {
    const handle = await open(`${name}.part`, 'wx').catch((cause: unknown) => {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new UsageError(
        `${name}.part cannot be made: ${why}; remove what is left of another recording, or name another`,
        { cause },
      );
    });
    return new PartFile(name, handle);
  }

  /** What it is called until it has its name. */
  get part(): string {
    return `${this.name}.part`;
  }

  /** Writes bytes at a position. */
  write(bytes: Uint8Array, position: number): Promise<void> {
    return writeAll(this.#handle, bytes, position);
  }

  /** Cuts off what is behind a length in bytes. */
  truncate(bytes: number): Promise<void> {
    return this.#handle.truncate(bytes);
  }

  /** Waits until it is on the disk. */
  sync(): Promise<void> {
    return this.#handle.sync();
  }

  /** Writes no more; the file stays. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#handle.close();
  }

  /** Removes it. */
  async remove(): Promise<void> {
    await this.close();
    await rm(this.part, { force: true });
  }
}

/**
 * Gives closed files their names, all of them or none.
 *
 * @param linkFile makes a second name for a file; fails where that is taken.
 * @throws the system's error when a name was taken meanwhile: what has it is not overwritten.
 */
export async function giveNames(files: readonly PartFile[], linkFile: typeof link = link): Promise<void> {
  const named: PartFile[] = [];
  try {
    for (const file of files) {
      await giveName(file, linkFile);
      named.push(file);
    }
  } catch (error) {
    for (const file of named) await rename(file.name, file.part);
    throw error;
  }
}

// `rename` alone would overwrite what has the name by now.
async function giveName({ part, name }: PartFile, linkFile: typeof link): Promise<void> {
  try {
    await linkFile(part, name);
  } catch (error) {
    if (!NO_LINKS.has((error as NodeJS.ErrnoException).code)) throw error;
    // The name is taken first, by an empty file, which is ours to overwrite then.
    await (await open(name, 'wx')).close();
    await rename(part, name);
    return;
  }
  await rm(part);
}
