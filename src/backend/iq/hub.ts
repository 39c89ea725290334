import { PassbandError } from '../../errors.ts';
import type { Clock } from '../clock.ts';
import type { RingConfig } from '../stations/station-config.ts';
import type { StationMetrics } from '../stations/station-metrics.ts';
import { DopplerMixer } from './doppler/doppler-mixer.ts';
import { type DopplerShift, DopplerTrack } from './doppler/doppler-track.ts';
import { bytesPerSample, type Datatype } from './formats.ts';
import { FirstBlock } from './frames/first-block.ts';
import { FrameLayout } from './frames/frame-layout.ts';
import type { EndReason, FrameOrigin, Tap } from './frames/frame-origin.ts';
import { FrameShelves } from './frames/frame-shelves.ts';
import { StationNumbering } from './frames/station-numbering.ts';
import { Readers } from './readers.ts';
import { newEpoch } from './ring/epoch.ts';
import { Receptions } from './ring/receptions.ts';
import { SampleRing } from './ring/ring.ts';
import { DEFAULT_RING_SECONDS, largestRing, longestFrame, ringCapacity } from './ring/ring-size.ts';
import { RunHistory } from './ring/run-history.ts';
import type { SourceCounts } from './source-counts.ts';
import { SourceRun } from './source-run.ts';
import type { Reception, SampleBlock, Source } from './sources/source.ts';

/**
 * Between one source and its many readers: a ring of recent samples into which every reader has a position of its own.
 * There is no queue per reader; one who is slower than the ring's reach loses the oldest samples and nobody else does.
 *
 * The source runs only while someone listens, and as long afterwards as its ring is meant to reach, so that who comes
 * back in that time finds what came meanwhile. A station that nobody reads costs nothing.
 * A source that fails ends its readers with its fault, and tries again by itself for as long as the station is started,
 * also when nobody listens; once it is well again it stops in the time that all take to whom nobody listens.
 */
export class StationHub implements FrameOrigin {
  readonly stationId: string;
  readonly source: Source;
  readonly clock: Clock;
  readonly metrics: StationMetrics;
  readonly ring: SampleRing;
  /** Of runs that the ring has forgotten. */
  readonly history: RunHistory;
  /**
   * Milliseconds since 1970 at which the hub began: sample indices and sequence numbers count from there, and a number of
   * another epoch means nothing here.
   */
  readonly epoch: bigint;
  readonly shelves = new FrameShelves(this);
  readonly receptions = new Receptions();
  readonly #doppler = new DopplerTrack();
  readonly #mixer: DopplerMixer;
  readonly #readers = new Readers('the station');
  readonly #ringConfig: RingConfig;
  readonly #firstBlock: FirstBlock;
  readonly #run: SourceRun;
  /** Those who have joined and not left: they may read on when they were ended. */
  readonly #holders = new Set<Tap>();
  /** With what whoever joins is refused. */
  #shut: PassbandError | undefined;
  /** Of the newest block. */
  #sampleRateHz: number;
  #produced = 0;
  #lost = 0;
  #faults = 0;
  #saturated = 0;

