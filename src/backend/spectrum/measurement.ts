import { PassbandError } from '../../errors.ts';
import type { FrameOrigin } from '../iq/frames/frame-origin.ts';
import { readFinite } from '../iq/ring/read-finite.ts';
import type { Run } from '../iq/ring/ring.ts';
import type { Tuning } from '../iq/sources/source.ts';
import { inNextTurn } from '../next-turn.ts';
import { type SpectrumPlan, samplesNeeded } from './plan.ts';
import { WelchEstimator } from './psd.ts';

/** Points transformed in one turn of the event loop: about 2 ms. */
const POINTS_PER_TURN = 262_144;

/** Times a spectrum is begun anew because of gaps before it is given up. */
const MAX_RESTARTS = 16;

/** A spectrum of consecutive samples. */
export interface Measurement extends Tuning {
  /** Number of the first sample used, in the count of what was measured. */
  readonly sampleIndex: number;
  readonly timestampNs: bigint;
  /** Linear power a bin over the whole band, lowest frequency first. */
  readonly powers: Float64Array;
  readonly enbwBins: number;
}

/**
 * Collects the samples of one spectrum from a ring as they come. A gap or a change of tuning among them means to
 * begin anew behind it: a spectrum never mixes what does not belong together.
 */
export class MeasurementRun {
  readonly #origin: FrameOrigin;
  readonly #plan: SpectrumPlan;
  readonly #done: (result: Measurement | PassbandError) => void;
  readonly #samples: Float32Array;
  #estimator: WelchEstimator | undefined;
  #startIndex: number;
  #restarts = 0;
  #scheduled = false;
  #over = false;

  /**
   * @param startIndex first sample wanted.
   * @param done called once, never from within the constructor.
   */
  constructor(
    origin: FrameOrigin,
    plan: SpectrumPlan,
    startIndex: number,
    done: (result: Measurement | PassbandError) => void,
  ) {
    this.#origin = origin;
    this.#plan = plan;
    this.#done = done;
    this.#startIndex = startIndex;
    this.#samples = new Float32Array(2 * plan.fftSize);
  }

  /** There may be more samples. */
  wake(): void {
    if (!this.#scheduled) this.#advance();
  }

  /** Ends without a result. */
  cancel(): void {
    this.#over = true;
  }

  #advance(): void {
    this.#scheduled = false;
    const { fftSize, averages, window, scaling, detector } = this.#plan;
    const { ring } = this.#origin;
    for (let budget = POINTS_PER_TURN; !this.#over; budget -= fftSize) {
      if (budget <= 0) {
        this.#scheduled = true;
        inNextTurn(
          () => this.#advance(),
          (error) => this.#end(error),
        );
        return;
      }
      const start = this.#startIndex + ((this.#estimator?.segments ?? 0) * fftSize) / 2;
      const stretch = ring.stretch(start, fftSize);
      if (stretch.state === 'coming') return;
      if (stretch.state === 'lost') {
        this.#restart();
        continue;
      }
      readFinite(this.#origin, { start, count: fftSize }, this.#samples);
      this.#estimator ??= new WelchEstimator({
        fftSize,
        window,
        scaling,
        detector,
        sampleRateHz: stretch.run.sampleRateHz,
      });
      this.#estimator.add(this.#samples);
      if (this.#estimator.segments === averages) this.#finish(stretch.run, this.#estimator);
    }
  }

  #restart(): void {
    if (++this.#restarts > MAX_RESTARTS) {
      this.#end(new PassbandError('UNAVAILABLE', 'the samples have too many gaps for this spectrum; ask for less'));
      return;
    }
    this.#startIndex = Math.max(this.#origin.ring.head, this.#origin.nextIndex());
    // A new one, made when the rate is known: it may be another now.
    this.#estimator = undefined;
  }

  #finish(run: Run, estimator: WelchEstimator): void {
    this.#end({
      sampleRateHz: run.sampleRateHz,
      centerFrequencyHz: run.centerFrequencyHz,
      sampleIndex: this.#startIndex,
      timestampNs: run.timestampNs(this.#startIndex),
      powers: estimator.powers(),
      enbwBins: estimator.enbwBins,
    });
  }

  #end(result: Measurement | PassbandError): void {
    if (this.#over) return;
    this.#over = true;
    this.#done(result);
  }
}

/** First sample after those of a measurement. */
export function endIndex(measurement: Measurement, plan: SpectrumPlan): number {
  return measurement.sampleIndex + samplesNeeded(plan);
}
