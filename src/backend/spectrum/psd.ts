import FFT from 'fft.js';
import { sharedWindow, type WindowName, windowSums } from './windows.ts';

/** What a bin means: the power of a tone that falls on it, or the density per Hz. */
export type Scaling = 'tone' | 'density';

/** How segments become one spectrum: their mean power, or the greatest power of each bin. */
export type Detector = 'mean' | 'max_hold';

/** Settings of a Welch estimate. */
export interface PsdSettings {
  /** Points of the transform, a power of two of at least 2. */
  readonly fftSize: number;
  readonly window: WindowName;
  readonly scaling: Scaling;
  /** Mean unless told. */
  readonly detector?: Detector;
  /** Complex samples per second. */
  readonly sampleRateHz: number;
}

/** A transform with the memory that it works in. */
interface Transform {
  readonly fft: FFT;
  readonly input: Float64Array;
  readonly output: Float64Array;
}

/**
 * Transforms are made once a size, for their tables are long; each transformation is over before another begins. Their
 * memory is the same for all: made anew for each spectrum, it would be megabytes that are garbage at once.
 */
const transforms = new Map<number, Transform>();

function transformOf(size: number): Transform {
  let transform = transforms.get(size);
  if (transform === undefined) {
    transform = { fft: new FFT(size), input: new Float64Array(2 * size), output: new Float64Array(2 * size) };
    transforms.set(size, transform);
  }
  return transform;
}

/**
 * Power spectrum of complex samples by Welch's method: windowed segments, their powers averaged (or the greatest of each
 * bin held). Segments are to be added
 * with 50 % overlap, that is every fftSize / 2 samples.
 *
 * With w the window and X the transform of a windowed segment: tone power mean|X|^2 / (sum w)^2, density
 * mean|X|^2 / (fs * sum w^2). A complex tone of amplitude 1 on a bin has tone power 1, which is 0 dBFS. The same as
 * scipy.signal.welch(detrend=False, return_onesided=False) after a shift of the axis.
 */
export class WelchEstimator {
  readonly settings: PsdSettings;
  /** Equivalent noise bandwidth of the window in bins: N sum w^2 / (sum w)^2. */
  readonly enbwBins: number;
  readonly #transform: Transform;
  readonly #window: Float64Array;
  readonly #powers: Float64Array;
  readonly #divisor: number;
  #segments = 0;

  constructor(settings: PsdSettings) {
    const { fftSize } = settings;
    this.settings = settings;
    this.#transform = transformOf(fftSize);
    this.#window = sharedWindow(settings.window, fftSize);
    this.#powers = new Float64Array(fftSize);
    const { sumOfWindow, sumOfSquares } = windowSums(settings.window, fftSize);
    this.enbwBins = (fftSize * sumOfSquares) / (sumOfWindow * sumOfWindow);
    this.#divisor = settings.scaling === 'tone' ? sumOfWindow * sumOfWindow : settings.sampleRateHz * sumOfSquares;
  }

  /** Segments added since the start. */
  get segments(): number {
    return this.#segments;
  }

  /** Adds a segment of fftSize interleaved samples. */
  add(samples: Float32Array): void {
    const { fft, input, output } = this.#transform;
    const window = this.#window;
    for (let n = 0; n < window.length; n++) {
      const w = window[n] ?? 0;
      input[2 * n] = w * (samples[2 * n] ?? 0);
      input[2 * n + 1] = w * (samples[2 * n + 1] ?? 0);
    }
    fft.transform(output, input);
    if (this.settings.detector === 'max_hold') hold(this.#powers, output);
    else sum(this.#powers, output);
    this.#segments++;
  }

  /** Linear power a bin, lowest frequency first: bin i lies (i - N/2) * fs / N from the centre. */
  powers(): Float64Array {
    const size = this.#powers.length;
    const summed = this.settings.detector === 'max_hold' ? 1 : this.#segments;
    const scale = 1 / (summed * this.#divisor);
    return this.#powers.map((_, i) => (this.#powers[(i + size / 2) % size] ?? 0) * scale);
  }
}

function sum(powers: Float64Array, transformed: Float64Array): void {
  for (let k = 0; k < powers.length; k++) {
    const re = transformed[2 * k] ?? 0;
    const im = transformed[2 * k + 1] ?? 0;
    powers[k] = (powers[k] ?? 0) + re * re + im * im;
  }
}

function hold(powers: Float64Array, transformed: Float64Array): void {
  for (let k = 0; k < powers.length; k++) {
    const re = transformed[2 * k] ?? 0;
    const im = transformed[2 * k + 1] ?? 0;
    const power = re * re + im * im;
    if (power > (powers[k] ?? 0)) powers[k] = power;
  }
}
