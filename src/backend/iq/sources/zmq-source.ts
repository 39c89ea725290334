import type { Logger } from 'pino';
import { PassbandError } from '../../../errors.ts';
import type { Clock } from '../../clock.ts';
import { AlignedPlace } from '../aligned-place.ts';
import { bytesPerSample, type Datatype } from '../formats.ts';
import type { ZmqConfig } from './config.ts';
import { parseTaggedMessage } from './gnuradio-message.ts';
import { malformed } from './pmt.ts';
import { type ReceiverNote, receiverNotes } from './receiver-tags.ts';
import { SinkTimeline } from './sink-timeline.ts';
import type { FrontEnd, Source, SourceSink, Tuning } from './source.ts';
import type { ZmqSubscribe } from './zmq.ts';

/** Milliseconds without samples after which the sink counts as silent, and until the connection is made anew. */
export const SILENCE_MS = 5000;
/** Milliseconds between two looks at how long nothing has come. */
export const WATCH_MS = 500;
/** Milliseconds between two log lines about messages that are dropped. */
const COMPLAINT_MS = 10_000;

/** What the source is made with. */
export interface ZmqSourceContext {
  readonly stationId: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly subscribe: ZmqSubscribe;
}

/**
 * Samples of a GNU Radio ZeroMQ PUB sink. The sink sends without asking and drops silently what it cannot get rid of. With
 * tags its messages say where they belong, and the loss is exact; without them a loss shows only as samples that are
 * missing by the clock.
 */
export class ZmqSource implements Source {
  readonly kind = 'zmq';
  readonly connects = true;
  readonly #config: ZmqConfig;
  readonly #context: ZmqSourceContext;
  readonly #timeline: SinkTimeline;
  #tuning: Tuning;
  #fault: PassbandError | undefined;
  #sink: SourceSink | undefined;
  #unsubscribe: (() => void) | undefined;
  #cancelWatch: (() => void) | undefined;
  /** When samples last came, or a connection was last begun. */
  #heardMs = 0;
  /** Messages that were dropped since the last complaint, and why the last was. */
  #dropped = 0;
  #dropReason: string | undefined;
  #complainedMs = Number.NEGATIVE_INFINITY;
  /** When the log last heard of offsets that began anew. */
  #restartMs = Number.NEGATIVE_INFINITY;
  /** For samples behind a header, which has any length. */
  readonly #place: AlignedPlace;

  constructor(config: ZmqConfig, context: ZmqSourceContext) {
    this.#config = config;
    this.#context = context;
    this.#place = new AlignedPlace(config.datatype);
    this.#tuning = { sampleRateHz: config.sampleRateHz, centerFrequencyHz: config.centerFrequencyHz };
    this.#timeline = new SinkTimeline(context.clock, config.sampleRateHz);
  }

  get datatype(): Datatype {
    return this.#config.datatype;
  }

  get tuning(): Tuning {
    return this.#tuning;
  }

  get fault(): PassbandError | undefined {
    return this.#fault;
  }

  nextIndex(): number {
    return this.#timeline.next;
  }

