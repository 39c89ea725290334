import { basename } from 'node:path';
import { archiveHead, archiveTail, finishedMetadata } from '../../sigmf/archive-writer.ts';
import type { RecordingNotes } from '../../sigmf/recording-notes.ts';
import { giveNames, PartFile } from './part-file.ts';
import { outputFiles, type RecordOrder } from './record-order.ts';

/** What is being written; it has its own name only when it is whole, so that nobody takes a part for it. */
export interface RecordOutput {
  /** Appends samples. @throws OutputFault when the disk does not take them. */
  write(bytes: Uint8Array): Promise<void>;
  /**
   * Cuts off what the notes do not count, puts what belongs to it around the samples, and gives it its name.
   *
   * @throws OutputFault naming the file that the samples are in, when that cannot be.
   */
  finish(notes: RecordingNotes): Promise<void>;
  /** Removes what was written. */
  discard(): Promise<void>;
}

/** What the disk does not do. */
export class OutputFault extends Error {}

/** Begins the files of an output. @throws UsageError when they cannot be made. */
export async function openOutput({ form, file }: Pick<RecordOrder, 'form' | 'file'>): Promise<RecordOutput> {
  const files = await createParts(outputFiles({ form, file }));
  const [data, meta] = files;
  const name = basename(file).replace(/\.sigmf$/, '');
  // The length of the samples stands before them and is known behind them; its header has one size whatever it is.
  const reserved = form === 'archive' ? archiveHead({ name, dataBytes: 0, modifiedS: 0 }, true).length : 0;
  let at = reserved;

  const surround = async (notes: RecordingNotes): Promise<void> => {
    // Of a write that failed a part may be there.
    await data.truncate(reserved + notes.bytes);
    const metadata = finishedMetadata(notes);
    await meta?.write(Buffer.from(metadata), 0);
    if (form !== 'archive') return;
    const modifiedS = Number((notes.startNs ?? 0n) / 1_000_000_000n);
    const archive = { name, dataBytes: notes.bytes, modifiedS };
    await data.write(archiveHead(archive, true), 0);
    await data.write(archiveTail(archive, metadata), reserved + notes.bytes);
  };

  return {
    write: async (bytes) => {
      try {
        await data.write(bytes, at);
      } catch (cause) {
        throw new OutputFault(`${data.part} takes no more: ${reasonOf(cause)}`, { cause });
      }
      at += bytes.length;
    },
    finish: async (notes) => {
      try {
        await surround(notes);
        for (const part of files) {
          await part.sync();
          await part.close();
        }
        await giveNames(files);
      } catch (cause) {
        for (const part of files) await part.close().catch(() => {});
        const where = reserved === 0 ? '' : `, from byte ${reserved} on`;
        const what = `${notes.samples} samples of ${notes.facts.datatype} are in ${data.part}${where}`;
        throw new OutputFault(`${data.name} cannot be finished: ${reasonOf(cause)}; ${what}`, { cause });
      }
    },
    discard: async () => {
      for (const part of files) await part.remove();
    },
  };
}

/** All of them from the beginning: what is in the way of the last is better known before the first sample. */
async function createParts([name = '', second]: readonly string[]): Promise<readonly [PartFile, ...PartFile[]]> {
  const data = await PartFile.create(name);
  if (second === undefined) return [data];
  try {
    return [data, await PartFile.create(second)];
  } catch (error) {
    await data.remove();
    throw error;
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
