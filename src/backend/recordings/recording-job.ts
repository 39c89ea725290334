import type { Logger } from 'pino';
import { PassbandError } from '../../errors.ts';
import type { Clock } from '../clock.ts';
import { bytesPerSample } from '../iq/formats.ts';
import type { EndReason } from '../iq/frames/frame-origin.ts';
import { SampleCursor } from '../iq/ring/sample-cursor.ts';
import { isEndless, type SampleLength, samplesOf } from '../iq/sample-length.ts';
import type { StreamCounters } from '../iq/stream-counters.ts';
import type { Station } from '../stations/station.ts';
import type { RecordingRecord, RecordingState } from './recording-record.ts';
import type { RecordingWriter } from './recording-writer.ts';

/** Bytes that are written at once. What a slow disk has not taken lies in the station's ring, and nowhere else. */
const WRITE_BYTES = 1024 * 1024;

/** Milliseconds between two tries to follow a station whose source has failed. */
const RETRY_MS = 1000;

/** How a recording ends. */
export interface RecordingEnd {
  readonly state: RecordingState;
  /** Empty for a recording that is whole. */
  readonly reason: string;
}

const FINISHED: RecordingEnd = { state: 'finished', reason: '' };
const brokenOff = (reason: string): RecordingEnd => ({ state: 'broken-off', reason });

/** What a job is made with. */
export interface JobContext {
  readonly station: Station;
  readonly writer: RecordingWriter;
  readonly length: SampleLength;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether the station still is one of the backend's. */
  readonly isThere: () => boolean;
}

/**
 * One recording under way: follows a station and writes what comes. A disk that is too slow, a source that fails and one
 * that leaves samples out make gaps, each a capture with its exact index; whatever else ends the samples ends it.
 */
export class RecordingJob {
  readonly #context: JobContext;
  #cursor: SampleCursor | undefined;
  #leave: () => void = () => {};
  #wake: () => void = () => {};
  /** Why no more samples come from the hub; undefined while some do. */
  #left: EndReason | undefined;
  #end: RecordingEnd | undefined;
  /** Samples from here on are not wanted any more. */
  #endIndex = Number.POSITIVE_INFINITY;
  #done: Promise<RecordingRecord> | undefined;
  /** The start of the station that is recorded: one that was stopped is another from its next start on. */
  readonly #started: StreamCounters | undefined;

  constructor(context: JobContext) {
    this.#context = context;
    this.#started = context.station.counters;
  }

  get record(): RecordingRecord {
    return this.#context.writer.record;
  }

  /** Begins with the next sample. @throws PassbandError where the station has none to give. */
  begin(): Promise<RecordingRecord> {
    this.#join();
    this.#done = this.#run();
    return this.#done;
  }

  /** Ends it; what has come so far is written. */
  stop(end: RecordingEnd = FINISHED): Promise<RecordingRecord> {
    if (this.#end === undefined) {
      this.#end = end;
      this.#endIndex = this.#context.station.hub.ring.head;
    }
    this.#wake();
    return this.#done ?? Promise.resolve(this.record);
  }

  #join(): void {
    const { hub } = this.#context.station;
    // One that was ended holds on to the samples until it leaves.
    this.#leave();
    this.#leave = hub.join({
      holder: this.record.startedBy,
      onSamples: () => this.#wake(),
      onEnd: (reason) => {
        this.#left = reason;
        this.#wake();
      },
    });
    this.#left = undefined;
    this.#cursor ??= new SampleCursor(hub, this.#context.writer.record.datatype, hub.source.nextIndex());
  }

  async #run(): Promise<RecordingRecord> {
    const { writer, clock, log } = this.#context;
    const end = await this.#follow().catch((error: unknown) => {
      const known = error instanceof PassbandError ? error : undefined;
      if (known === undefined) log.error({ err: error, recording: this.record.recordingId }, 'a recording failed');
      return brokenOff(known?.publicMessage ?? 'the disk does not take what is written');
    });
    this.#leave();
    return writer.finish(end.state, end.reason, clock.wallNs());
  }

  async #follow(): Promise<RecordingEnd> {
    const { station, writer, length } = this.#context;
    const sampleBytes = bytesPerSample(writer.record.datatype);
    const buffer = new Uint8Array(WRITE_BYTES);
    let wanted: number | undefined;
    for (;;) {
      const { samples } = writer.record;
      if (wanted !== undefined && samples >= wanted) return FINISHED;
      const cursor = this.#cursor;
      const found = cursor?.peek(Math.min(WRITE_BYTES / sampleBytes, (wanted ?? Number.POSITIVE_INFINITY) - samples));
      if (cursor === undefined || found === undefined) {
        const end = await this.#pause();
        if (end !== undefined) return end;
        continue;
      }
      if (this.#end !== undefined && found.start >= this.#endIndex) return this.#end;
      const piece = { ...found, count: Math.min(found.count, this.#endIndex - found.start) };
      if (wanted === undefined) {
        wanted = samplesOf(length, piece.run.sampleRateHz);
        // The first piece was cut as if there were no end.
        if (wanted !== undefined && wanted < piece.count) continue;
      }
      if (piece.overrun > 0) station.hub.metrics.lost('slow_reader', piece.overrun);
      const bytes = buffer.subarray(0, piece.count * sampleBytes);
      const saturated = cursor.read(piece, bytes);
      if (saturated > 0) station.hub.metrics.saturated(saturated);
      cursor.skip(piece);
      await writer.write(piece, bytes);
    }
  }

  /** Waits for samples, or for the reason that none will come. */
  async #pause(): Promise<RecordingEnd | undefined> {
    if (this.#end !== undefined) return this.#end;
    if (this.#left !== undefined) return this.#comeBack(this.#left);
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    return undefined;
  }

  /** A source that failed tries again by itself; its samples go on under their index, so that the gap is exact. */
  async #comeBack(reason: EndReason): Promise<RecordingEnd | undefined> {
    const { clock, length } = this.#context;
    // All that there is has come; a recording without a length has it then.
    if (reason === 'ended') return isEndless(length) ? FINISHED : brokenOff('the source came to its end');
    const before = this.#whyItIsOver(reason);
    if (before !== undefined) return before;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(RETRY_MS, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
    if (this.#end !== undefined) return this.#end;
    const after = this.#whyItIsOver(reason);
    if (after !== undefined) return after;
    try {
      this.#join();
    } catch {
      // Not well yet; #left still says why.
    }
    return undefined;
  }

  /** Joining would start the source: never that of a station which was stopped or removed while this one waited. */
  #whyItIsOver(reason: 'stopped' | PassbandError): RecordingEnd | undefined {
    const { station, isThere } = this.#context;
    if (reason !== 'stopped' && !isThere()) return brokenOff(reason.publicMessage);
    const isStopped = reason === 'stopped' || station.counters === undefined || station.counters !== this.#started;
    return isStopped ? brokenOff('the station was stopped') : undefined;
  }
}
