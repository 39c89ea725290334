import { bytesPerSample } from '../iq/formats.ts';
import type { EndReason, Tap } from '../iq/frames/frame-origin.ts';
import type { StationHub } from '../iq/hub.ts';
import { readConverted } from '../iq/ring/read-converted.ts';

/** What rtl_tcp carries. */
const DATATYPE = 'cu8';

/** One who is given a station's samples as bytes. */
export interface FeedReader {
  /** Whole samples (cu8) that all readers share: nobody may change them. */
  block(bytes: Buffer): void;
  /** Nothing more will come. */
  end(reason: EndReason): void;
}

/** A station's newest samples as cu8, converted once for all of a listener's clients. It holds nothing back for anybody. */
export class SampleFeed implements Tap {
  readonly #hub: StationHub;
  readonly #readers = new Set<FeedReader>();
  #leave: (() => void) | undefined;
  /** Index after the newest sample that was given out. */
  #next = 0;

  constructor(hub: StationHub) {
    this.#hub = hub;
  }

  /**
   * Joins; returns how to leave. The station's source runs while anybody has joined.
   *
   * @throws PassbandError when the station has no samples to give, or too many readers.
   */
  join(reader: FeedReader): () => void {
    if (this.#leave === undefined) {
      this.#leave = this.#hub.join(this);
      this.#next = this.#hub.ring.head;
    }
    this.#readers.add(reader);
    return () => {
      if (!this.#readers.delete(reader) || this.#readers.size > 0) return;
      this.#leave?.();
      this.#leave = undefined;
    };
  }

  readerCount(): number {
    return this.#readers.size;
  }

  onSamples(): void {
    const { ring, metrics } = this.#hub;
    const newest = ring.runs.at(-1);
    if (newest === undefined) return;
    const from = Math.max(this.#next, newest.start);
    if (newest.end <= from) return;
    const block = Buffer.allocUnsafe((newest.end - from) * bytesPerSample(DATATYPE));
    const saturated = readConverted(this.#hub, { start: from, count: newest.end - from }, DATATYPE, block);
    this.#next = newest.end;
    if (saturated > 0) metrics.saturated(saturated);
    for (const reader of [...this.#readers]) reader.block(block);
  }

  onEnd(reason: EndReason): void {
    this.#leave?.();
    this.#leave = undefined;
    const readers = [...this.#readers];
    this.#readers.clear();
    for (const reader of readers) reader.end(reason);
  }
}
