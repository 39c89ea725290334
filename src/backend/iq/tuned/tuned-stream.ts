import { PassbandError } from '../../../errors.ts';
import { planDecimation } from '../../dsp/decimation-plan.ts';
import { DownConverter } from '../../dsp/down-converter.ts';
import { inNextTurn } from '../../next-turn.ts';
import type { StationMetrics } from '../../stations/station-metrics.ts';
import { FrameLayout } from '../frames/frame-layout.ts';
import type { EndReason, FrameOrigin, Tap } from '../frames/frame-origin.ts';
import { FrameShelves } from '../frames/frame-shelves.ts';
import type { StationHub } from '../hub.ts';
import { Readers } from '../readers.ts';
import { readFinite } from '../ring/read-finite.ts';
import type { Run, SampleRing } from '../ring/ring.ts';
import type { Reception } from '../sources/source.ts';
import { firstInput } from './first-input.ts';
import { type Decimated, PartNumbering, partOf } from './part-numbering.ts';
import type { TunedBand } from './tuned-band.ts';
import { TUNED_DATATYPE, tunedBlock, tunedRing } from './tuned-ring.ts';

/** Samples that are filtered at a time: their intermediate results stay in the processor's cache. */
const PIECE_SAMPLES = 4096;

/** Milliseconds for which a part of a band is filtered when nobody reads it: who comes back in that time costs nothing anew. */
const IDLE_MS = 5000;

/** Samples filtered in one turn of the event loop: some milliseconds. */
const SAMPLES_PER_TURN = 131_072;

/**
 * A part of a station's band, filtered once for all who want the same. Output n stands for the station's sample
 * n * decimation; a gap of the station is a gap here, wider by the samples whose filters would have reached into it.
 *
 * It is computed from the hub's ring and each output is a function of the samples there alone, so one that is made anew
 * gives the same bytes. When its last reader has left it goes on for IDLE_MS, where someone may come back for its past.
 * The past is computed as fast as its readers read, the present as it comes; when the station ends, to the last sample.
 */
export class TunedStream implements FrameOrigin {
  readonly stationId: string;
  readonly epoch: bigint;
  readonly metrics: StationMetrics;
  readonly datatype = TUNED_DATATYPE;
  readonly ring: SampleRing;
  readonly shelves = new FrameShelves(this);
  readonly band: TunedBand;
  /** Real multiplications per second. */
  readonly cost: number;
  /** It is still in the past, where it may wait for its readers. */
  replays = true;
  readonly #hub: StationHub;
  readonly #inputRateHz: number;
  readonly #converter: DownConverter;
  readonly #decimated: Decimated;
  readonly #samples = new Float32Array(2 * PIECE_SAMPLES);
  readonly #readers = new Readers('this part of the band');
  readonly #leaveHub: () => void;
  readonly #onOver: () => void;
  #run: Run | undefined;
  /** It is going to be advanced anyway. */
  #scheduled = true;
  /** It waits for its readers. */
  #isHeld = false;
  /** With what it ends when all that came is filtered; undefined while more may come. */
  #ending: EndReason | undefined;
  #endInput = Number.POSITIVE_INFINITY;
  #over = false;
  #isKept = false;
  #cancelLinger: (() => void) | undefined;

