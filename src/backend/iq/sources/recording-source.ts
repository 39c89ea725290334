import type { Logger } from 'pino';
import { PassbandError } from '../../../errors.ts';
import type { Clock } from '../../clock.ts';
import { bytesPerSample, type Datatype } from '../formats.ts';
import { MAX_BLOCK_SAMPLES, MAX_CATCH_UP_MS, MAX_WORK_MS, TICK_MS } from './paced-source.ts';
import type { Recording } from './recording.ts';
import type { RecordingSamples } from './recording-samples.ts';
import { type Place, RecordingTimeline } from './recording-timeline.ts';
import { RetryDelays } from './retry-delays.ts';
import type { FrontEnd, Source, SourceSink, Tuning } from './source.ts';

/** How a recording is played, and with what. */
export interface Playing {
  readonly clock: Clock;
  readonly log: Logger;
  readonly loop: boolean;
  /** How much faster than it was recorded. */
  readonly speed: number;
}

/**
 * Plays a recording by the clock, round after round or once for whoever comes. The schedule cannot drift, as that of
 * PacedSource. The tuning changes with the captures, the sample index jumps with their gaps, and the times are the recorded
 * ones where there are any.
 */
export class RecordingSource implements Source {
  readonly kind = 'sigmf';
  readonly datatype: Datatype;
  readonly #samples: RecordingSamples;
  readonly #playing: Playing;
  readonly #timeline: RecordingTimeline;
  readonly #rateHz: number;
  readonly #scratch: Uint8Array;
  readonly #bytesPerSample: number;
  readonly #delays = new RetryDelays();
  /** Where the playing began, which is the beginning of a round, and when. */
  #startPlace = 0;
  #startMs: number;
  #startNs: bigint;
  /** Place of the first sample that was not delivered yet. */
  #next = 0;
  /** Whether a recording that is not repeated has begun. */
  #hasBegun: boolean;
  #sink: SourceSink | undefined;
  #fault: PassbandError | undefined;
  #cancelTimer: (() => void) | undefined;
  #cancelRetry: (() => void) | undefined;

  constructor(
    recording: Pick<Recording, 'segments' | 'sampleRateHz' | 'carriage'>,
    samples: RecordingSamples,
    playing: Playing,
  ) {
    this.#samples = samples;
    this.#playing = playing;
    this.#rateHz = recording.sampleRateHz;
    this.#timeline = new RecordingTimeline(recording.segments, recording.sampleRateHz);
    this.datatype = recording.carriage.datatype;
    this.#bytesPerSample = bytesPerSample(this.datatype);
    this.#scratch = new Uint8Array(MAX_BLOCK_SAMPLES * this.#bytesPerSample);
    this.#startMs = playing.clock.nowMs();
    this.#startNs = playing.clock.wallNs();
    this.#hasBegun = playing.loop;
  }

  get tuning(): Tuning {
    return { sampleRateHz: this.#rateHz, centerFrequencyHz: this.#here().frequencyHz };
  }

  get fault(): PassbandError | undefined {
    return this.#fault;
  }

  nextIndex(): number {
    return this.#here().index;
  }

  start(sink: SourceSink): void {
    if (this.#sink !== undefined) throw new Error('the source delivers already');
    // A round that begins now begins with its first sample, however long this takes.
    this.#next = this.#playing.loop || !this.#beginsAnew() ? this.#herePlace() : this.#startPlace;
    this.#sink = sink;
    this.#samples.open({ arrived: () => this.#tick(), failed: (error) => this.#fail(error) });
    this.#cancelTimer = this.#playing.clock.every(TICK_MS, () => this.#tick());
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#cancelRetry?.();
    this.#cancelTimer = undefined;
    this.#cancelRetry = undefined;
    this.#sink = undefined;
    // Nothing is known to be wrong any more: the next start tries it.
    this.#fault = undefined;
    this.#samples.rest();
  }

  tune(tuning: Tuning, frontEnd: FrontEnd): void {
    if (frontEnd.gainDb !== undefined || frontEnd.frequencyCorrectionPpm !== undefined) {
      throw new PassbandError('FAILED_PRECONDITION', 'a sigmf source has no gain and no oscillator to set');
    }
    const { sampleRateHz, centerFrequencyHz } = this.tuning;
    if (tuning.sampleRateHz !== sampleRateHz || tuning.centerFrequencyHz !== centerFrequencyHz) {
      throw new PassbandError(
        'FAILED_PRECONDITION',
        `this station plays a recording made at ${sampleRateHz} samples/s and ${centerFrequencyHz} Hz; it has no others`,
      );
    }
  }

  close(): void {
    this.#samples.close();
  }

  /** While it delivers, what is due and not delivered yet still comes; while it does not, it never will. */
  #herePlace(): number {
    return this.#sink === undefined ? Math.max(this.#next, this.#duePlace()) : this.#next;
  }

  #here(): Place {
    return this.#timeline.at(this.#herePlace());
  }

