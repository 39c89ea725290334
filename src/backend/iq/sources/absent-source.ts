import type { Logger } from 'pino';
import { PassbandError, UsageError } from '../../../errors.ts';
import type { Clock } from '../../clock.ts';
import { withoutFolders } from '../../without-folders.ts';
import { RetryDelays } from './retry-delays.ts';
import type { Source, SourceKind, Tuning } from './source.ts';

/** An opening that is under way. */
export interface Opening {
  /** @throws UsageError where it cannot be opened. */
  readonly source: Promise<Source>;
  /** Ends it; what comes after all is let go of. */
  readonly giveUp: () => void;
}

/** What a source that is not there, or not yet, is opened with. */
export interface AbsentContext {
  readonly kind: SourceKind;
  /** Why it could not be opened, or the opening that is still under way. */
  readonly first: UsageError | Opening;
  readonly clock: Clock;
  /** With the name of the station. */
  readonly log: Logger;
  readonly open: () => Opening;
  /** Takes it, once it is open. */
  readonly opened: (source: Source) => void;
  /** Is told that it could not be opened, the first time. */
  readonly failed: () => void;
}

/**
 * Stands in for a source that is still being opened, such as a long recording whose hash is checked, or that could not be
 * opened, such as a recording whose file is gone: it has a fault and no samples, and tries to open what it stands for after
 * 1 s, 2 s and so on up to 30 s, until it is closed.
 */
export class AbsentSource implements Source {
  readonly kind: SourceKind;
  readonly connects = false;
  readonly isAbsent = true;
  /** Nobody knows; nothing is read in it. */
  readonly datatype = 'cf32_le';
  /** Unknown, like in a message that leaves them out. */
  readonly tuning: Tuning = { sampleRateHz: 0, centerFrequencyHz: 0 };
  readonly #context: AbsentContext;
  readonly #delays = new RetryDelays();
  #fault = BEING_CHECKED;
  #opening: Opening | undefined;
  #isClosed = false;
  #cancelRetry = (): void => {};

  constructor(context: AbsentContext) {
    this.#context = context;
    this.kind = context.kind;
    const { first } = context;
    if (first instanceof UsageError) this.#fail(first);
    else void this.#take(first);
  }

  get fault(): PassbandError {
    return this.#fault;
  }

  nextIndex(): number {
    return 0;
  }

  start(): void {}

  stop(): void {}

  tune(): void {
    throw this.#fault;
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelRetry();
    this.#opening?.giveUp();
  }

  #fail(cause: unknown): void {
    const { clock, log, open, failed } = this.#context;
    const before = this.#fault;
    if (cause instanceof UsageError) this.#fault = faultOf(cause);
    else if (before === BEING_CHECKED) this.#fault = NOT_OPENED;
    if (before === BEING_CHECKED) failed();
    const isNews = !(cause instanceof UsageError) || this.#fault.publicMessage !== before.publicMessage;
    const retryMs = Math.round(this.#delays.next());
    this.#cancelRetry = clock.after(retryMs, () => void this.#take(open()));
    log[isNews ? 'warn' : 'debug']({ retryMs, err: cause }, 'the source of a station cannot be opened');
  }

  async #take(opening: Opening): Promise<void> {
    this.#opening = opening;
    let source: Source;
    try {
      source = await opening.source;
    } catch (error) {
      if (!this.#isClosed) this.#fail(error);
      return;
    } finally {
      this.#opening = undefined;
    }
    if (this.#isClosed) {
      source.close();
      return;
    }
    try {
      this.#context.opened(source);
    } catch (error) {
      // Nobody waits for this promise: what is thrown here would end the process.
      source.close();
      this.#fail(error);
    }
  }
}

const BEING_CHECKED = new PassbandError(
  'UNAVAILABLE',
  'the recording of this station is still being checked; its samples come when that is done',
);

const NOT_OPENED = new PassbandError('UNAVAILABLE', 'the source cannot be opened; it is tried again');

function faultOf(cause: UsageError): PassbandError {
  return new PassbandError('UNAVAILABLE', `${withoutFolders(cause.message)}; it is tried again`, { cause });
}