  /**
   * To be begun once.
   *
   * @param onOver called once, when it has ended.
   * @throws PassbandError when the hub takes no more readers.
   */
  constructor(hub: StationHub, band: TunedBand, onOver: () => void) {
    this.stationId = hub.stationId;
    this.epoch = hub.epoch;
    this.metrics = hub.metrics;
    this.band = band;
    this.#hub = hub;
    this.#onOver = onOver;
    this.#inputRateHz = hub.source.tuning.sampleRateHz;
    this.ring = tunedRing(hub, this.#inputRateHz / band.decimation);
    this.#leaveHub = hub.join({
      onSamples: () => this.#wake(),
      onEnd: (reason) => this.#endBehindAll(reason),
      readerCount: () => this.#readers.count,
    });
    const plan = planDecimation(band.decimation);
    this.cost = plan.cost * this.#inputRateHz;
    this.#decimated = plan;
    this.#converter = new DownConverter(plan, band.offsetHz, this.#inputRateHz);
    this.#linger();
  }

  /** @param wanted the first output that is wanted; undefined means the next. */
  begin(wanted: number | undefined): void {
    const output = wanted ?? Math.ceil(this.#hub.nextIndex() / this.band.decimation);
    const { reach } = this.#converter;
    this.#converter.restart(firstInput(this.#hub, output * this.band.decimation - reach, this.#inputRateHz));
    this.#advance();
  }

  /** Nobody reads it at the moment. */
  get isIdle(): boolean {
    return this.#readers.areNone;
  }

  /** Nothing more comes. */
  get isEnding(): boolean {
    return this.#over || this.#ending !== undefined;
  }

  /** Ends it. */
  release(): void {
    this.#end('stopped');
  }

  /** The oldest output that it has or is going to have. */
  get oldestIndex(): number {
    return this.ring.runs[0]?.start ?? this.#converter.nextOutput;
  }

  layout(batchSize: number): FrameLayout {
    return new FrameLayout(this.ring, new PartNumbering(this.#hub, this.#decimated, batchSize));
  }

  nextIndex(): number {
    return Math.max(Math.ceil(this.#hub.nextIndex() / this.band.decimation), this.#converter.nextOutput);
  }

  receptionAt(sampleIndex: number): Reception {
    return this.#hub.receptionAt(sampleIndex * this.band.decimation);
  }

  /** Someone may come back for what is in its ring. */
  keep(): void {
    this.#isKept = true;
  }

  join(tap: Tap): () => void {
    if (this.isEnding) throw new PassbandError('UNAVAILABLE', 'this part of the band has just ended; ask anew');
    this.#readers.requireRoom(tap);
    this.#readers.add(tap);
    this.#cancelLinger?.();
    this.#cancelLinger = undefined;
    return () => {
      if (this.#readers.remove(tap)) this.#restIfIdle();
    };
  }

  readOn(): void {
    if (this.#isHeld && !this.#scheduled) this.#advanceLater();
  }

  #wake(): void {
    if (!this.#scheduled) this.#advance();
  }

  #advance(): void {
    this.#scheduled = false;
    const before = this.ring.head;
    this.#isHeld = false;
    for (let budget = SAMPLES_PER_TURN; !this.#over && budget > 0; ) {
      const taken = this.#take(budget);
      if (taken === 0) break;
      budget -= taken;
      if (budget <= 0) this.#advanceLater();
    }
    if (this.ring.head > before) this.#readers.wake();
    if (this.#cancelLinger === undefined) this.#restIfIdle();
    if (this.#ending === undefined || this.#scheduled || this.#isHeld) return;
    // What there is of the last frame is all there will be of it.
    this.ring.closeRun();
    this.#end(this.#ending);
  }

  #advanceLater(): void {
    this.#scheduled = true;
    inNextTurn(
      () => this.#advance(),
      (error) => this.#end(error),
    );
  }

  /** Filters some of the samples that are there; returns how many. */
  #take(most: number): number {
    const next = this.#converter.nextInput;
    const run = next < this.#endInput ? this.#hub.ring.runBeyond(next) : undefined;
    if (run === undefined || run.start >= this.#endInput) {
      this.replays = false;
      return 0;
    }
    if (run.sampleRateHz !== this.#inputRateHz) {
      const reason = `the station's sample rate is ${run.sampleRateHz} samples/s now; subscribe anew`;
      this.#end(new PassbandError('FAILED_PRECONDITION', reason));
      return 0;
    }
    // Another run is another tuning, or lies behind a gap: its samples are never filtered together with those before.
    const isBroken = run.start > next || (this.#run !== undefined && run !== this.#run);
    if (isBroken) this.#converter.restart(Math.max(next, run.start));
    this.#run = run;
    this.#isHeld = this.replays && this.#wouldOverwrite();
    if (this.#isHeld) return 0;
    const start = this.#converter.nextInput;
    const count = Math.min(Math.min(run.end, this.#endInput) - start, most, PIECE_SAMPLES);
    readFinite(this.#hub, { start, count }, this.#samples);
    this.#append(run, count);
    return count;
  }

  /** Whether the next outputs would take the place of some that a reader has still to take, and nobody waits for them. */
  #wouldOverwrite(): boolean {
    const { slowest, isAnyWaiting } = this.#readers.progress();
    return !isAnyWaiting && this.#converter.nextOutput + PIECE_SAMPLES - slowest > this.ring.capacitySamples;
  }

  #append(run: Run, count: number): void {
    const converted = this.#converter.push(this.#samples, count);
    if (converted.samples.length === 0) return;
    this.ring.append(tunedBlock(run, converted, this.band), partOf(run, this.#decimated));
  }

  #restIfIdle(): void {
    if (!this.isIdle || this.#over) return;
    if (this.#isKept && this.#ending === undefined) this.#linger();
    else this.#end('stopped');
  }

  #linger(): void {
    this.#cancelLinger = this.#hub.clock.after(Math.min(this.#hub.lingerMs, IDLE_MS), () => this.#end('stopped'));
  }

  /** The station has ended: in good order, what has come is still filtered. */
  #endBehindAll(reason: EndReason): void {
    this.#ending = reason;
    this.#endInput = this.#hub.ring.head;
    if (reason instanceof PassbandError || this.isIdle) this.#end(reason);
    else this.#wake();
  }

  #end(reason: EndReason): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelLinger?.();
    this.#leaveHub();
    this.#onOver();
    this.#readers.end(reason);
  }
}
