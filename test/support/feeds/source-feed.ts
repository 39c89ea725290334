import { bytesPerSample, type Datatype } from '../../../src/backend/iq/formats.ts';
import type { SourceConfig } from '../../../src/backend/iq/sources/config.ts';
import type { ManualClock } from '../../backend/manual-clock.ts';
import type { Curl } from '../curl.ts';
import { RATE_HZ, toneContent } from './tone-content.ts';

/** Samples that a source is given at once: 20 ms of them, two looks of a source that is paced by the clock. */
export const CHUNK = 5000;
/** Samples that are lost where any number will do: no multiple of a chunk or a frame, but whole milliseconds. */
export const LOST = 12_250;
/** The tuning of every source that is told one. */
export const TUNING = { sampleRateHz: RATE_HZ, centerFrequencyHz: 433_920_000 };

/**
 * What brings the content to a station's source, as a radio would, while the test moves the clock. Samples are numbered
 * by the time at which they were received: (time - time of the first) * rate, so that lost ones have numbers, too.
 */
export abstract class SourceFeed {
  abstract readonly source: SourceConfig;
  /** The datatype in which its samples come. */
  readonly datatype: Datatype;
  protected readonly clock: ManualClock;
  /** The one gap: its first number and how many are lost. */
  protected gap = { at: Number.POSITIVE_INFINITY, lost: 0 };
  #sinceMs: number | undefined;

  constructor(clock: ManualClock, datatype: Datatype) {
    this.clock = clock;
    this.datatype = datatype;
  }

  /** Number behind the last sample whose time has come. */
  get due(): number {
    const ms = this.clock.nowMs() - (this.#sinceMs ?? this.clock.nowMs());
    return (ms * RATE_HZ) / 1000;
  }

  /** The samples of these numbers, none of them lost, in the feed's datatype. */
  content(from: number, count: number): Buffer {
    const size = bytesPerSample(this.datatype);
    const place = from < this.gap.at ? from : from - this.gap.lost;
    return toneContent(this.datatype).subarray(size * place, size * (place + count));
  }

  /** To be called before there is a reader. */
  async open(_stationId: string, _curl: Curl): Promise<void> {}

  /** To be called once somebody asks to read; gives a chunk where readers are answered only when samples come. */
  async begin(): Promise<void> {}

  /** Gives the samples of a chunk, all of which have just been received. */
  async give(): Promise<void> {
    this.count();
    const from = this.due;
    this.clock.advance((1000 * CHUNK) / RATE_HZ);
    await this.send(from);
  }

  /** Loses samples, which shows with the next that come. Resolves with their count; 0 where nobody can know. */
  abstract lose(): Promise<number>;

  async close(): Promise<void> {}

  /** Sample 0 is received from now on, unless it was before. */
  protected count(): void {
    this.#sinceMs ??= this.clock.nowMs();
  }

  /** Time goes by whose samples nobody will get. */
  protected miss(samples: number): number {
    this.gap = { at: this.due, lost: samples };
    this.clock.advance((1000 * samples) / RATE_HZ);
    return samples;
  }

  /** Sends the chunk that begins with this number. */
  protected abstract send(from: number): Promise<void>;
}
