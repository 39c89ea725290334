import { PassbandError } from '../../../errors.ts';
import type { DecimationPlan } from '../../dsp/decimation-plan.ts';
import { DownConverter } from '../../dsp/down-converter.ts';
import type { StationMetrics } from '../../stations/station-metrics.ts';
import { bytesPerSample, convertSamples, type Datatype } from '../formats.ts';
import type { EndReason, FrameOrigin, Tap } from '../frames/frame-origin.ts';
import { FrameShelves } from '../frames/frame-shelves.ts';
import type { StationHub } from '../hub.ts';
import { Readers } from '../readers.ts';
import { type Run, SampleRing } from '../ring/ring.ts';
import { ringCapacity } from '../ring/ring-size.ts';
import type { Reception } from '../sources/source.ts';
import type { TunedBand } from './tuned-band.ts';

/** Bytes of the ring of one part of a band at most: there may be many. */
const MAX_TUNED_RING_BYTES = 16 * 1024 * 1024;

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
 * gives the same bytes. When its last reader has left it goes on for IDLE_MS, where someone may come back for its past;
 * who comes later has it computed anew.
 */
export class TunedStream implements FrameOrigin {
  readonly stationId: string;
  readonly epoch: bigint;
  readonly metrics: StationMetrics;
  readonly datatype: Datatype = 'cf32_le';
  readonly ring: SampleRing;
  readonly shelves = new FrameShelves(this);
  readonly band: TunedBand;
  readonly plan: DecimationPlan;
  readonly #hub: StationHub;
  readonly #inputRateHz: number;
  readonly #converter: DownConverter;
  readonly #samples = new Float32Array(2 * PIECE_SAMPLES);
  readonly #bytes = new Uint8Array(this.#samples.buffer);
  readonly #readers = new Readers('this part of the band');
  readonly #leaveHub: () => void;
  readonly #onOver: () => void;
  #run: Run | undefined;
  #scheduled = false;
  #over = false;
  #isKept = false;
  #cancelLinger: (() => void) | undefined;

  /**
   * To be begun once.
   *
   * @param onOver called once, when it has ended.
   * @throws PassbandError when the hub takes no more readers.
   */
  constructor(hub: StationHub, band: TunedBand, plan: DecimationPlan, onOver: () => void) {
    this.stationId = hub.stationId;
    this.epoch = hub.epoch;
    this.metrics = hub.metrics;
    this.band = band;
    this.plan = plan;
    this.#hub = hub;
    this.#onOver = onOver;
    this.#inputRateHz = hub.source.tuning.sampleRateHz;
    this.#converter = new DownConverter(plan, band.offsetHz, this.#inputRateHz);
    const outputRateHz = this.#inputRateHz / band.decimation;
    const capacity = ringCapacity(outputRateHz, this.datatype, { bytes: MAX_TUNED_RING_BYTES });
    this.ring = new SampleRing(capacity, bytesPerSample(this.datatype), hub.clock);
    this.#leaveHub = hub.join({
      onSamples: () => this.#wake(),
      onEnd: (reason) => this.#end(reason),
      readerCount: () => this.#readers.count,
    });
    this.#linger();
  }

  /** @param firstOutput the first output that is wanted; undefined means the next. */
  begin(firstOutput: number | undefined): void {
    const next = Math.ceil(this.#hub.nextIndex() / this.band.decimation);
    this.#converter.restart(this.#firstInput(firstOutput ?? next));
    this.#wake();
  }

  /** Real multiplications per second. */
  get cost(): number {
    return this.plan.cost * this.#inputRateHz;
  }

  /** Nobody reads it at the moment. */
  get isIdle(): boolean {
    return this.#readers.areNone;
  }

  /** Ends it. */
  release(): void {
    this.#end('stopped');
  }

  /** The oldest output that it has or is going to have. */
  get oldestIndex(): number {
    return this.ring.runs[0]?.start ?? this.#converter.nextOutput;
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
    if (this.#over) throw new PassbandError('UNAVAILABLE', 'this part of the band has just ended; ask for it again');
    this.#readers.requireRoom(tap);
    this.#readers.add(tap);
    this.#cancelLinger?.();
    this.#cancelLinger = undefined;
    return () => {
      if (!this.#readers.remove(tap) || !this.#readers.areNone || this.#over) return;
      if (this.#isKept) this.#linger();
      else this.#end('stopped');
    };
  }

  /** The input to begin with for an output: the samples before it that go into it too, where they are held. */
  #firstInput(output: number): number {
    const { ring } = this.#hub;
    const since = rateSince(ring.runs, this.#inputRateHz);
    const wanted = Math.max(since, output * this.band.decimation - this.#converter.reach);
    const run = ring.runs.find(({ end }) => end > wanted);
    if (run !== undefined) return Math.max(wanted, run.start);
    // Nothing is held of it. What comes next goes on where the newest sample was, or it begins there.
    return ring.head >= this.#hub.nextIndex() ? wanted : Math.max(wanted, this.#hub.nextIndex());
  }

  #wake(): void {
    if (!this.#scheduled) this.#advance();
  }

  #advance(): void {
    this.#scheduled = false;
    const before = this.ring.head;
    for (let budget = SAMPLES_PER_TURN; !this.#over && budget > 0; ) {
      const taken = this.#take(budget);
      if (taken === 0) break;
      budget -= taken;
      if (budget > 0) continue;
      this.#scheduled = true;
      setImmediate(() => this.#advance());
    }
    if (this.ring.head > before) this.#readers.wake();
  }

  /** Filters some of the samples that are there; returns how many. */
  #take(most: number): number {
    const next = this.#converter.nextInput;
    const run = this.#hub.ring.runs.find(({ end }) => end > next);
    if (run === undefined) return 0;
    if (run.sampleRateHz !== this.#inputRateHz) {
      const reason = `the station's sample rate is ${run.sampleRateHz} samples/s now; subscribe anew`;
      this.#end(new PassbandError('FAILED_PRECONDITION', reason));
      return 0;
    }
    // Another run is another tuning, or lies behind a gap: its samples are never filtered together with those before.
    const isBroken = run.start > next || (this.#run !== undefined && run !== this.#run);
    if (isBroken) this.#converter.restart(Math.max(next, run.start));
    this.#run = run;
    const start = this.#converter.nextInput;
    const count = Math.min(run.end - start, most, PIECE_SAMPLES);
    const { datatype } = this.#hub;
    this.#hub.ring.read(start, count, (bytes, offset) => {
      const samples = bytes.length / bytesPerSample(datatype);
      convertSamples(datatype, 'cf32_le', bytes, this.#bytes.subarray(8 * offset, 8 * (offset + samples)));
    });
    this.#append(run, count);
    return count;
  }

  #append(run: Run, count: number): void {
    const { firstIndex, samples } = this.#converter.push(this.#samples, count);
    if (samples.length === 0) return;
    const { offsetHz, decimation } = this.band;
    this.ring.append({
      sampleIndex: firstIndex,
      timestampNs: run.timestampNs(firstIndex * decimation),
      sampleRateHz: this.#inputRateHz / decimation,
      centerFrequencyHz: run.centerFrequencyHz + offsetHz,
      bytes: new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength),
    });
  }

  #linger(): void {
    this.#cancelLinger = this.#hub.clock.after(Math.min(this.#hub.lingerMs, IDLE_MS), () => this.#end('stopped'));
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

/** Index from which on samples are of a rate, or are going to be. */
export function rateSince(runs: readonly Run[], sampleRateHz: number): number {
  return runs.findLast((run) => run.sampleRateHz !== sampleRateHz)?.end ?? 0;
}
