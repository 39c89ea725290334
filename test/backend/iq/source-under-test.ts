import type { SampleBlock, Source, SourceKind, Tuning } from '../../../src/backend/iq/sources/source.ts';
import type { ManualClock } from '../manual-clock.ts';

/** A source and what feeds it: what the contract suite asks of every kind. */
export interface SourceUnderTest {
  readonly source: Source;
  /** Lets about so many milliseconds of samples come, and waits until the source has delivered them. */
  feed(ms: number): Promise<void>;
  /** The bytes that the samples from an index on must have. */
  expected(sampleIndex: number, samples: number): Buffer;
  /** Another tuning that the source takes, or why it takes none. */
  readonly retune: Tuning | RegExp;
  /** Makes what the source lives on fail, and well again; absent for a source that lives on nothing. */
  readonly trouble?: { begin(): Promise<void>; end(): Promise<void> };
  /** The clock that drives the source, where one does: its samples then come at exactly its rate. */
  readonly clock?: ManualClock;
  /** For a source whose samples come from elsewhere, without a time: what they are told by here. */
  readonly arrivals?: Arrivals;
  /** What the source still holds after it was closed: timers, sockets, open files; to be empty. */
  held(): readonly string[];
  /** Lets go of what the test itself made; the source is closed by then. */
  remove(): Promise<void>;
}

/** Samples that come over a network, and are counted and timed as they arrive. */
export interface Arrivals {
  /** The time there is, here and where the samples are made. */
  readonly clock: ManualClock;
  /** Whether the sender counts its samples, so that a loss is exact and never only suspected. */
  readonly isCounted: boolean;
  /** As `feed`, in pieces of so many milliseconds, whatever is in them. */
  feed(ms: number, pieceMs: number): Promise<void>;
  /** Time passes in which samples are made and none of them come. */
  lose(ms: number): void;
  /** Samples come at another rate from now on, as whoever decides on it decides; absent where nobody can say so. */
  changeRate?(sampleRateHz: number): void;
}

/** How to make a source of each kind. */
export type SourceCases = Readonly<Partial<Record<SourceKind | string, () => Promise<SourceUnderTest>>>>;

/** Blocks as they come, with their bytes copied. */
export class BlockCollector {
  /** With the number of samples in each, and where they lay in memory. */
  readonly blocks: (SampleBlock & { readonly count: number; readonly offset: number })[] = [];
  readonly faults: unknown[] = [];
  /** Samples that were suspected to be missing. */
  suspected = 0;
  /** What is thrown at the next block, which then counts as one that never came. */
  mishap: Error | undefined;
  readonly #source: Source;
  readonly #bytesPerSample: number;

  constructor(source: Source, bytesPerSample: number) {
    this.#source = source;
    this.#bytesPerSample = bytesPerSample;
  }

  /** @param ended what to do when the source has come to its end. */
  start(ended = (): void => undefined): void {
    this.#source.start({
      samples: (block) => {
        const { mishap } = this;
        this.mishap = undefined;
        if (mishap !== undefined) throw mishap;
        // Good only until this returns.
        const count = block.bytes.length / this.#bytesPerSample;
        this.blocks.push({ ...block, bytes: Uint8Array.from(block.bytes), count, offset: block.bytes.byteOffset });
      },
      failed: (fault) => this.faults.push(fault),
      suspected: (samples) => {
        this.suspected += samples;
      },
      ended,
    });
  }

  /** Index after the last sample that came; 0 before the first. */
  get end(): number {
    const last = this.blocks.at(-1);
    return last === undefined ? 0 : last.sampleIndex + last.count;
  }

  /** Samples that came. */
  get total(): number {
    return this.blocks.reduce((sum, { count }) => sum + count, 0);
  }

  get bytes(): Buffer {
    return Buffer.concat(this.blocks.map(({ bytes }) => bytes));
  }
}
