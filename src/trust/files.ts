import { setTimeout as sleep } from 'node:timers/promises';
import { UsageError } from '../errors.ts';
import type { Log } from '../observability/log.ts';
import { fingerprint } from './fingerprint.ts';
import type { Reloadable } from './reloadable.ts';

/**
 * Milliseconds between two looks at the files. Two looks must agree before anything is read: a change is in use after
 * 200 ms and the time that reading takes, which leaves most of a second for ending what it forbids.
 */
const POLL_MS = 100;
/**
 * Milliseconds after which files that could not be used are tried again, though they look the same: dates come true. Each
 * time it is twice as long, up to the most: a large list that lies there broken must not cost a processor.
 */
const RETRY_MS = 1_000;
const MAX_RETRY_MS = 60_000;
/** Readings in a row that may find the files changed under them. */
const MAX_READINGS = 20;
/** Looks that may pass while the files never stop changing, before somebody is told. */
const MAX_UNSETTLED_LOOKS = 100;

/** How a value is made of files. */
export interface ReloadableOptions<T> {
  /** What it is, for the log: `certificates`, `policy`. */
  readonly what: string;
  /** Every file that `load` reads, those included that need not exist. */
  readonly files: readonly string[];
  /**
   * Reads and proves all of it, and is given the value in use (undefined at first). Handing that very value back says
   * that nothing is new, and nobody is told. Of files that cannot be used, what may not wait for the rest may be taken all
   * the same: the value is returned with that in it, `onFault` is told why the rest is not, and the files count as broken.
   *
   * @throws UsageError naming the file and the remedy.
   */
  readonly load: (before: T | undefined, onFault: (fault: unknown) => void) => Promise<T>;
  readonly log: Log;
  /** Is told how each reading ended, the first one included; trying a broken set once more is told only if it is news. */
  readonly onOutcome?: (ok: boolean) => void;
  /** Milliseconds between two looks; 100 unless told. */
  readonly pollMs?: number;
}

/**
 * Reads a value from files now, and again whenever they change: all that belong together or none. While they cannot be
 * used the last good value stays (but see `load` for what may not wait), which is logged once for each reason. Files are
 * watched by looking at them: every way of changing one (rename, symlink, write in place, network file system) looks the
 * same then.
 *
 * @throws whatever `load` throws the first time: there is no last good value yet.
 */
export async function openReloadable<T>(options: ReloadableOptions<T>): Promise<Reloadable<T>> {
  const first = await readSettled(options, undefined);
  options.onOutcome?.(true);
  return new WatchedFiles(options, first);
}

interface Reading<T> {
  readonly value: T;
  /** Of the files that the value was made of. */
  readonly print: string;
  /** Why the value is not all that the files say. */
  readonly faults: readonly unknown[];
}

/** Reads until nothing changed meanwhile: what was read then belongs together. */
async function readSettled<T>(options: ReloadableOptions<T>, before: T | undefined): Promise<Reading<T>> {
  for (let reading = 0; reading < MAX_READINGS; reading += 1) {
    if (reading > 0) await sleep(options.pollMs ?? POLL_MS, undefined, { ref: before === undefined });
    const print = fingerprint(options.files);
    const faults: unknown[] = [];
    const outcome = await options
      .load(before, (fault) => faults.push(fault))
      .then(
        (value) => ({ value, print, faults }),
        (error: unknown) => ({ error, print }),
      );
    if (fingerprint(options.files) !== print) continue;
    if ('error' in outcome) throw outcome.error;
    return outcome;
  }
  throw new UsageError(
    `${options.files.join(', ')} keep changing while they are read; write them once, and by renaming`,
  );
}

