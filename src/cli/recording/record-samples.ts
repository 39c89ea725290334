import { bytesPerSample, isDatatype } from '../../backend/iq/formats.ts';
import { datetimeText, MAX_CAPTURES, RecordingNotes } from '../../sigmf/recording-notes.ts';
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
  /** Undefined when no sample came. */
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
  #epoch = '';
  /** Whether indices still count from where they did at the beginning. */
  #isFirstEpoch = true;
  /** Index of the sample that should come next, in the present epoch. */
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
    const isWhole = this.#wanted === undefined ? false : samples >= this.#wanted;
    const isMissing = this.#lostSamples > 0 || this.#uncountedS !== undefined;
    const missing = isMissing ? { samples: this.#lostSamples, uncountedS: this.#uncountedS } : undefined;
    return { notes: this.#notes, isWhole, missing };
  }

  /** Takes a frame; true when there are as many samples as are wanted. */
  async take(frame: IqFrame): Promise<boolean> {
    const notes = this.#notesFor(frame);
    if (frame.sampleRateHz !== notes.facts.sampleRateHz || frame.datatype !== notes.facts.datatype) {
      throw new StreamFault(`the station now has ${frame.sampleRateHz} samples/s; a recording has one rate`, false);
    }
    this.#follow(frame);
    const { bytesPerSample: sampleBytes, sampleRateHz } = notes.facts;
    const known = Math.max(0, (this.#expected ?? 0) - frame.sampleIndex);
    const rest = frame.data.subarray(known * sampleBytes);
    const left = (this.#wanted ?? Number.POSITIVE_INFINITY) - notes.samples;
    const bytes = rest.subarray(0, Math.min(rest.length, left * sampleBytes));
    if (bytes.length === 0) return left <= 0;
    const start = frame.sampleIndex + known;
    notes.from({
      globalIndex: this.#isFirstEpoch ? start : undefined,
      centerFrequencyHz: frame.centerFrequencyHz,
      timestampNs: frame.timestampNs + BigInt(Math.round((known / sampleRateHz) * 1e9)),
    });
    if (notes.captures > MAX_CAPTURES) throw new StreamFault(`more than ${MAX_CAPTURES} gaps and retunes`, false);
    await this.#output.write(bytes);
    notes.append(bytes);
    this.#expected = start + bytes.length / sampleBytes;
    this.#observer.progress(notes.samples, this.#wanted, sampleRateHz);
    return this.#wanted !== undefined && notes.samples >= this.#wanted;
  }

  /** Looks what is missing before a frame. */
  #follow(frame: IqFrame): void {
    const at = datetimeText(frame.timestampNs);
    if (this.#epoch !== '' && frame.epoch !== this.#epoch) {
      // The clock may have been set back meanwhile.
      const awayS = Math.max(0, Number(frame.timestampNs - this.#expectedNs) / 1e9);
      this.#uncountedS = (this.#uncountedS ?? 0) + awayS;
      this.#isFirstEpoch = false;
      this.#expected = undefined;
      const missing = `how many samples are missing before ${at} is not known (about ${awayS.toFixed(1)} s by the clock)`;
      this.#observer.say(`the station began anew; ${missing}`);
    } else if (this.#expected !== undefined && frame.sampleIndex > this.#expected) {
      const lost = frame.sampleIndex - this.#expected;
      this.#lostSamples += lost;
      this.#observer.say(`missing: samples ${this.#expected} to ${frame.sampleIndex - 1} (${lost}), before ${at}`);
    }
    this.#epoch = frame.epoch;
    const sampleBytes = this.#notes?.facts.bytesPerSample ?? 1;
    this.#expectedNs =
      frame.timestampNs + BigInt(Math.round((frame.data.length / sampleBytes / frame.sampleRateHz) * 1e9));
    this.#expected ??= frame.sampleIndex;
  }

  #notesFor({ datatype, sampleRateHz }: IqFrame): RecordingNotes {
    if (this.#notes !== undefined) return this.#notes;
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
