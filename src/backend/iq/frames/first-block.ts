import type { PassbandError } from '../../../errors.ts';
import type { Clock } from '../../clock.ts';
import type { SourceKind } from '../sources/source.ts';

/** Milliseconds that a reader waits for a source that has to connect, before it is told that it was accepted. */
export const READY_WAIT_MS = 3000;

/** Sources that may find nobody at the other end. */
const CONNECTING: ReadonlySet<SourceKind> = new Set(['rtl_tcp', 'zmq', 'push']);

/** Those who wait until a source has shown whether it works. */
export class FirstBlock {
  readonly #clock: Clock;
  readonly #kind: SourceKind;
  readonly #waiting = new Set<(fault?: PassbandError) => void>();
  #came = false;

  constructor(kind: SourceKind, clock: Clock) {
    this.#kind = kind;
    this.#clock = clock;
  }

  /** Whether there was a block since the last start. */
  get came(): boolean {
    return this.#came;
  }

  /** The source is started. */
  expect(): void {
    this.#came = false;
  }

  /** A block has come. */
  arrived(): void {
    this.#came = true;
    this.#tell();
  }

  /** None can come. */
  failed(fault: PassbandError): void {
    this.#tell(fault);
  }

  /**
   * Resolves at once for sources of our own, with the first block or after READY_WAIT_MS for those that connect to
   * something. Rejects with the source's fault.
   */
  ready(): Promise<void> {
    if (!CONNECTING.has(this.#kind) || this.#came) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const done = (fault?: PassbandError): void => {
        cancel();
        this.#waiting.delete(done);
        if (fault === undefined) resolve();
        else reject(fault);
      };
      const cancel = this.#clock.after(READY_WAIT_MS, done);
      this.#waiting.add(done);
    });
  }

  #tell(fault?: PassbandError): void {
    for (const done of [...this.#waiting]) done(fault);
  }
}