  /** End (exclusive) of the places whose time has come. */
  #duePlace(): number {
    if (!this.#hasBegun) return this.#startPlace;
    const elapsedMs = this.#playing.clock.nowMs() - this.#startMs;
    // Multiplied first: 4.1 s at 2 MS/s would come out a sample short.
    const due = this.#startPlace + Math.floor((elapsedMs * this.#rateHz * this.#playing.speed) / 1000);
    return this.#playing.loop ? due : Math.min(due, this.#startPlace + this.#timeline.roundPlaces);
  }

  /** Begins what is not repeated, for the first who listens and again for the first after its end; false in between. */
  #beginsAnew(): boolean {
    const end = this.#startPlace + this.#timeline.roundPlaces;
    if (this.#hasBegun && this.#herePlace() < end) return false;
    if (this.#hasBegun) this.#startPlace = end;
    this.#hasBegun = true;
    this.#startMs = this.#playing.clock.nowMs();
    this.#startNs = this.#playing.clock.wallNs();
    return true;
  }

  #tick(): void {
    if (this.#fault !== undefined || this.#sink === undefined) return;
    const { clock, speed, loop } = this.#playing;
    const due = this.#duePlace();
    const maxCatchUp = Math.ceil((MAX_CATCH_UP_MS / 1000) * this.#rateHz * speed);
    if (due - this.#next > maxCatchUp) this.#next = due - maxCatchUp;
    const untilMs = clock.nowMs() + MAX_WORK_MS;
    while (this.#sink !== undefined && this.#next < due && clock.nowMs() <= untilMs) {
      const place = this.#timeline.at(this.#next);
      if (place.samples === 0) this.#next = Math.min(due, this.#next + place.until);
      else if (!this.#deliver(this.#sink, place, Math.min(due - this.#next, place.samples, MAX_BLOCK_SAMPLES))) return;
    }
    if (!loop && this.#next >= this.#startPlace + this.#timeline.roundPlaces) this.#sink?.ended?.();
  }

  /** False when the samples are not at hand yet. */
  #deliver(sink: SourceSink, place: Place, samples: number): boolean {
    const found = this.#samples.at(place.ordinal, samples);
    if (found === undefined) return false;
    // The scratch begins where every kind of number may, which a place in the file need not.
    const bytes = this.#scratch.subarray(0, found.length);
    bytes.set(found);
    this.#next += found.length / this.#bytesPerSample;
    sink.samples({
      sampleIndex: place.index,
      timestampNs: place.timestampNs ?? this.#countedNs(place.index),
      sampleRateHz: this.#rateHz,
      centerFrequencyHz: place.frequencyHz,
      bytes,
    });
    return true;
  }

  /** Time of a sample of a recording without times: counted from the time of day at which the playing began. */
  #countedNs(index: number): bigint {
    const first = this.#timeline.at(this.#startPlace).index;
    return this.#startNs + BigInt(Math.round(((index - first) / this.#rateHz) * 1e9));
  }

  #fail(cause: unknown): void {
    const sink = this.#sink;
    if (sink === undefined) return;
    const isNews = this.#fault === undefined;
    const { clock, log } = this.#playing;
    const retryMs = Math.round(this.#delays.next());
    this.#cancelRetry = clock.after(retryMs, () => this.#retry());
    log[isNews ? 'warn' : 'debug']({ retryMs, err: cause }, 'the recording cannot be read');
    if (!isNews) return;
    this.#fault = new PassbandError('UNAVAILABLE', 'the recording cannot be read; it is tried again', { cause });
    sink.failed(this.#fault);
  }

  #retry(): void {
    const sink = this.#sink;
    this.#samples.reopen().then(
      () => {
        if (this.#sink !== sink || sink === undefined) return;
        this.#delays.reset();
        this.#fault = undefined;
        this.#tick();
      },
      (error: unknown) => {
        if (this.#sink === sink) this.#fail(error);
      },
    );
  }
}