  constructor(stationId: string, source: Source, clock: Clock, metrics: StationMetrics, ring: RingConfig = {}) {
    this.stationId = stationId;
    this.source = source;
    this.clock = clock;
    this.metrics = metrics;
    this.epoch = newEpoch(clock);
    this.#firstBlock = new FirstBlock(source.connects, clock);
    this.#run = new SourceRun(source, clock, () => this.ring.closeRun());
    this.#mixer = new DopplerMixer(source.datatype, this.#doppler);
    this.#ringConfig = ring;
    this.#sampleRateHz = source.tuning.sampleRateHz;
    const capacity = ringCapacity(this.#sampleRateHz, source.datatype, ring);
    this.history = new RunHistory(this.longestFrame);
    this.ring = new SampleRing(capacity, bytesPerSample(source.datatype), clock, this.history);
  }

  get datatype(): Datatype {
    return this.source.datatype;
  }

  /** Readers at the moment. */
  get tapCount(): number {
    return this.#readers.count;
  }

  layout(batchSize: number): FrameLayout {
    return new FrameLayout(this.ring, new StationNumbering(this.ring, this.history, batchSize));
  }

  nextIndex(): number {
    return this.source.nextIndex();
  }

  receptionAt(sampleIndex: number): Reception {
    const reception = this.receptions.at(sampleIndex);
    const dopplerShiftHz = (reception.dopplerShiftHz ?? 0) + this.dopplerHzAt(sampleIndex);
    return { ...reception, dopplerShiftHz };
  }

  get counts(): SourceCounts {
    return {
      producedSamples: this.#produced,
      lostSamples: this.#lost,
      faults: this.#faults,
      saturatedValues: this.#saturated,
    };
  }

  /** How far back the ring reaches at the present rate, seconds. */
  get ringSeconds(): number {
    const { sampleRateHz } = this.source.tuning;
    return ringCapacity(sampleRateHz, this.datatype, this.#ringConfig) / sampleRateHz;
  }

  /** Milliseconds for which the source goes on when its last reader has left. */
  get lingerMs(): number {
    return (this.#ringConfig.seconds ?? DEFAULT_RING_SECONDS) * 1000;
  }

  /** Samples of the longest frame that the ring can serve. */
  get longestFrame(): number {
    return longestFrame(this.datatype, this.#ringConfig);
  }

  /**
   * Joins; returns how to leave. The first to join starts the source.
   *
   * @throws PassbandError why it is shut, where it is; RESOURCE_EXHAUSTED when the readers are as many as can be (see
   *   Readers) or there is no memory; the source's fault where it has one; or UNAVAILABLE where it cannot be started.
   */
  join(tap: Tap): () => void {
    if (this.#shut !== undefined) throw this.#shut;
    this.#readers.requireRoom(tap);
    if (!this.#run.isOn) this.#startSource();
    if (this.source.fault !== undefined) throw this.source.fault;
    this.#readers.add(tap);
    this.#holders.add(tap);
    this.#run.stay();
    return () => this.#leave(tap);
  }

  /** Whoever joins from now on is refused with this; undefined makes everybody welcome again. */
  shut(refusal: PassbandError | undefined): void {
    this.#shut = refusal;
  }

  /** Resolves when samples come, or can be expected; rejects with the fault of a source that fails at once. To be asked after joining. */
  ready(): Promise<void> {
    return this.#firstBlock.ready();
  }

  /** Ends every tap and the source with it. */
  end(reason: EndReason): void {
    this.#run.stop();
    this.#readers.end(reason);
  }

  /** Mixes the samples with the negative of this shift from the next sample on. */
  correctDoppler(shift: DopplerShift): void {
    this.#doppler.set(shift, this.source.nextIndex(), this.source.tuning.sampleRateHz);
  }

  /** The shift that was corrected at a sample, Hz. */
  dopplerHzAt(sampleIndex: number): number {
    return this.#doppler.hzAt(sampleIndex);
  }

  #startSource(): void {
    // What is older than the ring's reach by the clock is not "recent" any more, though nothing has overwritten it.
    this.ring.evictBefore(this.source.nextIndex() - this.ring.capacitySamples);
    // Of one that is known to have none, the first to come make the memory.
    if (this.source.fault === undefined) this.ring.allocate();
    this.#firstBlock.expect();
    this.#run.start({
      samples: (block) => this.#receive(block),
      failed: (fault) => this.#fail(fault),
      suspected: (samples) => this.metrics.suspected(samples),
      ended: () => this.end('ended'),
    });
  }

  /** What goes wrong with the samples of one station ends this one's readers: others have the same thread. */
  #receive(block: SampleBlock): void {
    try {
      this.#take(block);
    } catch (error) {
      this.#run.stop();
      this.#fail(PassbandError.from(error));
    }
  }

  #take(block: SampleBlock): void {
    if (block.sampleRateHz !== this.#sampleRateHz) this.#changeRate(block);
    // Before the first block nobody listened: what lies before it was never asked for.
    const gap = this.#firstBlock.came ? block.sampleIndex - this.ring.head : 0;
    if (gap > 0) {
      this.#lost += gap;
      this.metrics.lost('source_gap', gap);
    }
    const { bytes, saturatedValues: byMixing } = this.#mixer.correct(block.sampleIndex, block.bytes);
    const saturatedValues = byMixing + (block.saturatedValues ?? 0);
    this.ring.append(bytes === block.bytes ? block : { ...block, bytes });
    if (saturatedValues > 0) {
      this.#saturated += saturatedValues;
      this.metrics.saturated(saturatedValues);
    }
    if (block.reception !== undefined) this.receptions.set(block.sampleIndex, block.reception);
    const samples = bytes.length / bytesPerSample(this.datatype);
    this.#produced += samples;
    this.metrics.produced(samples);
    this.#firstBlock.arrived();
    this.#readers.wake();
    // A source that has come back while nobody listened, or whose last reader has just failed.
    if (this.#readers.areNone && !this.#run.lingers) this.#linger();
  }

  /** The ring takes the size that a new rate needs. */
  #changeRate({ sampleIndex, sampleRateHz }: SampleBlock): void {
    this.#sampleRateHz = sampleRateHz;
    this.#doppler.retime(sampleIndex, sampleRateHz);
    const size = ringCapacity(sampleRateHz, this.datatype, this.#ringConfig);
    this.ring.resize(size, largestRing(this.datatype, this.#ringConfig));
  }

  #fail(fault: PassbandError): void {
    this.#faults++;
    this.metrics.fault();
    this.#run.stay();
    this.#firstBlock.failed(fault);
    this.#readers.end(fault);
  }

  #leave(tap: Tap): void {
    this.#holders.delete(tap);
    if (this.#readers.remove(tap) && this.#readers.areNone) this.#linger();
  }

  #linger(): void {
    this.#run.linger(this.lingerMs, () => {
      // All that it held is as old by now as the ring reaches.
      if (this.#holders.size === 0) this.ring.release();
    });
  }
}
