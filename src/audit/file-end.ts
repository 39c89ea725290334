import { hash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { UsageError } from '../errors.ts';
import { isWhole, MAX_LINE_BYTES, type ReadLine, readLine } from './line.ts';

/** Bytes that are looked at from a file's end on: the longest line and what a crash left behind it. */
const MAX_END_BYTES = 3 * MAX_LINE_BYTES;
const LINE_FEED = 0x0a;

/** Where a journal's file ends. */
export interface FileEnd {
  /** The last line that is whole and right. */
  readonly last: ReadLine;
  /** Number that the file's first line gives it. */
  readonly number: number;
  /** Bytes of the file. */
  readonly size: number;
  /** Whether a line feed must come before the next line. */
  readonly unended: boolean;
  /** What a crash left behind the last line: as it is in the file, and known by its length and hash. */
  readonly torn: { readonly bytes: number; readonly sha256: string } | undefined;
}

/**
 * Finds where a file's chain goes on.
 *
 * @returns undefined for a file that is not there or empty.
 * @throws UsageError when the end is nothing that a crash leaves behind: such a file is evidence, and not to be gone on with.
 */
export async function endOf(path: string): Promise<FileEnd | undefined> {
  const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (handle === undefined) return undefined;
  try {
    const { size } = await handle.stat();
    if (size === 0) return undefined;
    const part = async (from: number, length: number): Promise<Buffer> => {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, from);
      return buffer.subarray(0, bytesRead);
    };
    const head = await part(0, Math.min(size, MAX_LINE_BYTES));
    const first = readLine(head.subarray(0, Math.max(0, head.indexOf(LINE_FEED))));
    if (first === undefined || typeof first.members.file !== 'number') throw unusable(path, 'does not begin as one');
    const from = Math.max(0, size - MAX_END_BYTES);
    return { ...lastLine(path, await part(from, size - from), from === 0), number: first.members.file, size };
  } finally {
    await handle.close();
  }
}

function lastLine(path: string, bytes: Buffer, fromStart: boolean): Pick<FileEnd, 'last' | 'unended' | 'torn'> {
  const isClosed = bytes[bytes.length - 1] === LINE_FEED;
  let end = isClosed ? bytes.length - 1 : bytes.length;
  const whole = end;
  for (;;) {
    const before = bytes.lastIndexOf(LINE_FEED, end - 1);
    if (before === -1 && !fromStart) throw unusable(path, 'has no whole line near its end');
    const text = bytes.subarray(before + 1, end);
    const last = readLine(text);
    if (last !== undefined) {
      const torn = bytes.subarray(end + 1, whole);
      if (torn.length === 0) return { last, unended: !isClosed, torn: undefined };
      return { last, unended: !isClosed, torn: { bytes: torn.length, sha256: hash('sha256', torn) } };
    }
    // A crash leaves the beginning of a line. A line that is whole and wrong was changed by somebody.
    if (isWhole(text)) throw unusable(path, 'ends with a line that was changed');
    if (before === -1) throw unusable(path, 'has no whole line');
    end = before;
  }
}

function unusable(path: string, why: string): UsageError {
  return new UsageError(
    `${path} ${why}, so this audit journal cannot go on; see \`passband audit verify\`, and move the file to a safe place to begin anew`,
  );
}
