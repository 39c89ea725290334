import { posix } from 'node:path';
import { UsageError } from '../errors.ts';
import { TAR_BLOCK_BYTES } from './tar-header.ts';

/** Members of an archive at most: a recording has two, and some files may lie beside it. */
const MAX_MEMBERS = 10_000;
/** Bytes of an extended header: it holds a path and some numbers. */
const MAX_EXTENDED_BYTES = 64 * 1024;

/** A file in a tar archive. */
export interface TarFile {
  readonly name: string;
  /** Where its bytes begin. */
  readonly offset: number;
  readonly bytes: number;
}

/** Reads bytes of the archive: as many as asked for, or as there are up to its end. */
export type ReadAt = (offset: number, bytes: number) => Promise<Buffer>;

/**
 * The files in a tar archive (POSIX.1-2001 ustar and pax, and GNU's long names and sizes). Only headers are read; nothing is
 * unpacked, so that names do not matter to the file system.
 *
 * @param file its name, for messages.
 * @throws UsageError for what is no such archive, is cut short, or has two files of one name.
 */
export async function tarMembers(read: ReadAt, archiveBytes: number, file: string): Promise<readonly TarFile[]> {
  const fail = (problem: string): never => {
    throw new UsageError(`${file}: ${problem}`);
  };
  const files: TarFile[] = [];
  const taken = new Set<string>();
  let extended: Extended = {};
  let at = 0;
  for (let members = 0; at + TAR_BLOCK_BYTES <= archiveBytes; members++) {
    if (members === MAX_MEMBERS) fail(`holds more than ${MAX_MEMBERS} files; unpack it and name one recording`);
    const header = await read(at, TAR_BLOCK_BYTES);
    if (header.every((byte) => byte === 0)) return files;
    if (!isHeader(header)) fail(at === 0 ? 'is no tar archive' : `is damaged: there is no tar header at byte ${at}`);
    const type = String.fromCharCode(header[156] ?? 0);
    const bytes = extended.size ?? sizeIn(header) ?? fail(`is damaged: the header at byte ${at} states no size`);
    const offset = at + TAR_BLOCK_BYTES;
    if (offset + bytes > archiveBytes) fail(`is cut short: a member at byte ${at} has ${bytes} bytes`);
    if (type === 'x' || type === 'L') {
      if (bytes > MAX_EXTENDED_BYTES)
        fail(`has an extended header of ${bytes} bytes; ${MAX_EXTENDED_BYTES} are allowed`);
      const body = await read(offset, bytes);
      extended = type === 'L' ? { ...extended, path: textOf(body) } : { ...extended, ...paxRecords(body, fail) };
    } else {
      if (type === 'S' || extended.isSparse === true) fail('holds a sparse file; make it again without --sparse');
      const name = cleaned(extended.path ?? nameIn(header));
      if (isPlaced(type)) {
        const place = placeOf(name);
        // Of two, some programs take the first and some the last: they would hear different samples.
        if (taken.has(place)) fail(`holds two files of the name ${name}; make it again with one of them`);
        taken.add(place);
      }
      if (isPlainFile(type)) files.push({ name, offset, bytes });
      // What stands in an extended header is for the next member only; global ones ('g') have nothing that matters here.
      if (type !== 'g' && type !== 'K') extended = {};
    }
    at = offset + Math.ceil(bytes / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES;
  }
  if (files.length === 0) fail('is no tar archive');
  return files;
}

interface Extended {
  readonly path?: string;
  readonly size?: number;
  readonly isSparse?: boolean;
}

/** The sum of all bytes, those of the sum itself taken for spaces, is stated in octal digits. */
function isHeader(header: Buffer): boolean {
  let sum = 0;
  for (const [i, byte] of header.entries()) sum += i >= 148 && i < 156 ? 0x20 : byte;
  return octal(header.subarray(148, 156)) === sum;
}

function octal(field: Buffer): number | undefined {
  const text = textOf(field).trim();
  return /^[0-7]{1,12}$/.test(text) ? Number.parseInt(text, 8) : undefined;
}

function sizeIn(header: Buffer): number | undefined {
  const field = header.subarray(124, 136);
  if (((field[0] ?? 0) & 0x80) === 0) return octal(field);
  // GNU: a binary number where the first bit is set. Six bytes of it hold what a number here can be exactly.
  if (field.subarray(1, 6).some((byte) => byte !== 0) || field[0] !== 0x80) return undefined;
  const size = field.readUIntBE(6, 6);
  return size;
}

function nameIn(header: Buffer): string {
  const name = textOf(header.subarray(0, 100));
  const hasPrefix = header.subarray(257, 263).toString('latin1') === 'ustar\0';
  const prefix = hasPrefix ? textOf(header.subarray(345, 500)) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

/** Up to the first NUL. */
function textOf(field: Buffer): string {
  const end = field.indexOf(0);
  return field.subarray(0, end < 0 ? undefined : end).toString('utf8');
}

const isPlainFile = (type: string): boolean => type === '0' || type === '\0' || type === '7';

/** Whether unpacking the member takes its name: that of files and links does; folders may come again. */
const isPlaced = (type: string): boolean => isPlainFile(type) || type === '1' || type === '2';

/** Where a member is unpacked to, however its name is written. */
const placeOf = (name: string): string => posix.normalize(name).replace(/^\/+/, '');

const cleaned = (name: string): string => name.replace(/^(\.\/)+/, '');

/** Records of an extended header, `LENGTH KEY=VALUE\n` (POSIX.1-2001, pax). */
function paxRecords(body: Buffer, fail: (problem: string) => never): Extended {
  const found: { path?: string; size?: number; isSparse?: boolean } = {};
  for (let at = 0; at < body.length; ) {
    const [whole, digits = ''] = /^(\d{1,6}) /.exec(body.toString('latin1', at, at + 8)) ?? [];
    const length = Number(digits);
    const record = body.toString('utf8', at + (whole?.length ?? 0), at + length - 1);
    const equals = record.indexOf('=');
    if (whole === undefined || length <= whole.length || at + length > body.length || equals < 1) {
      return fail('is damaged: an extended header cannot be read');
    }
    const key = record.slice(0, equals);
    const value = record.slice(equals + 1);
    if (key === 'path') found.path = value;
    if (key === 'size') {
      if (!/^\d{1,15}$/.test(value)) fail(`is damaged: an extended header states the size "${value.slice(0, 20)}"`);
      found.size = Number(value);
    }
    if (key.startsWith('GNU.sparse')) found.isSparse = true;
    at += length;
  }
  return found;
}
