import { join } from 'node:path';
import { exists } from '../../durable-files.ts';
import { PassbandError } from '../../errors.ts';
import { DEFAULT_MIN_FREE_BYTES, DEFAULT_QUOTA_BYTES } from '../../radio-settings.ts';
import type { RoomLimits } from './disk-room.ts';
import { Recordings, type RecordingsContext } from './recordings.ts';

/** Where recordings are kept, and how much of them. */
export interface RecordingsOptions extends Omit<RecordingsContext, 'folder' | 'limits'> {
  /** Folder of the backend's data; undefined where it keeps none. */
  readonly dataDir: string | undefined;
  readonly limits?: Partial<RoomLimits> | undefined;
}

/** Folder of the recordings in that of the data. */
const FOLDER = 'recordings';

/**
 * The folder of the recordings, opened when it is first needed: at the start where there is one, since what a dead server
 * left there is to be brought in order. A folder that cannot be had makes recordings unavailable and nothing else.
 */
export class RecordingsFolder {
  readonly #options: RecordingsOptions;
  #opened: Promise<Recordings> | undefined;
  #isClosed = false;

  constructor(options: RecordingsOptions) {
    this.#options = options;
  }

  /** Opens it where it is there already. */
  async openIfThere(): Promise<void> {
    const { dataDir, log } = this.#options;
    if (dataDir === undefined || !(await exists(join(dataDir, FOLDER)))) return;
    await this.recordings().catch((error: unknown) =>
      log.warn({ err: error }, 'no recordings can be made or given out'),
    );
  }

  /** The recordings. @throws PassbandError FAILED_PRECONDITION or UNAVAILABLE where there can be none. */
  async recordings(): Promise<Recordings> {
    const { dataDir, limits, ...rest } = this.#options;
    if (dataDir === undefined) {
      throw new PassbandError('FAILED_PRECONDITION', 'this server has no folder for recordings; start it with --data');
    }
    if (this.#isClosed) throw new PassbandError('UNAVAILABLE', 'the server is shutting down');
    const { quotaBytes = DEFAULT_QUOTA_BYTES, minFreeBytes = DEFAULT_MIN_FREE_BYTES } = limits ?? {};
    const folder = join(dataDir, FOLDER);
    this.#opened ??= Recordings.open({ ...rest, folder, limits: { quotaBytes, minFreeBytes } });
    try {
      return await this.#opened;
    } catch (error) {
      // Another time it may go: another process had it, or its owner has put it right.
      this.#opened = undefined;
      throw new PassbandError('UNAVAILABLE', 'the folder of recordings cannot be used now; the log says why', {
        cause: error,
      });
    }
  }

  /** Ends what is under way and gives the folder back. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const recordings = await this.#opened?.catch(() => undefined);
    await recordings?.close();
  }
}
