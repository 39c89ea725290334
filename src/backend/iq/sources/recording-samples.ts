import { bytesPerSample } from '../formats.ts';
import { ReadAhead, type ReadAheadEvents } from './read-ahead.ts';
import { openRecording, type Recording } from './recording.ts';

/** The samples of a recording, as they are carried, by their number among all that the file has. */
export interface RecordingSamples {
  /** Gets ready to be asked. */
  open(events: ReadAheadEvents): void;
  /** Samples from this one on: as many as are at hand in one piece, `samples` at most; undefined: they come. */
  at(ordinal: number, samples: number): Uint8Array | undefined;
  /** After a failure: opens the file anew. Rejects when it is still wrong, or another. */
  reopen(): Promise<void>;
  /** Nobody asks for a while. */
  rest(): void;
  /** Lets go of everything, for good. */
  close(): void;
}

/** All samples in memory. */
export class HeldSamples implements RecordingSamples {
  readonly #bytes: Uint8Array;
  readonly #bytesPerSample: number;

  constructor(bytes: Uint8Array, perSample: number) {
    this.#bytes = bytes;
    this.#bytesPerSample = perSample;
  }

  at(ordinal: number, samples: number): Uint8Array {
    const from = ordinal * this.#bytesPerSample;
    return this.#bytes.subarray(from, from + samples * this.#bytesPerSample);
  }

  open(): void {}
  async reopen(): Promise<void> {}
  rest(): void {}
  close(): void {}
}

/** Samples that are read from the file a little before they are due. */
export class StreamedSamples implements RecordingSamples {
  readonly #file: string;
  #recording: Recording;
  #events: ReadAheadEvents | undefined;
  #ahead: ReadAhead | undefined;
  readonly #closing = new AbortController();

  constructor(file: string, recording: Recording) {
    this.#file = file;
    this.#recording = recording;
  }

  open(events: ReadAheadEvents): void {
    this.#events = events;
    this.#ahead = new ReadAhead(this.#recording, events);
  }

  at(ordinal: number, samples: number): Uint8Array | undefined {
    return this.#ahead?.at(ordinal, samples);
  }

  async reopen(): Promise<void> {
    this.#ahead?.stop();
    // Checked like the first time, hash and all: what comes back may be half of it.
    const again = await openRecording(this.#file, this.#closing.signal);
    if (this.#closing.signal.aborted || !isSame(again, this.#recording)) {
      await again.close();
      throw new Error('the recording has changed; make the station anew to play it');
    }
    const before = this.#recording;
    this.#recording = again;
    if (this.#events !== undefined) this.#ahead = new ReadAhead(again, this.#events);
    await before.close();
  }

  rest(): void {
    this.#ahead?.stop();
    this.#ahead = undefined;
    this.#events = undefined;
  }

  close(): void {
    this.rest();
    this.#closing.abort();
    // There is nothing to be done about a file that cannot be closed.
    this.#recording.close().catch(() => undefined);
  }
}

/** All samples of a recording that is small enough for memory, as they are carried. */
export async function readAllSamples(recording: Recording): Promise<HeldSamples> {
  const { carriage, extents, samples } = recording;
  const perSample = bytesPerSample(carriage.datatype);
  const all = new Uint8Array(samples * perSample);
  for (const extent of extents) {
    const bytes = await recording.read(extent, 0, extent.samples);
    if (bytes.length < extent.samples * carriage.fileBytesPerSample)
      throw new Error('the data file has become shorter');
    all.set(carriage.carry(bytes), extent.ordinal * perSample);
  }
  return new HeldSamples(all, perSample);
}

/** Whether all that readers have been told still holds. */
function isSame(one: Recording, other: Recording): boolean {
  return (
    one.sampleRateHz === other.sampleRateHz &&
    one.carriage.datatype === other.carriage.datatype &&
    one.segments.length === other.segments.length &&
    one.segments.every((segment, i) => {
      const same = other.segments[i];
      return (
        same !== undefined &&
        segment.samples === same.samples &&
        segment.index === same.index &&
        segment.frequencyHz === same.frequencyHz &&
        segment.timestampNs === same.timestampNs
      );
    })
  );
}
