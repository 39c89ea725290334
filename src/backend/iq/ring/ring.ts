import { PassbandError } from '../../../errors.ts';
import { type Clock, systemClock } from '../../clock.ts';
import type { SampleBlock } from '../sources/source.ts';
import { GrowingRun, type Run, type RunBegin } from './run.ts';
import type { RunHistory } from './run-history.ts';

export type { PastRun, Run, RunBegin } from './run.ts';

/** Runs that are remembered; a source that breaks off more often than this within one ring loses the oldest. */
const MAX_RUNS = 1024;

/**
 * Bytes that are taken along when a ring needs more memory than it has: what 64 MiB cost is some 20 ms, in which nobody is
 * served. Older samples are lost to who has not read them.
 */
const MAX_CARRIED_BYTES = 64 * 1024 * 1024;

/** By how much the memory of a ring grows at least, so that it is made anew a few times at most, however often its size changes. */
const GROWTH = 2;

/** Arrivals that are remembered: seconds of blocks. */
const MAX_ARRIVALS = 1024;

/** What a stretch of samples is at the moment. */
export type Stretch =
  | { readonly state: 'held'; readonly run: Run }
  /** It may still become complete. */
  | { readonly state: 'coming' }
  /** It never will: evicted, or a gap or a change of tuning lies in it. */
  | { readonly state: 'lost' };

/**
 * The most recent samples of a station, as the source made them. Sample n lies at n modulo the places there are, so a gap
 * in the index takes the place its samples would have had and the ring's reach in time stays what it is.
 *
 * There are as many places as the largest size so far has needed: a ring that gets smaller keeps its memory and moves
 * nothing, so that sources may change their rate as often as they like.
 */
export class SampleRing {
  readonly #bytesPerSample: number;
  #capacity: number;
  /** Samples that there is memory for, the capacity at least. */
  #places: number;
  /** Undefined until there is something to hold: stations that nobody reads cost nothing. */
  #bytes: Uint8Array | undefined;
  #runs: GrowingRun[] = [];
  #head = 0;
  #newestOrdinal = -1;
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #history: RunHistory | undefined;
  readonly #arrivals: { readonly end: number; readonly atMs: number }[] = [];

  /** @param history is told of every run that is forgotten; none is kept unless given. */
  constructor(
    capacitySamples: number,
    bytesPerSample: number,
    clock: Pick<Clock, 'nowMs'> = systemClock,
    history?: RunHistory,
  ) {
    this.#history = history;
    this.#clock = clock;
    this.#bytesPerSample = bytesPerSample;
    this.#capacity = capacitySamples;
    this.#places = capacitySamples;
  }

  get capacitySamples(): number {
    return this.#capacity;
  }

  /** Index after the newest sample; 0 before the first. */
  get head(): number {
    return this.#head;
  }

  /** Bytes of memory that it has at present. */
  get memoryBytes(): number {
    return this.#bytes?.length ?? 0;
  }

  /** Runs that are held, in order. */
  get runs(): readonly Run[] {
    return this.#runs;
  }

