import type { Logger } from 'pino';
import { PassbandError } from '../../../errors.ts';
import type { Clock } from '../../clock.ts';
import type { RtlTcpHeader } from '../../rtl-tcp-protocol.ts';
import { bytesPerSample } from '../formats.ts';
import { ArrivalClock } from './arrival-clock.ts';
import type { RtlTcpConfig } from './config.ts';
import { IndexClock } from './index-clock.ts';
import { RetryDelays } from './retry-delays.ts';
import { RtlTcpConnection } from './rtl-tcp-connection.ts';
import { expressible, isTaken, settingsCommands } from './rtl-tcp-settings.ts';
import type { FrontEnd, Source, SourceSink, Tuning } from './source.ts';

/**
 * Milliseconds of samples thrown away after a change of frequency or rate: a server has some on their way that were
 * received before, by USB blocks of 131072 samples.
 */
export const SETTLE_MS = 200;
/** Milliseconds for which a connection must have delivered before the next pause is the shortest again. */
const WELL_MS = 10_000;
/** Milliseconds between two log lines about samples that seem to be lost. */
const SUSPECT_LOG_MS = 60_000;

/** What the source is made with. */
export interface RtlTcpContext {
  readonly stationId: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** A number from 0 to below 1; Math.random unless a test brings its own. */
  readonly random?: () => number;
}

/**
 * A client of an rtl_tcp server. Its samples are kept as they come (cu8). The protocol has neither counters nor times:
 * the index counts what was received, and jumps by about the time that passed where the connection broke.
 */
export class RtlTcpSource implements Source {
  readonly kind = 'rtl_tcp';
  readonly connects = true;
  readonly datatype = 'cu8';
  readonly #config: RtlTcpConfig;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #index: IndexClock;
  readonly #arrivals: ArrivalClock;
  readonly #delays: RetryDelays;
  #tuning: Tuning;
  #gainDb: number | 'automatic';
  #ppm: number;
  #sink: SourceSink | undefined;
  #connection: RtlTcpConnection | undefined;
  #header: RtlTcpHeader | undefined;
  #fault: PassbandError | undefined;
  #cancelRetry = (): void => {};
  /** Samples that are still to be thrown away. */
  #unsettled = 0;
  #wellSinceMs: number | undefined;
  #suspected = 0;
  #suspectLoggedMs = Number.NEGATIVE_INFINITY;

  /** @throws PassbandError FAILED_PRECONDITION for a tuning that rtl_tcp cannot express. */
  constructor(config: RtlTcpConfig, context: RtlTcpContext) {
    const { host, port } = config;
    this.#config = config;
    this.#clock = context.clock;
    this.#log = context.log.child({ station: context.stationId, server: `${host}:${port}` });
    this.#tuning = expressible(config);
    this.#gainDb = config.gainDb ?? 'automatic';
    this.#ppm = config.frequencyCorrectionPpm ?? 0;
    this.#index = new IndexClock(this.#clock, this.#tuning.sampleRateHz);
    this.#index.pause();
    this.#arrivals = new ArrivalClock(this.#clock, this.#tuning.sampleRateHz);
    this.#delays = new RetryDelays(context.random);
  }

  get tuning(): Tuning {
    return this.#tuning;
  }

  get fault(): PassbandError | undefined {
    return this.#fault;
  }

  nextIndex(): number {
    return this.#index.next;
  }

