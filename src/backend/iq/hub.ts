import { PassbandError } from '../../errors.ts';
import type { Clock } from '../clock.ts';
import type { StationMetrics } from '../station-metrics.ts';
import { DopplerMixer } from './doppler-mixer.ts';
import { type DopplerShift, DopplerTrack } from './doppler-track.ts';
import { bytesPerSample, type Datatype } from './formats.ts';
import type { FrameOrigin, Tap } from './frame-origin.ts';
import { FrameShelves } from './frame-shelves.ts';
import { Receptions } from './receptions.ts';
import { SampleRing } from './ring.ts';
import type { Reception, SampleBlock, Source } from './sources/source.ts';

/** Seconds of samples a ring holds: what a reader may lag, or be away and still resume without loss. */
export const RING_SECONDS = 5;
/** Bytes of one ring at most, whatever the rate. */
export const MAX_RING_BYTES = 64 * 1024 * 1024;
/** Samples of one ring at least: four of the longest frames, so that slow stations can fill one. */
export const MIN_RING_SAMPLES = 4 * 262_144;
/** Readers and spectra of one station at a time; each costs some KiB and its share of the network. */
export const MAX_TAPS = 1024;
/** Milliseconds for which a source goes on when its last reader has left, so that a reader may come back. */
export const LINGER_MS = RING_SECONDS * 1000;

/** Why a tap ended: the station was stopped in good order, or an error. */
export type EndReason = 'stopped' | PassbandError;

/** Samples that a ring holds at a sample rate. */
export function ringCapacity(sampleRateHz: number, datatype: Datatype): number {
  const wanted = Math.max(Math.ceil(sampleRateHz * RING_SECONDS), MIN_RING_SAMPLES);
  return Math.min(wanted, Math.floor(MAX_RING_BYTES / bytesPerSample(datatype)));
}

/**
 * Between one source and its many readers: a ring of recent samples into which every reader has a position of its own.
 * There is no queue per reader; one who is slower than the ring's reach loses the oldest samples and nobody else does.
 *
 * The source runs only while someone listens (and LINGER_MS longer); its sample index follows the clock all the same, so
 * a station that nobody reads costs nothing.
 */
export class StationHub implements FrameOrigin {
  readonly stationId: string;
  readonly source: Source;
  readonly clock: Clock;
  readonly metrics: StationMetrics;
  readonly ring: SampleRing;
  /**
   * Milliseconds since 1970 at which the hub began: sample indices and sequence numbers count from there, and a number of
   * another epoch means nothing here.
   */
  readonly epoch: bigint;
  readonly shelves = new FrameShelves(this);
  readonly receptions = new Receptions();
  readonly #doppler = new DopplerTrack();
  readonly #mixer: DopplerMixer;
  readonly #taps = new Set<Tap>();
  #delivering = false;
  #awaitsFirstBlock = false;
  #cancelLinger: (() => void) | undefined;
  /** Samples made since the hub began. */
  #produced = 0;

  constructor(stationId: string, source: Source, clock: Clock, metrics: StationMetrics) {
    this.stationId = stationId;
    this.source = source;
    this.clock = clock;
    this.metrics = metrics;
    this.epoch = newEpoch(clock);
    this.#mixer = new DopplerMixer(source.datatype, this.#doppler);
    const capacity = ringCapacity(source.tuning.sampleRateHz, source.datatype);
    this.ring = new SampleRing(capacity, bytesPerSample(source.datatype));
  }

  get datatype(): Datatype {
    return this.source.datatype;
  }

