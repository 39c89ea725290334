import { open } from 'node:fs/promises';
import { METADATA_TAIL } from '../../sigmf/recording-notes.ts';
import { writeAll } from '../../write-all.ts';
import type { RecordingFiles } from './recording-files.ts';

/**
 * The metadata file of a recording under way. A capture costs what it is long itself, however many there are before: it is
 * written over the end of the file, with the end behind it.
 */
export class GrowingMetadata {
  readonly #files: RecordingFiles;
  readonly #id: string;
  #bytes = 0;

  constructor(files: RecordingFiles, id: string) {
    this.#files = files;
    this.#id = id;
  }

  /** Puts a text in the place of what was there, at once or not at all. */
  async replace(text: string): Promise<void> {
    await this.#files.putMeta(this.#id, text);
    this.#bytes = Buffer.byteLength(text);
  }

  /**
   * Adds a capture behind others; it is on the disk when this resolves. What a failure of power leaves of it is cut off
   * when the recording is repaired.
   */
  async append(capture: string): Promise<void> {
    const text = Buffer.from(`,${capture}${METADATA_TAIL}`);
    const at = this.#bytes - METADATA_TAIL.length;
    const file = await open(this.#files.metaFile(this.#id), 'r+');
    try {
      await writeAll(file, text, at);
      await file.datasync();
    } finally {
      await file.close();
    }
    this.#bytes = at + text.length;
  }
}
