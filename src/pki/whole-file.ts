import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { UsageError } from '../errors.ts';

/** What a file is to be, for the sentences that say it is not. */
export interface ExpectedFile {
  /** What to put there: `a PEM file`. */
  readonly what: string;
  readonly maxBytes: number;
  /** The remedy when it is not there, behind "is missing; ". */
  readonly missing: string;
}

/** A file's bytes and permission bits, both of the same file. */
export interface WholeFile {
  readonly bytes: Buffer;
  readonly mode: number;
}

/**
 * Reads a small file of bounded size at once. Not asynchronously: what is revoked must be so within a second, and under load
 * every turn of the event loop that a reading waits for may take a quarter of one.
 *
 * @throws UsageError naming the file and the remedy.
 */
export function readWholeFile(file: string, { what, maxBytes, missing }: ExpectedFile): WholeFile {
  let descriptor: number;
  try {
    // Without waiting: a named pipe would hold the process until somebody writes.
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = error !== null && typeof error === 'object' && 'code' in error ? error.code : 'unknown error';
    const remedy =
      code === 'ENOENT' ? `is missing; ${missing}` : `cannot be read (${code}); make it readable to this user`;
    throw new UsageError(`${file} ${remedy}`, { cause: error });
  }
  try {
    const status = fstatSync(descriptor);
    if (!status.isFile()) throw new UsageError(`${file} is not a regular file; put ${what} there`);
    if (status.size > maxBytes) throw new UsageError(`${file} is larger than ${maxBytes} bytes; is it ${what}?`);
    const bytes = Buffer.alloc(status.size);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read) {
      read = readSync(descriptor, bytes, length, bytes.length - length, length);
    }
    return { bytes: bytes.subarray(0, length), mode: status.mode & 0o777 };
  } finally {
    closeSync(descriptor);
  }
}
