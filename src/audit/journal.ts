import { join } from 'node:path';
import { makeFolder } from '../durable-files.ts';
import { openAppendFile } from './append-file.ts';
import type { Audit, AuditDecision, AuditEnd, AuditFacts } from './audit.ts';
import { ChainWriter } from './chain-writer.ts';
import { recovered, unavailable, unusable } from './journal-faults.ts';
import { JournalFiles } from './journal-files.ts';
import type { JournalOptions } from './journal-options.ts';
import { type Body, decisionBody, endBody, journalBody } from './line.ts';
import { type Lock, takeLock } from './lock.ts';
import { Tenure } from './tenure.ts';
import { Waiters } from './waiters.ts';

/** Bytes of lines that may wait to be written: some hundred thousand, such as the ends of all streams there can be. */
export const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** Bytes of waiting lines at which a journal no longer keeps up; what is left is for the ends of what runs already. */
export const MAX_BACKLOG_BYTES = 8 * 1024 * 1024;
/** Permission bits of a folder that is made for journals: its owner's alone. */
const FOLDER_MODE = 0o700;
/** Milliseconds between two attempts to write what could not be written, and between two syncs of `interval`. */
const BEAT_MS = 1_000;

/**
 * An audit journal: lines are queued, put into the chain and written in the order in which they came, many at once while
 * the disk is busy. What cannot be written stays queued and is tried again every second.
 */
export class Journal implements Audit {
  readonly #options: JournalOptions;
  readonly #writer: ChainWriter;
  readonly #lock: Lock;
  readonly #tenure: Tenure;
  readonly #waiters = new Waiters();
  readonly #beat: NodeJS.Timeout;
  #queue: Body[] = [];
  #queuedBytes = 0;
  /** Lines that came, and those of them that are as durable as they shall be. */
  #came = 0;
  #durable = 0;
  #lost = 0;
  /** Since when lines cannot be written, or are lost, and why. */
  #outage: { readonly since: string; readonly reason: string } | undefined;
  #broken = false;
  #syncDue = false;
  #lookDue = false;
  #working: Promise<void> | undefined;
  #scheduled = false;
  #closed = false;

  private constructor(options: JournalOptions, writer: ChainWriter, lock: Lock, tenure: Tenure) {
    this.#options = options;
    this.#writer = writer;
    this.#lock = lock;
    this.#tenure = tenure;
    this.#beat = setInterval(() => this.#onBeat(), options.beatMs ?? BEAT_MS);
    this.#beat.unref();
  }

