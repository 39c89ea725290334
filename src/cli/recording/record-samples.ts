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
  /** Whether samples are missing in it. */
  readonly hasGaps: boolean;
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
  #hasGaps = false;

  constructor(order: RecordOrder, output: RecordOutput, observer: RecordObserver) {
    this.#order = order;
    this.#output = output;
    this.#observer = observer;
    if (order.from.kind === 'index') this.#expected = order.from.index;
  }

  get recorded(): Recorded {
    const { samples = 0 } = this.#notes ?? {};
    const isWhole = this.#wanted === undefined ? false : samples >= this.#wanted;
    return { notes: this.#notes, isWhole, hasGaps: this.#hasGaps };
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
      this.#hasGaps = true;
      this.#isFirstEpoch = false;
      this.#expected = undefined;
      this.#observer.say(`the station began anew; how many samples are missing before ${at} is not known`);
    } else if (this.#expected !== undefined && frame.sampleIndex > this.#expected) {
      const lost = frame.sampleIndex - this.#expected;
      this.#hasGaps = true;
      this.#observer.say(`missing: samples ${this.#expected} to ${frame.sampleIndex - 1} (${lost}), before ${at}`);
    }
    this.#epoch = frame.epoch;
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
