import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { UsageError } from '../../errors.ts';
import { archiveHead, archiveTail, finishedMetadata } from '../../sigmf/archive-writer.ts';
import type { RecordingNotes } from '../../sigmf/recording-notes.ts';
import { outputFiles, type RecordOrder } from './record-order.ts';

/** What is being written; it has its own name only when it is whole, so that nobody takes a part for it. */
export interface RecordOutput {
  write(bytes: Uint8Array): Promise<void>;
  /** Puts what belongs to it around the samples, and gives it its name. */
  finish(notes: RecordingNotes): Promise<void>;
  /** Removes what was written. */
  discard(): Promise<void>;
}

/** Ending of the names of files that are being written. */
const PART = '.part';

/** Begins the files of an output. @throws UsageError when they cannot be made. */
export async function openOutput(order: Pick<RecordOrder, 'form' | 'file'>): Promise<RecordOutput> {
  const [file = '', metaFile] = outputFiles(order);
  const part = `${file}${PART}`;
  const data = await create(part);
  const name = basename(order.file).replace(/\.sigmf$/, '');
  // The length of the samples stands before them and is known behind them; its header has one size whatever it is.
  const reserved = order.form === 'archive' ? archiveHead({ name, dataBytes: 0, modifiedS: 0 }, true).length : 0;
  let at = reserved;
  return {
    write: async (bytes) => {
      await writeAll(data, bytes, at);
      at += bytes.length;
    },
    finish: async (notes) => {
      const metadata = finishedMetadata(notes);
      if (order.form === 'archive') {
        const modifiedS = Number((notes.startNs ?? 0n) / 1_000_000_000n);
        const archive = { name, dataBytes: notes.bytes, modifiedS };
        await writeAll(data, archiveHead(archive, true), 0);
        await writeAll(data, archiveTail(archive, metadata), reserved + notes.bytes);
      }
      await data.sync();
      await data.close();
      if (metaFile !== undefined) {
        const meta = await create(`${metaFile}${PART}`);
        await meta.writeFile(metadata);
        await meta.sync();
        await meta.close();
        await rename(`${metaFile}${PART}`, metaFile);
      }
      await rename(part, file);
    },
    discard: async () => {
      await data.close();
      await rm(part, { force: true });
    },
  };
}

function create(file: string): Promise<FileHandle> {
  return open(file, 'wx').catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`${file} cannot be made: ${why}; remove what is left of another recording, or name another`, {
      cause,
    });
  });
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
