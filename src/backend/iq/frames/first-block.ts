import type { PassbandError } from '../../../errors.ts';
import type { Clock } from '../../clock.ts';

/** Milliseconds that a reader waits for a source that has to connect, before it is told that it was accepted. */
export const READY_WAIT_MS = 3000;

/** Those who wait until a source has shown whether it works. */
export class FirstBlock {
  readonly #clock: Clock;
  readonly #connects: boolean;
  readonly #waiting = new Set<(fault?: PassbandError) => void>();
  #came = false;

  /** @param connects whether the source may find nobody at the other end. */
  constructor(connects: boolean, clock: Clock) {
    this.#connects = connects;
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
    if (!this.#connects || this.#came) return Promise.resolve();
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