  /** Readers at the moment. */
  get tapCount(): number {
    let readers = 0;
    for (const tap of this.#taps) readers += tap.readerCount?.() ?? 1;
    return readers;
  }

  nextIndex(): number {
    return this.source.nextIndex();
  }

  receptionAt(sampleIndex: number): Reception {
    const reception = this.receptions.at(sampleIndex);
    const dopplerShiftHz = (reception.dopplerShiftHz ?? 0) + this.dopplerHzAt(sampleIndex);
    return { ...reception, dopplerShiftHz };
  }

  get samplesProduced(): number {
    return this.#produced;
  }

  /** How far back the ring reaches at the present rate, seconds. */
  get ringSeconds(): number {
    return this.ring.capacitySamples / this.source.tuning.sampleRateHz;
  }

  /**
   * Joins; returns how to leave. The first to join starts the source.
   *
   * @throws PassbandError RESOURCE_EXHAUSTED when MAX_TAPS have joined, or the source's fault where it has one.
   */
  join(tap: Tap): () => void {
    if (this.source.fault !== undefined) throw this.source.fault;
    if (this.#taps.size >= MAX_TAPS) {
      throw new PassbandError('RESOURCE_EXHAUSTED', `the station has ${MAX_TAPS} readers already; try again later`);
    }
    this.#taps.add(tap);
    this.#cancelLinger?.();
    this.#cancelLinger = undefined;
    if (!this.#delivering) this.#startSource();
    return () => this.#leave(tap);
  }

  /** Ends every tap and the source with it. */
  end(reason: EndReason): void {
    this.#cancelLinger?.();
    this.#cancelLinger = undefined;
    this.#stopSource();
    const taps = [...this.#taps];
    this.#taps.clear();
    for (const tap of taps) tap.onEnd(reason);
  }

  /** Mixes the samples with the negative of this shift from the next sample on. */
  correctDoppler(shift: DopplerShift): void {
    this.#doppler.set(shift, this.source.nextIndex(), this.source.tuning.sampleRateHz);
  }

  /** The shift that was corrected at a sample, Hz. */
  dopplerHzAt(sampleIndex: number): number {
    return this.#doppler.hzAt(sampleIndex);
  }

  /** To be called when the source's rate has changed: the ring takes the size that the new rate needs. */
  retuned(): void {
    this.#doppler.retime(this.source.nextIndex(), this.source.tuning.sampleRateHz);
    const capacity = ringCapacity(this.source.tuning.sampleRateHz, this.source.datatype);
    if (capacity !== this.ring.capacitySamples) this.ring.reset(capacity);
  }

  #startSource(): void {
    // What is older than the ring's reach by the clock is not "recent" any more, though nothing has overwritten it.
    this.ring.evictBefore(this.source.nextIndex() - this.ring.capacitySamples);
    this.#awaitsFirstBlock = true;
    this.#delivering = true;
    this.source.start({ samples: (block) => this.#take(block), failed: (fault) => this.#fail(fault) });
  }

  #stopSource(): void {
    if (!this.#delivering) return;
    this.#delivering = false;
    this.source.stop();
  }

  #take(block: SampleBlock): void {
    const samples = block.bytes.length / bytesPerSample(this.source.datatype);
    // Before the first block nobody listened: what lies before it was never asked for.
    const gap = this.#awaitsFirstBlock ? 0 : block.sampleIndex - this.ring.head;
    this.#awaitsFirstBlock = false;
    if (gap > 0) this.metrics.lost('source_gap', gap);
    const bytes = this.#mixer.correct(block.sampleIndex, block.bytes);
    this.ring.append(bytes === block.bytes ? block : { ...block, bytes });
    if (block.reception !== undefined) this.receptions.set(block.sampleIndex, block.reception);
    this.#produced += samples;
    this.metrics.produced(samples);
    for (const tap of [...this.#taps]) tap.onSamples();
  }

  /** The source has failed and tries again by itself: its readers end, and whoever comes is refused until it is well. */
  #fail(fault: PassbandError): void {
    this.metrics.fault();
    const taps = [...this.#taps];
    this.#taps.clear();
    for (const tap of taps) tap.onEnd(fault);
  }

  #leave(tap: Tap): void {
    if (!this.#taps.delete(tap) || this.#taps.size > 0) return;
    this.#cancelLinger = this.clock.after(LINGER_MS, () => this.#stopSource());
  }
}

let latestEpoch = 0n;

/** Never the same twice in a process, nor in two that run one after the other. */
function newEpoch(clock: Clock): bigint {
  const now = clock.wallNs() / 1_000_000n;
  latestEpoch = now > latestEpoch ? now : latestEpoch + 1n;
  return latestEpoch;
}
