import { bytesPerSample } from '../formats.ts';
import type { Extent, Recording } from './recording.ts';

/** Bytes that one read takes from the file. */
const CHUNK_BYTES = 1024 * 1024;
/** Bytes of samples that are held for one recording: read ahead, or all of it where that is enough. */
export const MAX_HELD_BYTES = 8 * 1024 * 1024;

/** Samples at hand. */
interface Chunk {
  readonly ordinal: number;
  readonly samples: number;
  readonly bytes: Uint8Array;
}

/** Who is told. */
export interface ReadAheadEvents {
  /** There are more samples at hand than before. */
  arrived(): void;
  /** The file cannot be read any more. */
  failed(error: unknown): void;
}

/**
 * Reads a recording's samples before they are due, a bounded number of bytes, and round after round. It goes where `at`
 * asks: whoever skips samples makes it begin anew there.
 */
export class ReadAhead {
  readonly #recording: Recording;
  readonly #events: ReadAheadEvents;
  readonly #chunkSamples: number;
  readonly #maxChunks: number;
  #chunks: Chunk[] = [];
  /** Sample that the next read begins with. */
  #next = 0;
  /** The read under way; another one makes its outcome worthless. */
  #reading: symbol | undefined;

  constructor(recording: Recording, events: ReadAheadEvents) {
    this.#recording = recording;
    this.#events = events;
    const { fileBytesPerSample, datatype } = recording.carriage;
    const widest = Math.max(fileBytesPerSample, bytesPerSample(datatype));
    this.#chunkSamples = Math.floor(CHUNK_BYTES / widest);
    this.#maxChunks = MAX_HELD_BYTES / CHUNK_BYTES;
  }

  /** Carried bytes of samples from this one on: as many as are at hand in one piece, `samples` at most; none yet: undefined. */
  at(ordinal: number, samples: number): Uint8Array | undefined {
    let [chunk] = this.#chunks;
    while (chunk !== undefined && !contains(chunk, ordinal)) {
      this.#chunks.shift();
      [chunk] = this.#chunks;
    }
    if (chunk === undefined && this.#next !== ordinal) {
      this.#reading = undefined;
      this.#next = ordinal;
    }
    this.#readOn();
    if (chunk === undefined) return undefined;
    const perSample = bytesPerSample(this.#recording.carriage.datatype);
    const from = (ordinal - chunk.ordinal) * perSample;
    return chunk.bytes.subarray(from, from + samples * perSample);
  }

  /** Lets go of all samples; what is being read comes to nothing. */
  stop(): void {
    this.#reading = undefined;
    this.#chunks = [];
  }

  #readOn(): void {
    if (this.#reading !== undefined || this.#chunks.length >= this.#maxChunks) return;
    const reading = Symbol('read');
    this.#reading = reading;
    const ordinal = this.#next;
    const extent = extentAt(this.#recording.extents, ordinal);
    const from = ordinal - extent.ordinal;
    const wanted = Math.min(this.#chunkSamples, extent.samples - from);
    this.#recording.read(extent, from, wanted).then(
      (bytes) => {
        if (this.#reading !== reading) return;
        this.#reading = undefined;
        try {
          this.#hold(ordinal, wanted, bytes);
        } catch (error) {
          // Short, or there is no memory to carry it.
          this.#events.failed(error);
          return;
        }
        this.#readOn();
        this.#events.arrived();
      },
      (error: unknown) => {
        if (this.#reading !== reading) return;
        this.#reading = undefined;
        this.#events.failed(error);
      },
    );
  }

  #hold(ordinal: number, wanted: number, bytes: Buffer): void {
    const { carriage, samples } = this.#recording;
    if (bytes.length < wanted * carriage.fileBytesPerSample) {
      throw new Error(`the data file ends after ${bytes.length} bytes of a read`);
    }
    this.#chunks.push({ ordinal, samples: wanted, bytes: carriage.carry(bytes) });
    this.#next = (ordinal + wanted) % samples;
  }
}

const contains = ({ ordinal: first, samples }: Chunk, ordinal: number): boolean =>
  ordinal >= first && ordinal < first + samples;

/** The extent that holds a sample, by bisection: a recording may have very many. */
function extentAt(extents: readonly Extent[], ordinal: number): Extent {
  let low = 0;
  let high = extents.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((extents[middle]?.ordinal ?? 0) <= ordinal) low = middle;
    else high = middle - 1;
  }
  const found = extents[low];
  if (found === undefined) throw new RangeError('a recording without samples');
  return found;
}