  /**
   * Takes another size; the newest samples that fit it are kept (MAX_CARRIED_BYTES of them at most where memory is made
   * anew). It stays what it is where there is no memory for a larger one.
   *
   * @param mostSamples the largest size that it will ever be asked to take.
   */
  resize(capacitySamples: number, mostSamples = capacitySamples): void {
    this.evictBefore(this.#head - Math.min(capacitySamples, this.#capacity));
    if (capacitySamples > this.#places) {
      const places = Math.max(capacitySamples, Math.min(GROWTH * this.#places, mostSamples));
      try {
        this.#makePlaces(places);
      } catch {
        // The samples that are held serve their readers as before, in a ring that reaches less far.
      }
    }
    this.#capacity = Math.min(capacitySamples, this.#places);
  }

  /**
   * Makes the memory that the ring needs; done by the first block, unless someone wants to know before.
   *
   * @throws PassbandError RESOURCE_EXHAUSTED when there is not enough.
   */
  allocate(): Uint8Array {
    this.#bytes ??= memoryFor(this.#places * this.#bytesPerSample);
    return this.#bytes;
  }

  /** Adds a block; what is more than one capacity old goes. `of` is where its run begins, if more is known than the blocks tell. */
  append(block: SampleBlock, of?: RunBegin): void {
    if (block.sampleIndex < this.#head) throw new RangeError(`block ${block.sampleIndex} is before ${this.#head}`);
    const samples = block.bytes.length / this.#bytesPerSample;
    if (samples === 0) return;
    let run = this.#runs.at(-1);
    if (run?.continuesWith(block) !== true) {
      run = new GrowingRun(block, of ?? { firstIndex: block.sampleIndex, ordinal: this.#newestOrdinal + 1 });
      this.#newestOrdinal = run.ordinal;
      this.#runs.push(run);
      if (this.#runs.length > MAX_RUNS) this.#forgetOldest();
    }
    // Of a block longer than the ring only the end can be held.
    const kept = block.bytes.subarray(Math.max(0, samples - this.#capacity) * this.#bytesPerSample);
    this.#write(block.sampleIndex + samples - kept.length / this.#bytesPerSample, kept);
    run.grow(block, samples);
    this.#head = run.end;
    this.#arrivals.push({ end: run.end, atMs: this.#clock.nowMs() });
    if (this.#arrivals.length > MAX_ARRIVALS) this.#arrivals.shift();
    this.evictBefore(this.#head - this.#capacity);
  }

  /** Nothing more comes for now: the newest run is over, and what it holds of a frame is all there will be of it. */
  closeRun(): void {
    const newest = this.#runs.at(-1);
    if (newest !== undefined) newest.isClosed = true;
  }

  /** Forgets all samples and gives their memory back, which the next block makes anew. */
  release(): void {
    this.evictBefore(this.#head);
    this.#arrivals.length = 0;
    this.#bytes = undefined;
    this.#places = this.#capacity;
  }

  /** Forgets samples below an index. */
  evictBefore(index: number): void {
    while (this.#runs[0] !== undefined && this.#runs[0].end <= index) this.#forgetOldest();
    const oldest = this.#runs[0];
    if (oldest !== undefined && oldest.start < index) oldest.start = index;
  }

  /**
   * Index of the first held sample at or after a time, nanoseconds since 1970-01-01T00:00:00Z; undefined when all that
   * is held is older.
   */
  indexAt(timestampNs: bigint): number | undefined {
    const run = this.#runs.find((candidate) => candidate.timestampNs(candidate.end - 1) >= timestampNs);
    return run?.indexAt(timestampNs);
  }

  /** When the samples before an index had come, milliseconds of the steady clock; of old ones at the latest then. */
  arrivedMs(endIndex: number): number {
    // The newest first: they are asked for, but by readers that lag.
    let atMs = this.#arrivals.at(-1)?.atMs ?? 0;
    for (let i = this.#arrivals.length - 1; i >= 0; i--) {
      const arrival = this.#arrivals[i];
      if (arrival === undefined || arrival.end < endIndex) break;
      atMs = arrival.atMs;
    }
    return atMs;
  }

  /** The first run that ends beyond a sample, by bisection: there may be many, for every piece that is read. */
  runBeyond(sampleIndex: number): Run | undefined {
    let [low, high] = [0, this.#runs.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#runs[middle]?.end ?? 0) > sampleIndex) high = middle;
      else low = middle + 1;
    }
    return this.#runs[low];
  }

  /** Whether `count` samples from `start` on are held in one run. */
  stretch(start: number, count: number): Stretch {
    if (start >= this.#head) return { state: 'coming' };
    const run = this.runBeyond(start);
    if (run === undefined || start < run.start) return { state: 'lost' };
    if (start + count <= run.end) return { state: 'held', run };
    return run === this.#runs.at(-1) && !run.isClosed ? { state: 'coming' } : { state: 'lost' };
  }

  /** Gives held samples, in one piece or two; `offset` counts samples from `start`. */
  read(start: number, count: number, take: (bytes: Uint8Array, offset: number) => void): void {
    const at = start % this.#places;
    const first = Math.min(count, this.#places - at);
    take(this.#slice(at, first), 0);
    if (first < count) take(this.#slice(0, count - first), first);
  }

  #forgetOldest(): void {
    const run = this.#runs.shift();
    if (run !== undefined) this.#history?.add(run);
  }

  /** @throws PassbandError RESOURCE_EXHAUSTED when there is no memory for so many; nothing has changed then. */
  #makePlaces(places: number): void {
    const before = this.#bytes;
    const placesBefore = this.#places;
    if (before !== undefined) this.#bytes = memoryFor(places * this.#bytesPerSample);
    this.#places = places;
    if (before === undefined) return;
    this.evictBefore(this.#head - Math.floor(MAX_CARRIED_BYTES / this.#bytesPerSample));
    for (const { start, end } of this.#runs) {
      for (let from = start; from < end; ) {
        const at = from % placesBefore;
        const count = Math.min(end - from, placesBefore - at);
        this.#write(from, before.subarray(at * this.#bytesPerSample, (at + count) * this.#bytesPerSample));
        from += count;
      }
    }
  }

  #write(start: number, bytes: Uint8Array): void {
    const held = this.allocate();
    const at = start % this.#places;
    const first = bytes.subarray(0, (this.#places - at) * this.#bytesPerSample);
    held.set(first, at * this.#bytesPerSample);
    held.set(bytes.subarray(first.length), 0);
  }

  #slice(at: number, count: number): Uint8Array {
    return this.allocate().subarray(at * this.#bytesPerSample, (at + count) * this.#bytesPerSample);
  }
}

function memoryFor(bytes: number): Uint8Array {
  try {
    return new Uint8Array(bytes);
  } catch (cause) {
    throw new PassbandError('RESOURCE_EXHAUSTED', 'there is no memory for the samples of this station', { cause });
  }
}
