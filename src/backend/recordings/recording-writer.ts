import type { FileHandle } from 'node:fs/promises';
import { PassbandError } from '../../errors.ts';
import { MAX_CAPTURES, RecordingNotes } from '../../sigmf/recording-notes.ts';
import { VERSION } from '../../version.ts';
import { writeAll } from '../../write-all.ts';
import type { Clock } from '../clock.ts';
import { bytesPerSample } from '../iq/formats.ts';
import type { Run } from '../iq/ring/ring.ts';
import type { DiskRoom } from './disk-room.ts';
import { GrowingMetadata } from './growing-metadata.ts';
import type { RecordingFiles } from './recording-files.ts';
import type { RecordingRecord, RecordingState } from './recording-record.ts';

/** Milliseconds between two writings of the record: what of the counts a crash may cost; the samples are there. */
const REFRESH_MS = 5000;

/** Where samples lie in a station's own count. */
export interface Origin {
  readonly run: Run;
  readonly start: number;
}

/** What a recording is written with. */
export interface WriterContext {
  readonly files: RecordingFiles;
  readonly room: DiskRoom;
  readonly clock: Pick<Clock, 'nowMs'>;
}

/**
 * Writes one recording to its files. At any moment they are a recording that opens: a capture is in the metadata before
 * its first sample is in the data, and the data grows by whole samples.
 */
export class RecordingWriter {
  readonly #files: RecordingFiles;
  readonly #room: DiskRoom;
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #data: FileHandle;
  readonly #metadata: GrowingMetadata;
  #record: RecordingRecord;
  #notes: RecordingNotes | undefined;
  #refreshedMs: number;

  private constructor({ files, room, clock }: WriterContext, data: FileHandle, record: RecordingRecord) {
    this.#files = files;
    this.#room = room;
    this.#clock = clock;
    this.#refreshedMs = clock.nowMs();
    this.#data = data;
    this.#record = record;
    this.#metadata = new GrowingMetadata(files, record.recordingId);
  }

  /** Makes the files of a new recording. Where one cannot be made, the others are removed again. */
  static async create(context: WriterContext, record: RecordingRecord): Promise<RecordingWriter> {
    const { files, room } = context;
    await room.take(0);
    let data: FileHandle | undefined;
    try {
      await files.putRecord(record);
      data = await files.createData(record.recordingId);
      const writer = new RecordingWriter(context, data, record);
      await writer.#metadata.replace(writer.#notesAt(record.sampleRateHz).text());
      return writer;
    } catch (error) {
      // Why it cannot be made is what is told, whatever else goes wrong.
      await data?.close().catch(() => {});
      await files.remove(record.recordingId).catch(() => {});
      throw error;
    }
  }

  /** What is known of it now. */
  get record(): RecordingRecord {
    const { samples = 0, bytes = 0, lostSamples = 0, captures = 0 } = this.#notes ?? {};
    return { ...this.#record, samples, bytes, lostSamples, captures };
  }

  /**
   * Writes samples.
   *
   * @throws PassbandError for what cannot be written; the recording ends before it.
   */
  async write({ run, start }: Origin, bytes: Uint8Array): Promise<void> {
    const notes = this.#begun(run, start);
    if (run.sampleRateHz !== notes.facts.sampleRateHz) {
      throw new PassbandError(
        'ABORTED',
        `the station was set to ${run.sampleRateHz} samples/s; a recording has one rate`,
      );
    }
    await this.#room.take(bytes.length);
    try {
      const { centerFrequencyHz } = run;
      const isNew = notes.from({ globalIndex: start, centerFrequencyHz, timestampNs: run.timestampNs(start) });
      if (notes.captures > MAX_CAPTURES)
        throw new PassbandError('DATA_LOSS', `more than ${MAX_CAPTURES} gaps and retunes`);
      if (isNew) await this.#addCapture(notes);
      if (this.#clock.nowMs() - this.#refreshedMs > REFRESH_MS) await this.#refresh();
      await writeAll(this.#data, bytes, notes.bytes);
    } catch (error) {
      this.#room.giveBack(bytes.length);
      // What was written of it is taken back, so that the data is what was counted.
      await this.#data.truncate(notes.bytes).catch(() => {});
      throw error;
    }
    notes.append(bytes);
  }

  /** Ends it before it has begun: nothing is left of its files. */
  async discard(): Promise<void> {
    await this.#data.close();
    await this.#files.remove(this.#record.recordingId);
  }

  /** Ends it. */
  async finish(state: RecordingState, reason: string, endNs: bigint): Promise<RecordingRecord> {
    try {
      await this.#data.sync();
    } finally {
      await this.#data.close();
    }
    const notes = this.#notes ?? this.#notesAt(this.#record.sampleRateHz);
    const sha512 = notes.sha512();
    await this.#metadata.replace(notes.text(sha512));
    this.#record = { ...this.record, state, reason, sha512, endNs: endNs.toString() };
    await this.#files.putRecord(this.#record);
    return this.#record;
  }

  #begun(run: Run, start: number): RecordingNotes {
    if (this.#notes !== undefined) return this.#notes;
    const { sampleRateHz, centerFrequencyHz } = run;
    const startNs = run.timestampNs(start).toString();
    this.#record = { ...this.#record, sampleRateHz, centerFrequencyHz, startNs };
    this.#notes = this.#notesAt(sampleRateHz);
    return this.#notes;
  }

  #notesAt(sampleRateHz: number): RecordingNotes {
    const { datatype, description } = this.#record;
    const recorder = `Passband ${VERSION}`;
    return new RecordingNotes({
      datatype,
      bytesPerSample: bytesPerSample(datatype),
      sampleRateHz,
      description,
      recorder,
    });
  }

  /** The first comes with the rate and the time that it really began with; the others behind it. */
  async #addCapture(notes: RecordingNotes): Promise<void> {
    if (notes.captures > 1) return this.#metadata.append(notes.lastCaptureText());
    await this.#metadata.replace(notes.text());
    await this.#refresh();
  }

  async #refresh(): Promise<void> {
    this.#refreshedMs = this.#clock.nowMs();
    await this.#files.putRecord(this.record);
  }
}
