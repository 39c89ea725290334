import type { Logger } from 'pino';
import { PassbandError } from '../../../errors.ts';
import { samplesNs } from '../../../sigmf/samples-ns.ts';
import type { Clock } from '../../clock.ts';
import { bytesPerSample, type Datatype } from '../formats.ts';
import { Pacer } from './pacer.ts';
import type { Recording } from './recording.ts';
import type { RecordingSamples } from './recording-samples.ts';
import { type Place, RecordingTimeline } from './recording-timeline.ts';
import { refuseFrontEnd } from './refuse-front-end.ts';
import { RetryDelays } from './retry-delays.ts';
import { type FrontEnd, MAX_BLOCK_SAMPLES, type Source, type SourceSink, type Tuning } from './source.ts';

/** How a recording is played, and with what. */
export interface Playing {
  readonly clock: Clock;
  readonly log: Logger;
  readonly loop: boolean;
  /** How much faster than it was recorded. */
  readonly speed: number;
}

/**
 * Plays a recording by the clock, round after round or once for whoever comes. The tuning changes with the captures, the sample index jumps with their gaps, and the times are the recorded
 * ones where there are any.
 */
export class RecordingSource implements Source {
  readonly kind = 'sigmf';
  readonly connects = false;
  readonly datatype: Datatype;
  readonly #samples: RecordingSamples;
  readonly #playing: Playing;
  readonly #timeline: RecordingTimeline;
  readonly #rateHz: number;
  readonly #bytesPerSample: number;
  readonly #pacer: Pacer;
  readonly #delays = new RetryDelays();
  /** Where the playing began, which is the beginning of a round, and when. */
  #startPlace = 0;
  #startNs: bigint;
  /** Whether a recording that is not repeated has begun. */
  #hasBegun: boolean;
  #sink: SourceSink | undefined;
  #fault: PassbandError | undefined;
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
    // By place: the schedule is that of the playing.
    this.#pacer = new Pacer(playing.clock, recording.sampleRateHz * playing.speed);
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
    this.#pacer.next = this.#playing.loop || !this.#beginsAnew() ? this.#herePlace() : this.#startPlace;
    this.#sink = sink;
    if (this.#pacer.next >= this.#timeline.end) {
      this.#endCount(sink);
      return;
    }
    this.#samples.open({ arrived: () => this.#tick(), failed: (error) => this.#fail(error) });
    this.#pacer.start(() => this.#tick());
  }

  stop(): void {
    this.#pacer.stop();
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#sink = undefined;
    // Nothing is known to be wrong any more: the next start tries it.
    this.#fault = undefined;
    this.#samples.rest();
  }

  tune(tuning: Tuning, frontEnd: FrontEnd): void {
    refuseFrontEnd(this.kind, frontEnd);
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
    const { next } = this.#pacer;
    return this.#sink === undefined ? Math.max(next, this.#duePlace()) : next;
  }

  #here(): Place {
    return this.#timeline.at(this.#herePlace());
  }

  /** End (exclusive) of the places whose time has come. */
  #duePlace(): number {
    return this.#hasBegun ? Math.min(this.#pacer.due, this.#endPlace()) : this.#startPlace;
  }

  /** Where the playing ends. */
  #endPlace(): number {
    const { roundPlaces, end } = this.#timeline;
    return this.#playing.loop ? end : Math.min(this.#startPlace + roundPlaces, end);
  }

  /** Begins what is not repeated, for the first who listens and again for the first after its end; false in between. */
  #beginsAnew(): boolean {
    const end = this.#endPlace();
    if (this.#hasBegun && this.#herePlace() < end) return false;
    if (this.#hasBegun) this.#startPlace = end;
    this.#hasBegun = true;
    this.#pacer.anchor(this.#startPlace);
    this.#startNs = this.#playing.clock.wallNs();
    return true;
  }

  #tick(): void {
    const sink = this.#sink;
    if (this.#fault !== undefined || sink === undefined) return;
    const end = this.#endPlace();
    try {
      this.#pacer.keepUp((due) => this.#playOn(due), end);
      if (this.#sink === undefined || this.#pacer.next < end) return;
      if (this.#playing.loop) this.#endCount(sink);
      else sink.ended?.();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Delivers samples, or goes through a gap; false when the samples are not at hand yet. */
  #playOn(due: number): boolean {
    const sink = this.#sink;
    if (sink === undefined) return false;
    const place = this.#timeline.at(this.#pacer.next);
    if (place.samples === 0) {
      this.#pacer.next += Math.min(due, place.until);
      return true;
    }
    const bytes = this.#samples.at(place.ordinal, Math.min(due, place.samples, MAX_BLOCK_SAMPLES));
    if (bytes === undefined) return false;
    this.#pacer.next += bytes.length / this.#bytesPerSample;
    sink.samples({
      sampleIndex: place.index,
      timestampNs: place.timestampNs ?? this.#countedNs(place.index),
      sampleRateHz: this.#rateHz,
      centerFrequencyHz: place.frequencyHz,
      bytes,
    });
    this.#delays.reset();
    return true;
  }

  /** Time of a sample of a recording without times: counted from the time of day at which the playing began. */
  #countedNs(index: number): bigint {
    const first = this.#timeline.at(this.#startPlace).index;
    return this.#startNs + samplesNs(index - first, this.#rateHz);
  }

  /** There is no exact index for another round, and there never will be. */
  #endCount(sink: SourceSink): void {
    this.#pacer.stop();
    this.#samples.rest();
    const reason = "the recording's count of samples is at its end; make the station anew";
    this.#fault = new PassbandError('UNAVAILABLE', reason);
    this.#playing.log.error({ err: this.#fault }, 'a recording cannot be played on');
    sink.failed(this.#fault);
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
        this.#fault = undefined;
        this.#tick();
      },
      (error: unknown) => {
        if (this.#sink === sink) this.#fail(error);
      },
    );
  }
}
