import type { Logger } from 'pino';
import { PassbandError, UsageError } from '../../../errors.ts';
import type { Clock } from '../../clock.ts';
import { withoutFolders } from '../../without-folders.ts';
import { RetryDelays } from './retry-delays.ts';
import type { Source, SourceKind, Tuning } from './source.ts';

/** What a source that is not there is tried again with. */
export interface AbsentContext {
  readonly kind: SourceKind;
  /** Why it could not be opened. */
  readonly cause: UsageError;
  readonly clock: Clock;
  /** With the name of the station. */
  readonly log: Logger;
  /** Opens it. @throws UsageError where it still cannot be. */
  readonly open: () => Promise<Source>;
  /** Takes it, once it is open. */
  readonly opened: (source: Source) => void;
}

/**
 * Stands in for a source that could not be opened, such as a recording whose file is gone: it has a fault and no samples,
 * and tries to open what it stands for after 1 s, 2 s and so on up to 30 s, until it is closed.
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
  #fault: PassbandError;
  #isClosed = false;
  #cancelRetry = (): void => {};

  constructor(context: AbsentContext) {
    this.#context = context;
    this.kind = context.kind;
    this.#fault = faultOf(context.cause);
    this.#wait(context.cause, 'warn');
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
  }

  #wait(cause: unknown, level: 'warn' | 'debug'): void {
    const { clock, log } = this.#context;
    const retryMs = Math.round(this.#delays.next());
    this.#cancelRetry = clock.after(retryMs, () => void this.#retry());
    log[level]({ retryMs, err: cause }, 'the source of a station cannot be opened');
  }

  async #retry(): Promise<void> {
    const { open, opened } = this.#context;
    let source: Source;
    try {
      source = await open();
    } catch (error) {
      if (this.#isClosed) return;
      const before = this.#fault.publicMessage;
      if (error instanceof UsageError) this.#fault = faultOf(error);
      this.#wait(error, this.#fault.publicMessage === before ? 'debug' : 'warn');
      return;
    }
    if (this.#isClosed) {
      source.close();
      return;
    }
    try {
      opened(source);
    } catch (error) {
      // Nobody waits for this promise: what is thrown here would end the process.
      source.close();
      this.#wait(error, 'warn');
    }
  }
}

function faultOf(cause: UsageError): PassbandError {
  return new PassbandError('UNAVAILABLE', `${withoutFolders(cause.message)}; it is tried again`, { cause });
}
