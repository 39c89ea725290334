import { isUtf8 } from 'node:buffer';
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf } from '../../../durable-files.ts';
import { UsageError } from '../../../errors.ts';
import { MAX_METADATA_BYTES, parseSigmfMetadata, type SigmfMetadata } from '../../../sigmf/metadata.ts';
import { type TarFile, tarMembers } from '../../../sigmf/tar-members.ts';
import { SAMPLE_RATE } from '../../stations/ranges.ts';

/** The opening of what is no plain file, such as a pipe that nobody writes, would wait; it is refused without. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

/** A part of an open file: the whole, or a member of an archive. */
export interface FilePart {
  /** How messages name it. */
  readonly name: string;
  readonly handle: FileHandle;
  readonly offset: number;
  readonly bytes: number;
}

/** The metadata of a recording and its open data file; who gets it closes it. */
export interface RecordingParts {
  readonly metadata: SigmfMetadata;
  readonly metaName: string;
  readonly data: FilePart;
}

/**
 * Opens the two files of a recording: X.sigmf-meta and its data file, or both in an archive X.sigmf, of which nothing is
 * unpacked.
 *
 * @throws UsageError that names the file and what is wrong with it.
 */
export async function openRecordingParts(file: string): Promise<RecordingParts> {
  if (file.endsWith('.sigmf-meta')) return openPair(file);
  if (file.endsWith('.sigmf')) return openArchive(file);
  throw new UsageError(`${file}: name the .sigmf-meta file of the recording, or an archive that ends in .sigmf`);
}

async function openPair(metaName: string): Promise<RecordingParts> {
  const meta = await openFile(metaName);
  let metadata: SigmfMetadata;
  try {
    metadata = await readMetadata(meta);
  } finally {
    await meta.handle.close();
  }
  const dataset = metadata.dataset ?? basename(metaName).replace(/meta$/, 'data');
  return { metadata, metaName, data: await openFile(join(dirname(metaName), dataset)) };
}

async function openArchive(file: string): Promise<RecordingParts> {
  const { handle, bytes } = await openFile(file);
  try {
    const members = await tarMembers((offset, length) => readBytes(handle, offset, length), bytes, file);
    const metas = members.filter(({ name }) => name.endsWith('.sigmf-meta'));
    const [meta] = metas;
    if (meta === undefined) throw new UsageError(`${file}: holds no recording: there is no .sigmf-meta in it`);
    if (metas.length > 1) {
      throw new UsageError(`${file}: holds ${metas.length} recordings; unpack it and name the .sigmf-meta of one`);
    }
    const part = ({ name, offset, bytes: length }: TarFile): FilePart => ({
      name: `${file}: ${name}`,
      handle,
      offset,
      bytes: length,
    });
    const metadata = await readMetadata(part(meta));
    const folder = meta.name.slice(0, meta.name.lastIndexOf('/') + 1);
    const dataName =
      metadata.dataset === undefined ? meta.name.replace(/meta$/, 'data') : `${folder}${metadata.dataset}`;
    const data = members.find(({ name }) => name === dataName);
    if (data === undefined) throw new UsageError(`${file}: ${dataName} is missing in it`);
    return { metadata, metaName: part(meta).name, data: part(data) };
  } catch (error) {
    await handle.close();
    throw asUsageError(file, error);
  }
}

async function openFile(name: string): Promise<FilePart> {
  let handle: FileHandle | undefined;
  try {
    // Before it is opened, as that alone may do something to a device, and after, as it may be another by then.
    requirePlain(name, await stat(name));
    handle = await open(name, OPEN_FLAGS);
    const stats = await handle.stat();
    requirePlain(name, stats);
    return { name, handle, offset: 0, bytes: stats.size };
  } catch (error) {
    await handle?.close();
    throw asUsageError(name, error);
  }
}

function requirePlain(name: string, stats: Stats): void {
  if (!stats.isFile()) throw new UsageError(`${name}: is no plain file`);
}

async function readMetadata({ name, handle, offset, bytes }: FilePart): Promise<SigmfMetadata> {
  if (bytes > MAX_METADATA_BYTES) {
    throw new UsageError(`${name}: ${bytes} bytes are more than the ${MAX_METADATA_BYTES} that metadata may have`);
  }
  let content: Buffer;
  try {
    content = await readBytes(handle, offset, bytes);
  } catch (error) {
    throw asUsageError(name, error);
  }
  if (!isUtf8(content)) throw new UsageError(`${name}: is no UTF-8 text`);
  return parseSigmfMetadata(content.toString('utf8'), name, SAMPLE_RATE);
}

/** Bytes from a place on: fewer only at the end of the file. */
export async function readBytes(handle: FileHandle, offset: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(bytes);
  let filled = 0;
  while (filled < bytes) {
    const { bytesRead } = await handle.read(buffer, filled, bytes - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

function asUsageError(name: string, error: unknown): UsageError {
  if (error instanceof UsageError) return error;
  const isThere = !['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '');
  return new UsageError(`${name}: ${isThere ? 'cannot be read' : 'there is no such file'}`, { cause: error });
}