  /**
   * Opens a journal where it ended, mends what a crash left there, and writes that the program has started.
   *
   * @throws UsageError naming --audit when the folder cannot be written to or another process keeps the journal, and the
   * file when its end is nothing that a crash leaves behind.
   */
  static async open(options: JournalOptions): Promise<Journal> {
    const { folder, program, openFile = openAppendFile, log, maxBytes, keep } = options;
    let lock: Lock | undefined;
    try {
      await makeFolder(folder, FOLDER_MODE);
      lock = await takeLock(join(folder, `${program}.lock`));
      const { files, chain, end, emptied } = await JournalFiles.open(folder, program, openFile);
      const tenure = new Tenure(lock, files, log);
      const writer = new ChainWriter(files, tenure, chain, { maxBytes, keep }, end?.unended === true ? '\n' : '');
      const journal = new Journal(options, writer, lock, tenure);
      if (end?.torn !== undefined) journal.#add(recovered(end.torn));
      journal.#add(journalBody('start', { pid: process.pid }));
      await journal.#work();
      if (journal.#outage !== undefined) {
        await journal.close();
        throw new Error(journal.#outage.reason);
      }
      const from = { journal: writer.path, head: chain.hash, seq: chain.seq };
      if (end?.torn !== undefined) log.warn(from, 'the audit journal ended within a line; it goes on behind it');
      for (const file of emptied)
        log.error({ ...from, file }, 'a file of the audit journal was emptied; its lines are lost');
      log.info(from, 'audit journal is open');
      return journal;
    } catch (error) {
      await lock?.release();
      throw unusable(folder, error);
    }
  }

  assertWritable(): void {
    if (this.#options.whenFull === 'warn') return;
    if (!this.#broken && this.#queuedBytes + this.#writer.unwrittenBytes < MAX_BACKLOG_BYTES) return;
    throw unavailable();
  }

  decision(facts: AuditFacts, decision: AuditDecision): void {
    this.#add(decisionBody(facts, decision));
  }

  streamEnd(facts: AuditFacts, end: AuditEnd): void {
    this.#add(endBody(facts, end));
  }

  settled(): Promise<void> | undefined {
    const { sync, whenFull } = this.#options;
    if (sync !== 'always' || this.#durable >= this.#came) return undefined;
    if (!this.#broken) return this.#waiters.until(this.#came);
    return whenFull === 'warn' ? undefined : Promise.reject(unavailable());
  }

  /** Writes what waits, with one last try for what could not be written, and lets another process have the journal. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#beat);
    await this.#working;
    await this.#work();
    if (!this.#broken) {
      this.#push(journalBody('stop', {}));
      await this.#work();
    }
    const { log } = this.#options;
    const { path, chain, unwrittenLines, doubtfulLines } = this.#writer;
    const lines = this.#queue.length + unwrittenLines + doubtfulLines + this.#lost;
    if (lines > 0) log.error({ journal: path, lines }, 'audit lines could not be written and are lost');
    await this.#writer.close().catch(() => {});
    await this.#lock.release();
    // Whoever keeps this elsewhere can tell later that nothing was cut off the journal's end.
    log.info({ journal: path, head: chain.hash, seq: chain.seq }, 'audit journal is closed');
  }

  #add(body: Body): void {
    const bytes = Buffer.byteLength(body);
    if (this.#closed || this.#queuedBytes + this.#writer.unwrittenBytes + bytes > MAX_WAITING_BYTES) {
      this.#lose(body);
      return;
    }
    this.#push(body);
    if (this.#scheduled || this.#broken) return;
    this.#scheduled = true;
    // All that comes in one turn of the event loop is written at once.
    setImmediate(() => {
      this.#scheduled = false;
      void this.#work();
    });
  }

  #push(body: Body): void {
    this.#queue.push(body);
    this.#queuedBytes += Buffer.byteLength(body);
    this.#came++;
  }

  /** Never silently: the log has the first, the metrics how many, and the journal, too, as soon as it can. */
  #lose(body: Body): void {
    const { metrics, log } = this.#options;
    const reason = this.#closed ? 'the journal is closed' : 'too many lines wait';
    metrics.lost(1);
    if (this.#lost++ === 0 || this.#closed)
      log.error({ journal: this.#writer.path, line: body, reason }, 'audit line lost');
    this.#outage ??= { since: new Date().toISOString(), reason };
  }

  #onBeat(): void {
    if (this.#options.sync === 'interval') this.#syncDue = true;
    this.#lookDue = true;
    void this.#tenure.beat().then(() => this.#work());
  }

  /** Writes what waits; one writer at a time. */
  #work(): Promise<void> {
    this.#working ??= this.#write()
      .catch((error: unknown) => this.#onFault(error))
      .finally(() => {
        this.#working = undefined;
      });
    return this.#working;
  }

  async #write(): Promise<void> {
    const { sync, metrics } = this.#options;
    for (;;) {
      const lines = await this.#writer.flush();
      metrics.written(lines);
      if (this.#writer.inDoubt) this.#putFirst(await this.#writer.repeat());
      if (this.#writer.dirty && this.#mustSync()) await this.#writer.sync();
      this.#syncDue = false;
      if (this.#lookDue) await this.#stayInPlace();
      this.#durable = this.#came - this.#queue.length;
      this.#waiters.reached(this.#durable);
      // All that waited is written: only that shows that an outage is over.
      if (this.#outage !== undefined && this.#queue.length === 0) this.#onMended(this.#outage);
      if (this.#queue.length === 0) return;
      for (const body of await this.#writer.take(this.#queue, sync !== 'never'))
        this.#queuedBytes -= Buffer.byteLength(body);
    }
  }

  /** Lines that came before are written before; they count as waiting again. */
  #putFirst(bodies: readonly Body[]): void {
    this.#queue = [...bodies, ...this.#queue];
    for (const body of bodies) this.#queuedBytes += Buffer.byteLength(body);
  }

  #mustSync(): boolean {
    const { sync } = this.#options;
    if (sync !== 'interval' || this.#syncDue || this.#closed) return sync !== 'never';
    // An outage is over when lines are on the disk; and what is kept in memory until a sync is bounded.
    return this.#outage !== undefined || this.#writer.unsyncedBytes >= MAX_BACKLOG_BYTES;
  }

  /** Lines in a file that was moved away or removed are soon nobody's: the chain goes on where it belongs. */
  async #stayInPlace(): Promise<void> {
    await this.#tenure.requireOurs();
    if (!(await this.#writer.inPlace())) {
      const { path: journal, chain } = this.#writer;
      this.#options.log.error({ journal, seq: chain.seq }, 'the audit journal was moved or removed; it goes on anew');
      await this.#writer.goOn();
    }
    this.#lookDue = false;
  }

  #onFault(error: unknown): void {
    const { log, metrics, whenFull } = this.#options;
    const reason = error instanceof Error ? error.message : String(error);
    if (!this.#broken) {
      log.error({ journal: this.#writer.path, whenFull, cause: reason }, 'the audit journal cannot be written');
      metrics.broken(true);
    }
    this.#broken = true;
    this.#outage ??= { since: new Date().toISOString(), reason };
    if (whenFull === 'stop') this.#waiters.fail(unavailable());
    else this.#waiters.reached(Number.POSITIVE_INFINITY);
  }

  #onMended({ since, reason }: { readonly since: string; readonly reason: string }): void {
    const { log, metrics } = this.#options;
    this.#push(journalBody('outage', { since, reason, lost: this.#lost }));
    log.warn({ journal: this.#writer.path, since, lost: this.#lost }, 'the audit journal is written again');
    metrics.broken(false);
    this.#broken = false;
    this.#outage = undefined;
    this.#lost = 0;
  }
}
