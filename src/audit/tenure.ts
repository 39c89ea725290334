import type { Log } from '../observability/log.ts';
import type { JournalFiles } from './journal-files.ts';
import type { Lock } from './lock.ts';

/**
 * Whether a journal is still this process's to write. One that stood still for long, such as a container that was paused
 * or a machine that was moved, may have lost it to another, whose lines its own must not be mixed with.
 */
export class Tenure {
  readonly #lock: Lock;
  readonly #files: JournalFiles;
  readonly #log: Log;
  #isOver = false;
  /** Whether the lock was nobody's when it was last looked at. */
  #isUnheld = false;
  #beating: Promise<void> | undefined;

  constructor(lock: Lock, files: JournalFiles, log: Log) {
    this.#lock = lock;
    this.#files = files;
    this.#log = log;
  }

  /** Gives a sign of life and looks whether the lock is still ours; to be called every few seconds. */
  beat(): Promise<void> {
    this.#beating ??= this.#look().finally(() => {
      this.#beating = undefined;
    });
    return this.#beating;
  }

  /**
   * To be called before each write, by one writer at a time: a file that has grown by other hands is how another's tenure
   * shows at once.
   *
   * @throws Error when another process has the journal, or had it meanwhile; from then on always.
   */
  async requireOurs(): Promise<void> {
    if (!this.#isOver) {
      const isAsWeLeftIt = await this.#files.isAsWeLeftIt();
      if (!isAsWeLeftIt || this.#isUnheld) this.#isOver = !(await this.#isRegained(isAsWeLeftIt));
      this.#isUnheld = false;
    }
    if (!this.#isOver) return;
    throw new Error('another process took this journal while this one stood still; restart one of them');
  }

  async #look(): Promise<void> {
    const holder = await this.#lock.touch();
    if (holder === 'another') this.#isOver = true;
    if (holder === 'nobody') this.#isUnheld = true;
  }

  async #isRegained(isAsWeLeftIt: boolean): Promise<boolean> {
    const holder = await this.#lock.touch();
    // It was removed by hand, or by another that has come and gone, whose lines are in the file then.
    if (holder === 'nobody') return isAsWeLeftIt && this.#lock.retake();
    if (holder === 'another') return false;
    if (!isAsWeLeftIt) {
      // By hand, or by a write of ours that failed when it was done in part: the chain shows what it was.
      this.#log.error({ journal: this.#files.path }, 'something else has written to the audit journal; it goes on');
      await this.#files.takeAsItIs();
    }
    return true;
  }
}
