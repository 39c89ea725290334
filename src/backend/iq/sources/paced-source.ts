import type { Logger } from 'pino';
import { PassbandError } from '../../../errors.ts';
import { samplesNs } from '../../../sigmf/samples-ns.ts';
import type { Clock } from '../../clock.ts';
import { bytesPerSample, type Datatype } from '../formats.ts';
import { Pacer } from './pacer.ts';
import { refuseFrontEnd } from './refuse-front-end.ts';
import { RetryDelays } from './retry-delays.ts';
import {
  type FrontEnd,
  MAX_BLOCK_SAMPLES,
  type Reception,
  type Source,
  type SourceKind,
  type SourceSink,
  type Tuning,
} from './source.ts';

/** Samples as a function of their index: what differs between sources that are paced by the clock. */
export interface SampleGenerator {
  readonly kind: SourceKind;
  readonly datatype: Datatype;
  readonly tuning: Tuning;
  readonly reception?: Reception;
  /** Sample `sampleIndex` is due at this time, and those after it at the rate of `tuning`: told at first and after each tune. */
  anchor(sampleIndex: number, timestampNs: bigint): void;
  /** Fills `target` with whole samples from `sampleIndex` on. */
  fill(sampleIndex: number, target: Uint8Array): void;
  /** Listens elsewhere from a sample on. @throws PassbandError FAILED_PRECONDITION when it cannot. */
  tune(tuning: Tuning, fromIndex: number): void;
}

interface Anchor {
  readonly index: number;
  readonly timestampNs: bigint;
}

/** Delivers a generator's samples in real time. The index follows the clock even while nothing is delivered. */
export class PacedSource implements Source {
  readonly connects = false;
  readonly #generator: SampleGenerator;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #scratch: Uint8Array;
  readonly #bytesPerSample: number;
  readonly #pacer: Pacer;
  readonly #delays = new RetryDelays();
  #anchor: Anchor;
  #sink: SourceSink | undefined;
  #fault: PassbandError | undefined;
  #cancelRetry = (): void => {};

  /** @param log with the name of the station. */
  constructor(generator: SampleGenerator, clock: Clock, log: Logger) {
    this.#generator = generator;
    this.#clock = clock;
    this.#log = log;
    this.#bytesPerSample = bytesPerSample(generator.datatype);
    this.#scratch = new Uint8Array(MAX_BLOCK_SAMPLES * this.#bytesPerSample);
    this.#pacer = new Pacer(clock, generator.tuning.sampleRateHz);
    this.#anchor = this.#anchorAt(0);
  }

  get kind(): SourceKind {
    return this.#generator.kind;
  }

  get datatype(): Datatype {
    return this.#generator.datatype;
  }

  get tuning(): Tuning {
    return this.#generator.tuning;
  }

  /** The clock does not fail; there is one after a mistake of our own. */
  get fault(): PassbandError | undefined {
    return this.#fault;
  }

  nextIndex(): number {
    const { next, due } = this.#pacer;
    // While it delivers, what is due and not made yet still comes; while it does not, it never will.
    return this.#sink === undefined || this.#fault !== undefined ? Math.max(next, due) : next;
  }

  start(sink: SourceSink): void {
    if (this.#sink !== undefined) throw new Error('the source delivers already');
    this.#pacer.next = this.nextIndex();
    this.#sink = sink;
    this.#arm();
  }

  stop(): void {
    this.#pacer.stop();
    this.#cancelRetry();
    this.#sink = undefined;
    this.#fault = undefined;
  }

  tune(tuning: Tuning, frontEnd: FrontEnd): void {
    refuseFrontEnd(this.kind, frontEnd);
    const isDelivering = this.#sink !== undefined && this.#fault === undefined;
    if (isDelivering) this.#tick();
    const from = this.nextIndex();
    this.#generator.tune(tuning, from);
    this.#anchor = this.#anchorAt(from);
    this.#pacer.next = from;
    if (isDelivering) this.#arm();
  }

  close(): void {}

  #arm(): void {
    this.#pacer.start(() => this.#tick());
  }

  #anchorAt(index: number): Anchor {
    const timestampNs = this.#clock.wallNs();
    this.#generator.anchor(index, timestampNs);
    this.#pacer.anchor(index, this.tuning.sampleRateHz);
    return { index, timestampNs };
  }

  #tick(): void {
    try {
      this.#pacer.keepUp((due) => this.#make(Math.min(due, MAX_BLOCK_SAMPLES)));
    } catch (error) {
      this.#fail(error);
    }
  }

  #make(count: number): boolean {
    const sink = this.#sink;
    if (sink === undefined) return false;
    const { sampleRateHz, centerFrequencyHz } = this.tuning;
    const bytes = this.#scratch.subarray(0, count * this.#bytesPerSample);
    const sampleIndex = this.#pacer.next;
    this.#generator.fill(sampleIndex, bytes);
    this.#pacer.next += count;
    const timestampNs = this.#anchor.timestampNs + samplesNs(sampleIndex - this.#anchor.index, sampleRateHz);
    const { reception } = this.#generator;
    const block = { sampleIndex, timestampNs, sampleRateHz, centerFrequencyHz, bytes };
    this.#fault = undefined;
    sink.samples(reception === undefined ? block : { ...block, reception });
    this.#delays.reset();
    return true;
  }

  /** Made or taken, a sample went wrong: no other station shall suffer for it. */
  #fail(cause: unknown): void {
    const sink = this.#sink;
    this.#pacer.stop();
    if (sink === undefined) return;
    const isNews = this.#fault === undefined;
    const retryMs = Math.round(this.#delays.next());
    this.#log.error({ retryMs, err: cause }, 'the samples of a station cannot be made');
    this.#fault ??= new PassbandError('UNAVAILABLE', 'the samples of this station cannot be made; it is tried again', {
      cause,
    });
    this.#cancelRetry = this.#clock.after(retryMs, () => {
      this.#pacer.next = this.nextIndex();
      this.#arm();
    });
    if (isNews) sink.failed(this.#fault);
  }
}
