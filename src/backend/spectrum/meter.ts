import { PassbandError } from '../../errors.ts';
import type { EndReason, FrameOrigin } from '../iq/frames/frame-origin.ts';
import type { Station } from '../stations/station.ts';
import { type Measurement, MeasurementRun } from './measurement.ts';
import { cropFor, type SpectrumPlan } from './plan.ts';

/** One who wants what a meter measures. */
export interface MeterReader {
  /** Common name of the certificate to whose share of the station's readers it counts. */
  readonly holder: string;
  /** To be answered by `next` or `close`. */
  onMeasurement(measurement: Measurement): void;
  /** Nothing more will come; the meter is closed. */
  onEnd(reason: EndReason): void;
  /** Readers that this one stands for. */
  readerCount(): number;
}

/**
 * Measures one spectrum of a plan after another: of the station's samples, or of the part of its band that the plan zooms
 * to. A station that is tuned elsewhere meanwhile has that part elsewhere in its band, where it is opened anew.
 */
export class SpectrumMeter {
  readonly #station: Station;
  readonly #plan: SpectrumPlan;
  readonly #reader: MeterReader;
  #origin: FrameOrigin;
  #leave: () => void = () => undefined;
  #run: MeasurementRun | undefined;

  /**
   * Begins with the samples that come next.
   *
   * @throws PassbandError RESOURCE_EXHAUSTED where the station filters as much as it can, or what joining the hub throws.
   */
  constructor(station: Station, plan: SpectrumPlan, reader: MeterReader) {
    this.#station = station;
    this.#plan = plan;
    this.#reader = reader;
    this.#origin = this.#open();
  }

  /** Index after the newest sample, counted as a measurement's. */
  get head(): number {
    return this.#origin.ring.head;
  }

  /** Measures again, from a sample on. */
  next(startIndex: number): void {
    this.#measure(this.#origin, startIndex);
  }

  close(): void {
    this.#run?.cancel();
    this.#leave();
  }

  #open(): FrameOrigin {
    const origin = this.#part();
    this.#leave = origin.join({
      holder: this.#reader.holder,
      onSamples: () => this.#run?.wake(),
      onEnd: (reason) => this.#end(reason),
      readerCount: () => this.#reader.readerCount(),
    });
    this.#measure(origin, origin.nextIndex());
    return origin;
  }

  #part(): FrameOrigin {
    const { hub, tuned } = this.#station;
    const { decimation, centerHz } = this.#plan;
    if (decimation === 1) return hub;
    const { tuning } = hub.source;
    // Refuses what has come to lie outside of the band.
    cropFor(this.#plan, tuning);
    const offsetHz = (centerHz ?? tuning.centerFrequencyHz) - tuning.centerFrequencyHz;
    return tuned.live({ offsetHz, decimation });
  }

  #measure(origin: FrameOrigin, startIndex: number): void {
    this.#run = new MeasurementRun(origin, this.#plan, startIndex, (result) => this.#take(result));
  }

  #take(result: Measurement | PassbandError): void {
    if (result instanceof PassbandError) this.#end(result);
    else if (this.#isElsewhere(result)) this.#reopen();
    else this.#reader.onMeasurement(result);
  }

  #isElsewhere({ centerFrequencyHz, sampleRateHz }: Measurement): boolean {
    const { decimation, centerHz, fftSize } = this.#plan;
    if (decimation === 1 || centerHz === undefined) return false;
    return Math.abs(centerFrequencyHz - centerHz) > sampleRateHz / fftSize / 2;
  }

  #reopen(): void {
    this.close();
    try {
      this.#origin = this.#open();
    } catch (error) {
      this.#end(PassbandError.from(error));
    }
  }

  #end(reason: EndReason): void {
    this.close();
    this.#reader.onEnd(reason);
  }
}