  start(sink: SourceSink): void {
    if (this.#sink !== undefined) throw new Error('the source delivers already');
    this.#sink = sink;
    this.#timeline.expect();
    this.#cancelWatch = this.#context.clock.every(WATCH_MS, () => this.#watch());
    this.#connect();
  }

  stop(): void {
    this.#cancelWatch?.();
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#sink = undefined;
    // Whoever starts it again shall see for himself.
    this.#fault = undefined;
    this.#dropReason = undefined;
    this.#timeline.stop();
  }

  /** The flowgraph decides; only what it has already may be asked for. */
  tune(tuning: Tuning, frontEnd: FrontEnd): void {
    const { sampleRateHz, centerFrequencyHz } = this.#tuning;
    const isSame = tuning.sampleRateHz === sampleRateHz && tuning.centerFrequencyHz === centerFrequencyHz;
    if (isSame && frontEnd.gainDb === undefined && frontEnd.frequencyCorrectionPpm === undefined) return;
    throw new PassbandError(
      'FAILED_PRECONDITION',
      `the GNU Radio flowgraph of this station decides on its tuning (${sampleRateHz} samples/s at ${centerFrequencyHz} Hz); change it there`,
    );
  }

  close(): void {}

  #connect(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#heardMs = this.#context.clock.nowMs();
    try {
      this.#unsubscribe = this.#context.subscribe(this.#config.endpoint, {
        message: (parts) => this.#take(parts),
        disconnected: () => this.#timeline.breakOff(),
        broken: (error) =>
          this.#context.log.error({ ...this.#facts, err: error }, 'subscription to a ZeroMQ sink broke'),
      });
    } catch (cause) {
      // No file descriptor, or an endpoint that the library does not take. The watch tries again.
      this.#context.log.error({ ...this.#facts, err: cause }, 'cannot subscribe to a ZeroMQ sink');
      if (this.#fault === undefined) this.#fail('cannot be subscribed to', cause);
    }
  }

  #fail(why: string, cause?: unknown): void {
    this.#timeline.pause();
    this.#fault = new PassbandError('UNAVAILABLE', `the GNU Radio sink of this station ${why}`, { cause });
    this.#sink?.failed(this.#fault);
  }

  get #facts(): { readonly station: string; readonly endpoint: string } {
    return { station: this.#context.stationId, endpoint: this.#config.endpoint };
  }

  #watch(): void {
    if (this.#context.clock.nowMs() - this.#heardMs < SILENCE_MS) return;
    if (this.#fault === undefined) {
      const why =
        this.#dropReason === undefined
          ? `has sent nothing for ${SILENCE_MS / 1000} s; is its flowgraph running?`
          : `sends nothing that can be read: ${this.#dropReason}`;
      this.#context.log.warn({ ...this.#facts, reason: why }, 'no samples from a ZeroMQ sink');
      this.#dropReason = undefined;
      this.#fail(why);
    }
    // A connection that the other end broke the rules of is not tried again by the library.
    if (this.#sink !== undefined) this.#connect();
  }

  #take(parts: readonly Uint8Array[]): void {
    try {
      this.#deliver(parts);
    } catch (error) {
      if (error instanceof PassbandError) this.#drop(error.publicMessage);
      else this.#stumble(error);
    }
  }

  /** Samples could not be taken, by no fault of the message: it is tried again with a new connection. */
  #stumble(cause: unknown): void {
    this.#context.log.error({ ...this.#facts, err: cause }, 'samples of a ZeroMQ sink cannot be taken');
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    if (this.#sink !== undefined) this.#fail('brings samples that cannot be taken', cause);
  }

  /** What was in the message is missing from then on: by its count where the next one has one, else by the clock. */
  #drop(reason: string): void {
    this.#dropped++;
    this.#dropReason = reason;
    if (!this.#config.tags) this.#timeline.breakOff();
    const nowMs = this.#context.clock.nowMs();
    if (nowMs - this.#complainedMs < COMPLAINT_MS) return;
    this.#context.log.warn({ ...this.#facts, messages: this.#dropped, reason }, 'messages of a ZeroMQ sink dropped');
    this.#complainedMs = nowMs;
    this.#dropped = 0;
  }

  #deliver(parts: readonly Uint8Array[]): void {
    // A sink with a key sends that as a part of its own, in front.
    const body = parts.at(-1);
    if (body === undefined || parts.length > 2) throw malformed(`has ${parts.length} parts; a sink sends one or two`);
    const message = this.#config.tags ? parseTaggedMessage(body) : { offset: undefined, tags: [], items: body };
    const { offset, items } = message;
    const sampleBytes = bytesPerSample(this.datatype);
    if (items.length % sampleBytes !== 0) {
      const hint = this.#config.tags ? '' : ', and without tags';
      throw malformed(`has ${items.length} bytes of samples: no whole number of ${this.datatype}${hint}`);
    }
    const samples = items.length / sampleBytes;
    if (samples === 0) return;
    const notes = offset === undefined ? [] : receiverNotes({ ...message, offset }, samples);
    const { sampleIndex, suspectedLoss, beganAnew } = this.#timeline.place(samples, offset);
    this.#heard();
    if (suspectedLoss > 0) this.#suspect(suspectedLoss);
    if (beganAnew) this.#restarted();
    this.#emit(sampleIndex, this.#place.lay(items), notes);
  }

  #heard(): void {
    this.#heardMs = this.#context.clock.nowMs();
    if (this.#fault === undefined) return;
    this.#fault = undefined;
    this.#context.log.info(this.#facts, 'samples from a ZeroMQ sink come again');
  }

  #suspect(samples: number): void {
    this.#sink?.suspected?.(samples);
    const what = 'samples of a ZeroMQ sink without tags seem to be lost: fewer came than were due';
    this.#context.log.warn({ ...this.#facts, samples }, what);
  }

  /** Now and then that is a flowgraph that was started again; all the time, a sink whose items are no samples. */
  #restarted(): void {
    const nowMs = this.#context.clock.nowMs();
    if (nowMs - this.#restartMs < COMPLAINT_MS) return;
    this.#restartMs = nowMs;
    this.#context.log.warn(this.#facts, 'offsets of a ZeroMQ sink began anew: its index goes on by the clock');
  }

  /** Hands samples on in pieces of one tuning each. */
  #emit(firstIndex: number, bytes: Uint8Array, notes: readonly ReceiverNote[]): void {
    const sampleBytes = bytesPerSample(this.datatype);
    let index = firstIndex;
    let from = 0;
    const emitUntil = (to: number): void => {
      if (to === from) return;
      const piece = bytes.subarray(from * sampleBytes, to * sampleBytes);
      const timestampNs = this.#timeline.timestampNs(index);
      this.#sink?.samples({ sampleIndex: index, timestampNs, ...this.#tuning, bytes: piece });
      index += to - from;
      from = to;
    };
    for (const { at, sampleRateHz, centerFrequencyHz, time } of notes) {
      emitUntil(at);
      if (sampleRateHz !== undefined && sampleRateHz !== this.#tuning.sampleRateHz) {
        this.#timeline.setRate(index, sampleRateHz);
        this.#tuning = { ...this.#tuning, sampleRateHz };
      }
      if (centerFrequencyHz !== undefined) this.#tuning = { ...this.#tuning, centerFrequencyHz };
      if (time !== undefined) index += this.#timeline.setTime(index, time);
    }
    emitUntil(bytes.length / sampleBytes);
  }
}
