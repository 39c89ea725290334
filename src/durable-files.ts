import { constants } from 'node:fs';
import { access, copyFile, link, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { UsageError } from './errors.ts';

/** Node's error code of a failed system call. */
export function errnoOf(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** Whether there is anything of this name. */
export async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}

/**
 * Writes a file that nobody may have written before: whole or not at all, and never over an existing one.
 *
 * @param mode permission bits from the first byte on: 0o600 for keys.
 * @throws UsageError when the file exists; the file system's own error otherwise.
 */
export async function writeNew(file: string, content: string | Uint8Array, mode: number): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  try {
    await withTemporary(file, content, mode, (temporary) => moveNew(temporary, file));
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    throw new UsageError(`${file} exists already and is never overwritten; remove it first to have a new one made`, {
      cause: error,
    });
  }
}

/** Writes a file in the place of one that may be there: readers find the old one or the new one, whole, at any time. */
export async function replaceFile(file: string, content: string | Uint8Array, mode: number): Promise<void> {
  await withTemporary(file, content, mode, (temporary) => rename(temporary, file));
  await syncFolder(dirname(file));
}

async function withTemporary(
  file: string,
  content: string | Uint8Array,
  mode: number,
  place: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = `${file}.${process.pid}-${Math.random().toString(36).slice(2)}.tmp`;
  try {
    const handle = await open(temporary, 'wx', mode);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await place(temporary);
  } finally {
    await rm(temporary, { force: true });
  }
}

/**
 * Gives a file another name, which nothing may have: a rename would overwrite and a link does not. File systems without
 * links (FAT, some shared folders) get a copy.
 */
export async function moveNew(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(errnoOf(error) ?? '')) throw error;
    await copyFile(from, to, constants.COPYFILE_EXCL);
  }
  await rm(from);
}

/**
 * Makes a folder, and those that it lies in, where they are not there, to last.
 *
 * @param mode permission bits of what is made.
 */
export async function makeFolder(folder: string, mode: number): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode });
  if (first === undefined) return;
  for (let made = resolve(folder); made.length >= resolve(first).length; made = dirname(made)) {
    await syncFolder(dirname(made));
  }
}

/** What systems say that sync no folders: Windows, some network file systems. */
const NOT_FOR_FOLDERS = ['EACCES', 'EBADF', 'EINVAL', 'EISDIR', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EPERM'];

/** Makes the names in a folder as durable as the files. A system that cannot is left to its own pace. */
export async function syncFolder(dir: string): Promise<void> {
  try {
    const handle = await open(dir, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (!NOT_FOR_FOLDERS.includes(errnoOf(error) ?? '')) throw error;
  }
}
