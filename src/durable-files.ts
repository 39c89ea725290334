import { constants } from 'node:fs';
import { access, copyFile, link, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UsageError } from '../errors.ts';

/** Permission bits of what its owner alone may read, and of what all may. */
export const KEY_MODE = 0o600;
export const CERTIFICATE_MODE = 0o644;

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

/** Makes the names in a folder as durable as the files; where a folder cannot be opened (Windows), the system's pace must do. */
export async function syncFolder(dir: string): Promise<void> {
  const handle = await open(dir, 'r').catch(() => undefined);
  if (handle === undefined) return;
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