class WatchedFiles<T> implements Reloadable<T> {
  readonly #options: ReloadableOptions<T>;
  readonly #listeners = new Set<(now: T, before: T) => void>();
  #value: T;
  /** State of the files at the last reading, good or bad. */
  #readPrint: string;
  #seenPrint: string;
  #unsettledLooks = 0;
  /** Why the files cannot be used at present. */
  #fault: string | undefined;
  #triedAtMs = 0;
  #retryMs = RETRY_MS;
  /** The reading that goes on; the next one waits for it. */
  #busy: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: ReloadableOptions<T>, first: Reading<T>) {
    this.#options = options;
    this.#value = first.value;
    this.#readPrint = first.print;
    this.#seenPrint = first.print;
    this.#arm();
  }

  current(): T {
    return this.#value;
  }

  onChange(listener: (now: T, before: T) => void): () => void {
    // A function of its own, so that the same listener given twice is two.
    const own = (now: T, before: T): void => listener(now, before);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  reload(): Promise<boolean> {
    return this.#enqueue(() => this.#read(false));
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#listeners.clear();
  }

  #arm(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#enqueue(() => this.#look()).finally(() => this.#arm());
    }, this.#options.pollMs ?? POLL_MS).unref();
  }

  #enqueue<R>(work: () => Promise<R>): Promise<R> {
    const done = this.#busy.then(work);
    this.#busy = done.catch(() => {});
    return done;
  }

  async #look(): Promise<void> {
    const print = fingerprint(this.#options.files);
    const settled = print === this.#seenPrint;
    this.#seenPrint = print;
    this.#unsettledLooks = settled ? 0 : this.#unsettledLooks + 1;
    if (this.#unsettledLooks === MAX_UNSETTLED_LOOKS)
      this.#keepLastGood([new UsageError('the files never stop changing')]);
    if (!settled) return;
    const changed = print !== this.#readPrint;
    const isTime = this.#fault !== undefined && performance.now() - this.#triedAtMs >= this.#retryMs;
    if (!changed && !isTime) return;
    this.#retryMs = changed ? RETRY_MS : Math.min(2 * this.#retryMs, MAX_RETRY_MS);
    await this.#read(!changed);
  }

  async #read(isRetry: boolean): Promise<boolean> {
    if (this.#closed) return false;
    this.#triedAtMs = performance.now();
    const print = fingerprint(this.#options.files);
    try {
      const { value, print: readPrint, faults } = await readSettled(this.#options, this.#value);
      this.#readPrint = readPrint;
      const isWhole = faults.length === 0;
      if (isWhole) this.#mended(value);
      this.#replace(value, isWhole ? 'changed files are in use' : 'of changed files, what may not wait is in use');
      if (!isWhole) this.#keepLastGood(faults, isRetry);
      return isWhole;
    } catch (error) {
      // Of before the reading: had the files changed since, the next look would see it.
      this.#readPrint = print;
      this.#keepLastGood([error], isRetry);
      return false;
    }
  }

  #mended(value: T): void {
    if (this.#closed) return;
    const { what, log, onOutcome } = this.#options;
    const wasBroken = this.#fault !== undefined;
    this.#fault = undefined;
    onOutcome?.(true);
    if (wasBroken && value === this.#value) log.info({ what }, 'the files are as they were in use');
  }

  #replace(value: T, words: string): void {
    const before = this.#value;
    const { what, log } = this.#options;
    if (this.#closed || value === before) return;
    this.#value = value;
    log.info({ what }, words);
    for (const listener of [...this.#listeners]) {
      try {
        listener(value, before);
      } catch (error) {
        log.error({ what, err: error }, 'a listener to changed files failed');
      }
    }
  }

  #keepLastGood(faults: readonly unknown[], isRetry = false): void {
    if (this.#closed) return;
    const { what, log, onOutcome } = this.#options;
    const why = faults.map((fault) => (fault instanceof Error ? fault.message : String(fault))).join('; ');
    const isNews = why !== this.#fault;
    this.#fault = why;
    if (isNews || !isRetry) onOutcome?.(false);
    if (!isNews) return;
    // The stack of an operator's mistake would say nothing that the sentence does not.
    const err = faults.find((fault) => !(fault instanceof UsageError));
    const detail = err === undefined ? {} : { err };
    log.error({ what, why, ...detail }, 'changed files cannot be used; what was in use before stays');
  }
}
