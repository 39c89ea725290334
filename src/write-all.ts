import type { FileHandle } from 'node:fs/promises';

/**
 * Writes all of some bytes: one call of the system may take fewer than it is given.
 *
 * @param position where they go in the file, bytes from its beginning.
 * @throws the system's error; what was written by then stays.
 */
export async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
