import { bytesPerSample, isDatatype } from '../../backend/iq/formats.ts';
import { datetimeText, MAX_CAPTURES, RecordingNotes } from '../../sigmf/recording-notes.ts';
import { samplesNs } from '../../sigmf/samples-ns.ts';
import { VERSION } from '../../version.ts';
import { type IqFrame, StreamFault } from './frame-stream.ts';
import type { RecordOrder } from './record-order.ts';
import type { RecordOutput } from './record-output.ts';

/** What is told while samples are recorded. */
export interface RecordObserver {
  /** Samples so far, of how many, and their rate. */
  progress(samples: number, wanted: number | undefined, sampleRateHz: number): void;
  say(sentence: string): void;
}

/** What has become of a recording. */
export interface Recorded {
  /** Undefined when no sample was written. */
  readonly notes: RecordingNotes | undefined;
  /** Whether it has the length that was asked for. */
  readonly isWhole: boolean;
  /** What is missing in it; undefined when nothing is. */
  readonly missing: Missing | undefined;
}

/** What is missing in a recording. */
export interface Missing {
  /** Samples that were counted. */
  readonly samples: number;
  /** Seconds without samples, by the station's clock, of which nobody counted how many they were; undefined for none. */
  readonly uncountedS: number | undefined;
}

/** Parts of a sample's duration that the rounding of times to nanoseconds may cost. */
const ROUNDING_SAMPLES = 0.1;

/**
 * Writes frames until there are as many samples as are wanted, or no more come. Samples that are missing are told of by
 * their indices.
 *
 * @throws StreamFault when frames cannot go on into one recording.
 */
export class SampleRecorder {
  readonly #order: RecordOrder;
  readonly #output: RecordOutput;
  readonly #observer: RecordObserver;
  #notes: RecordingNotes | undefined;
  #wanted: number | undefined;
  /** Epoch of the last sample that was written; empty before the first. */
  #epoch = '';
  /** Whether indices still count from where they did at the beginning. */
  #isFirstEpoch = true;
  /** Index of the sample that should come next, in the present epoch; undefined when any may. */
  #expected: number | undefined;
  /** Time of that sample if nothing is lost before it. */
  #expectedNs = 0n;
  #lostSamples = 0;
  #uncountedS: number | undefined;

  constructor(order: RecordOrder, output: RecordOutput, observer: RecordObserver) {
    this.#order = order;
    this.#output = output;
    this.#observer = observer;
    if (order.from.kind === 'index') this.#expected = order.from.index;
  }

  get recorded(): Recorded {
    const { samples = 0 } = this.#notes ?? {};
    const notes = samples === 0 ? undefined : this.#notes;
    const isWhole = this.#wanted === undefined ? false : samples >= this.#wanted;
    const isMissing = this.#lostSamples > 0 || this.#uncountedS !== undefined;
    const missing = isMissing ? { samples: this.#lostSamples, uncountedS: this.#uncountedS } : undefined;
    return { notes, isWhole, missing };
  }

  /** Takes a frame; true when there are as many samples as are wanted. What cannot be written leaves no trace in the notes. */
  async take(frame: IqFrame): Promise<boolean> {
    const notes = this.#notesFor(frame);
    const { bytesPerSample: sampleBytes, sampleRateHz } = notes.facts;
    const expected = this.#isNewEpoch(frame) ? undefined : this.#expected;
    const skipped = Math.max(0, (expected ?? 0) - frame.sampleIndex, this.#samplesTooEarly(frame));
    const rest = frame.data.subarray(skipped * sampleBytes);
    const left = (this.#wanted ?? Number.POSITIVE_INFINITY) - notes.samples;
    const bytes = rest.subarray(0, Math.min(rest.length, left * sampleBytes));
    if (bytes.length === 0) return left <= 0;
    await this.#output.write(bytes);
    this.#noteMissing(frame, expected);
    const start = frame.sampleIndex + skipped;
    notes.from({
      globalIndex: this.#isFirstEpoch ? start : undefined,
      centerFrequencyHz: frame.centerFrequencyHz,
      timestampNs: frame.timestampNs + samplesNs(skipped, sampleRateHz),
    });
    if (notes.captures > MAX_CAPTURES) throw new StreamFault(`more than ${MAX_CAPTURES} gaps and retunes`, false);
    notes.append(bytes);
    this.#epoch = frame.epoch;
    this.#expected = start + bytes.length / sampleBytes;
    this.#expectedNs = frame.timestampNs + samplesNs(frame.data.length / sampleBytes, sampleRateHz);
    this.#observer.progress(notes.samples, this.#wanted, sampleRateHz);
    return this.#wanted !== undefined && notes.samples >= this.#wanted;
  }

  #isNewEpoch(frame: IqFrame): boolean {
    return this.#epoch !== '' && frame.epoch !== this.#epoch;
  }

  /** Samples of a frame before the time that it shall begin at: the server sends the frame that holds it whole. */
  #samplesTooEarly(frame: IqFrame): number {
    const { from } = this.#order;
    if (from.kind !== 'time' || this.#epoch !== '') return 0;
    const earlyS = Number(from.timestampNs - frame.timestampNs) / 1e9;
    return Math.ceil(earlyS * frame.sampleRateHz - ROUNDING_SAMPLES);
  }

  /** Looks what is missing before a frame. */
  #noteMissing(frame: IqFrame, expected: number | undefined): void {
    const at = datetimeText(frame.timestampNs);
    if (this.#isNewEpoch(frame)) {
      // The clock may have been set back meanwhile.
      const awayS = Math.max(0, Number(frame.timestampNs - this.#expectedNs) / 1e9);
      this.#uncountedS = (this.#uncountedS ?? 0) + awayS;
      this.#isFirstEpoch = false;
      const missing = `how many samples are missing before ${at} is not known (about ${awayS.toFixed(1)} s by the clock)`;
      this.#observer.say(`the station began anew; ${missing}`);
    } else if (expected !== undefined && frame.sampleIndex > expected) {
      const lost = frame.sampleIndex - expected;
      this.#lostSamples += lost;
      this.#observer.say(`missing: samples ${expected} to ${frame.sampleIndex - 1} (${lost}), before ${at}`);
    }
  }

  /** The notes, begun with the first frame; all frames have the datatype and rate of that one. */
  #notesFor({ datatype, sampleRateHz }: IqFrame): RecordingNotes {
    if (this.#notes !== undefined) {
      const { facts } = this.#notes;
      if (sampleRateHz !== facts.sampleRateHz) {
        throw new StreamFault(`the station now has ${sampleRateHz} samples/s; a recording has one rate`, false);
      }
      if (datatype !== facts.datatype) {
        throw new StreamFault(`the station now sends ${datatype}; a recording has one datatype`, false);
      }
      return this.#notes;
    }
    if (!isDatatype(datatype)) throw new StreamFault(`the server sends samples as ${datatype}`, false);
    const { samples, seconds } = this.#order;
    this.#wanted = samples ?? (seconds === undefined ? undefined : Math.max(1, Math.round(seconds * sampleRateHz)));
    const facts = { datatype, bytesPerSample: bytesPerSample(datatype), sampleRateHz };
    this.#notes = new RecordingNotes({
      ...facts,
      description: `station ${this.#order.stationId}`,
      recorder: `Passband ${VERSION}`,
    });
    return this.#notes;
  }
}