  start(sink: SourceSink): void {
    if (this.#sink !== undefined) throw new Error('the source delivers already');
    this.#sink = sink;
    this.#index.expect();
    this.#connect();
  }

  stop(): void {
    this.#cancelRetry();
    this.#disconnect();
    this.#sink = undefined;
    this.#fault = undefined;
    this.#delays.reset();
    this.#pause();
  }

  tune(tuning: Tuning, frontEnd: FrontEnd): void {
    const before = this.#tuning;
    this.#tuning = expressible(tuning);
    const { sampleRateHz, centerFrequencyHz } = this.#tuning;
    this.#gainDb = frontEnd.gainDb ?? this.#gainDb;
    this.#ppm = frontEnd.frequencyCorrectionPpm ?? this.#ppm;
    if (sampleRateHz !== before.sampleRateHz) {
      this.#index.setRate(sampleRateHz);
      this.#arrivals.setRate(this.#index.next, sampleRateHz);
      // How long the server takes for it nobody knows.
      this.#arrivals.breakOff();
    }
    const isElsewhere = centerFrequencyHz !== before.centerFrequencyHz || sampleRateHz !== before.sampleRateHz;
    if (this.#header !== undefined) this.#sendSettings(this.#header, isElsewhere);
  }

  close(): void {
    this.stop();
  }

  #connect(): void {
    this.#connection = new RtlTcpConnection(this.#config, this.#clock, {
      opened: (header) => this.#opened(header),
      samples: (bytes) => this.#take(bytes),
      broke: (reason, cause) => this.#broke(reason, cause),
    });
  }

  #disconnect(): void {
    this.#connection?.close();
    this.#connection = undefined;
    this.#header = undefined;
    this.#wellSinceMs = undefined;
  }

  #opened(header: RtlTcpHeader): void {
    this.#header = header;
    this.#log.info(header, 'connected to the rtl_tcp server');
    const { sampleRateHz } = this.#tuning;
    if (!isTaken(sampleRateHz, header)) {
      this.#log.warn({ sampleRateHz }, 'an RTL2832U takes 225001 to 300000 and 900001 to 3200000 samples/s only');
    }
    this.#sendSettings(header, true);
  }

  #sendSettings(header: RtlTcpHeader, isElsewhere: boolean): void {
    const settings = { ...this.#tuning, gainDb: this.#gainDb, frequencyCorrectionPpm: this.#ppm };
    this.#connection?.send(settingsCommands(settings, header));
    if (isElsewhere) this.#unsettled = Math.round((SETTLE_MS / 1000) * this.#tuning.sampleRateHz);
  }

  #take(received: Uint8Array): void {
    const sink = this.#sink;
    const bytes = this.#settled(received);
    if (bytes.length === 0 || sink === undefined) return;
    const sampleIndex = this.#index.place(bytes.length / bytesPerSample(this.datatype));
    const { suspectedLoss, isAhead } = this.#arrivals.arrived(this.#index.next);
    if (isAhead) {
      this.#broke(
        `the rtl_tcp server sends more than the ${this.#tuning.sampleRateHz} samples/s that it was asked for`,
      );
      return;
    }
    this.#isWell();
    this.#suspect(suspectedLoss);
    sink.samples({ ...this.#tuning, sampleIndex, timestampNs: this.#arrivals.timestampNs(sampleIndex), bytes });
  }

  /** What of these samples was received after the latest change of tuning. */
  #settled(bytes: Uint8Array): Uint8Array {
    if (this.#unsettled === 0) return bytes;
    const sampleBytes = bytesPerSample(this.datatype);
    const thrown = Math.min(this.#unsettled, bytes.length / sampleBytes);
    this.#unsettled -= thrown;
    if (this.#wellSinceMs !== undefined) this.#index.skip(thrown);
    return bytes.subarray(thrown * sampleBytes);
  }

  #pause(): void {
    this.#index.pause();
    this.#arrivals.breakOff();
  }

  #isWell(): void {
    const nowMs = this.#clock.nowMs();
    this.#wellSinceMs ??= nowMs;
    if (nowMs - this.#wellSinceMs >= WELL_MS) this.#delays.reset();
    if (this.#fault === undefined) return;
    this.#fault = undefined;
    this.#log.info('samples come again');
  }

  /** A server drops without a word when it is read too slowly; only the clock hints at it. */
  #suspect(samples: number): void {
    if (samples === 0) return;
    this.#sink?.suspected?.(samples);
    this.#suspected += samples;
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#suspectLoggedMs < SUSPECT_LOG_MS) return;
    this.#log.warn({ samples: this.#suspected }, 'samples seem to be lost before they came: fewer came than were due');
    this.#suspectLoggedMs = nowMs;
    this.#suspected = 0;
  }

  #broke(reason: string, cause?: unknown): void {
    const isNews = this.#fault === undefined;
    this.#disconnect();
    this.#pause();
    const fault = new PassbandError('UNAVAILABLE', reason, { cause });
    this.#fault = fault;
    const retryMs = Math.round(this.#delays.next());
    this.#log[isNews ? 'warn' : 'debug']({ reason, retryMs, err: cause }, 'no samples from the rtl_tcp server');
    this.#cancelRetry = this.#clock.after(retryMs, () => this.#connect());
    if (isNews) this.#sink?.failed(fault);
  }
}
