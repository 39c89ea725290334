import type { Detector } from './psd.ts';
import { overlapCorrelation, type WindowName } from './windows.ts';

/** Bins that are looked at, spread over the band: enough for a tenth of a decibel, few enough to be sorted often. */
const MAX_BINS = 4096;

/** Standard normal quantiles. */
const Z_QUARTER = -0.67449;
const Z_999 = 3.0902;

/** How a spectrum was made, as far as it decides how its noise is spread. */
export interface SpectrumShape {
  readonly window: WindowName;
  readonly fftSize: number;
  readonly averages: number;
  readonly detector: Detector;
}

/** Power that noise of mean 1 stays below with probability `p`, whose normal quantile is `z`. */
function noiseQuantile(detector: Detector, independent: number, p: number, z: number): number {
  // The greatest of K exponentials; the mean of K is chi-square with 2 K degrees of freedom, by Wilson and Hilferty.
  if (detector === 'max_hold') return -Math.log(1 - p ** (1 / independent));
  return (1 - 1 / (9 * independent) + z * Math.sqrt(1 / (9 * independent))) ** 3;
}

/** Segments that would be as good if they did not overlap. Welch, 1967. */
function independentSegments({ window, fftSize, averages }: SpectrumShape): number {
  const alike = overlapCorrelation(window, fftSize);
  return averages / (1 + (2 * alike * (averages - 1)) / averages);
}

/**
 * Mean power of white noise in a bin, estimated from bins of which up to half hold signals as well: the lower quartile,
 * which signals hardly move, tells which bins can be noise alone; the median of those is the estimate. Each is corrected
 * for how the power of noise is spread.
 *
 * @param powers linear, of the whole band.
 */
export function noiseFloor(powers: Float64Array, shape: SpectrumShape): number {
  const stride = Math.ceil(powers.length / MAX_BINS);
  const sorted = powers.filter((_, i) => i % stride === 0).sort();
  const independent = independentSegments(shape);
  const { detector } = shape;
  const quartile = sorted[Math.floor(sorted.length / 4)] ?? 0;
  const rough = quartile / noiseQuantile(detector, independent, 0.25, Z_QUARTER);
  const limit = rough * noiseQuantile(detector, independent, 0.999, Z_999);
  let quiet = sorted.length;
  while (quiet > 1 && (sorted[quiet - 1] ?? 0) > limit) quiet--;
  const median = sorted[Math.floor(quiet / 2)] ?? 0;
  return median / noiseQuantile(detector, independent, 0.5, 0);
}
