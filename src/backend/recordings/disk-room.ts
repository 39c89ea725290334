import { statfs } from 'node:fs/promises';
import { PassbandError } from '../../errors.ts';
import type { Clock } from '../clock.ts';

/** Bytes that may be written between two looks at what the file system has free. */
const LOOK_AFTER_BYTES = 64 * 1024 * 1024;

/** Milliseconds between two looks: others write to the same disk. */
const LOOK_AFTER_MS = 1000;

/** What recordings may take. */
export interface RoomLimits {
  /** Bytes of sample data of all recordings together. */
  readonly quotaBytes: number;
  /** Bytes that the file system must still have free afterwards. */
  readonly minFreeBytes: number;
}

/** How the free bytes of the file system of a folder are found out. */
export type FreeBytes = (folder: string) => Promise<number>;

const freeBytesOf: FreeBytes = async (folder) => {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
};

/** Keeps recordings within their quota and off the last of the disk. */
export class DiskRoom {
  readonly limits: RoomLimits;
  readonly #folder: string;
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #free: FreeBytes;
  #usedBytes = 0;
  #freeBytes = 0;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #sinceBytes = 0;
  /** A look under way: whoever asks meanwhile waits for what it finds. */
  #looking: Promise<void> | undefined;

  constructor(folder: string, limits: RoomLimits, clock: Pick<Clock, 'nowMs'>, free: FreeBytes = freeBytesOf) {
    this.#folder = folder;
    this.limits = limits;
    this.#clock = clock;
    this.#free = free;
  }

  /** Bytes of sample data that recordings have. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /**
   * Takes nothing yet: looks whether what is to come could be kept.
   *
   * @param bytes how much there will be of it.
   * @throws PassbandError RESOURCE_EXHAUSTED that names the bytes and what the quota has left.
   */
  requireQuota(bytes: number): void {
    const { quotaBytes } = this.limits;
    const left = Math.max(0, quotaBytes - this.#usedBytes);
    if (bytes <= left) return;
    throw new PassbandError(
      'RESOURCE_EXHAUSTED',
      `the recording would take ${bytes} bytes, and of the ${quotaBytes} bytes that recordings may take in all ${left} are left; ask for a shorter one, or delete some`,
    );
  }

  /**
   * Takes room for bytes that are to be written.
   *
   * @throws PassbandError RESOURCE_EXHAUSTED that says which limit it is; nothing is taken then.
   */
  async take(bytes: number): Promise<void> {
    // Taken first, so that two who ask at once do not both get the last of it.
    this.#usedBytes += bytes;
    try {
      if (this.#usedBytes > this.limits.quotaBytes) {
        throw new PassbandError(
          'RESOURCE_EXHAUSTED',
          `recordings may take ${this.limits.quotaBytes} bytes in all, and that is used up; delete some`,
        );
      }
      await this.#look();
      if (this.#freeBytes - this.#sinceBytes - bytes < this.limits.minFreeBytes) {
        throw new PassbandError(
          'RESOURCE_EXHAUSTED',
          `the disk must keep ${this.limits.minFreeBytes} bytes free, and has no more than that; make room on it`,
        );
      }
      this.#sinceBytes += bytes;
    } catch (error) {
      this.#usedBytes -= bytes;
      throw error;
    }
  }

  /** Gives room back. */
  giveBack(bytes: number): void {
    this.#usedBytes -= bytes;
  }

  /** Counts what is there already. */
  count(bytes: number): void {
    this.#usedBytes += bytes;
  }

  async #look(): Promise<void> {
    const isFresh = this.#clock.nowMs() - this.#lookedAtMs < LOOK_AFTER_MS && this.#sinceBytes < LOOK_AFTER_BYTES;
    if (isFresh && this.#looking === undefined) return;
    this.#looking ??= this.#lookNow().finally(() => {
      this.#looking = undefined;
    });
    await this.#looking;
  }

  async #lookNow(): Promise<void> {
    this.#freeBytes = await this.#free(this.#folder);
    // Noted when it is known: a look that failed is none.
    this.#lookedAtMs = this.#clock.nowMs();
    this.#sinceBytes = 0;
  }
}
