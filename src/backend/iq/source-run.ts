import { PassbandError } from '../../errors.ts';
import type { Clock } from '../clock.ts';
import type { Source, SourceSink } from './sources/source.ts';

/** The running of a station's source: while somebody listens, and for some time afterwards. */
export class SourceRun {
  readonly #source: Source;
  readonly #clock: Clock;
  /** Called whenever it has stopped. */
  readonly #onStop: () => void;
  #isOn = false;
  #cancelLinger: (() => void) | undefined;

  constructor(source: Source, clock: Clock, onStop: () => void) {
    this.#source = source;
    this.#clock = clock;
    this.#onStop = onStop;
  }

  /** The source is started: it delivers, or tries to. */
  get isOn(): boolean {
    return this.#isOn;
  }

  /** It is going to be stopped unless somebody comes. */
  get lingers(): boolean {
    return this.#cancelLinger !== undefined;
  }

  /** @throws PassbandError UNAVAILABLE where the source cannot be started. */
  start(sink: SourceSink): void {
    this.#isOn = true;
    try {
      this.#source.start(sink);
    } catch (cause) {
      this.stop();
      const reason = 'the source of this station cannot be started; try again later';
      throw new PassbandError('UNAVAILABLE', reason, { cause });
    }
  }

  stop(): void {
    this.stay();
    if (!this.#isOn) return;
    this.#isOn = false;
    this.#source.stop();
    this.#onStop();
  }

  /** Nobody listens: it goes on for so long, and `over` is called when it has stopped. */
  linger(ms: number, over: () => void): void {
    this.stay();
    this.#cancelLinger = this.#clock.after(ms, () => {
      this.#cancelLinger = undefined;
      this.stop();
      over();
    });
  }

  /** It goes on. */
  stay(): void {
    this.#cancelLinger?.();
    this.#cancelLinger = undefined;
  }
}
