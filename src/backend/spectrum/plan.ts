import { PassbandError } from '../../errors.ts';
import { checkEnum, checkNumber, checkOptionalNumber, type NumberRange } from '../field-checks.ts';
import type { Tuning } from '../iq/sources/source.ts';
import { FREQUENCY, SAMPLE_RATE } from '../stations/ranges.ts';
import type { Detector, Scaling } from './psd.ts';
import type { WindowName } from './windows.ts';
import { zoomDecimation } from './zoom.ts';

const FFT_SIZE: NumberRange = { min: 64, max: 65_536, unit: 'points' };
const AVERAGING: NumberRange = { min: 1, max: 1024, unit: 'segments' };
const RATE: NumberRange = { min: 0.1, max: 50, unit: 'spectra/s' };
/** More than a person looks at; each costs a search among all bins. */
const PEAKS: NumberRange = { min: 0, max: 64, unit: 'peaks' };
const CENTER: NumberRange = { min: 0, max: FREQUENCY.max, unit: FREQUENCY.unit };
const SPAN: NumberRange = { min: 0, max: SAMPLE_RATE.max, unit: 'Hz' };
const DEFAULT_FFT_SIZE = 1024;
const DEFAULT_AVERAGING = 8;
const DEFAULT_RATE_HZ = 10;

/** Seconds of samples one spectrum may need: who asks for more has mistaken a number, or wants several spectra. */
const MAX_SPECTRUM_SECONDS = 60;

/** sdr.oran.SpectrumRequest. */
export interface SpectrumRequest {
  readonly station_id: string;
  readonly center_frequency_hz: number;
  readonly span_hz: number;
  readonly fft_size: number;
  readonly averaging: number;
  readonly window: string | number;
  readonly omit_frequencies: boolean;
  readonly encoding: string | number;
  readonly scaling: string | number;
  readonly rate_hz: number;
  readonly detector: string | number;
  readonly peaks: number;
}

/** A request that was understood, with every default filled in. */
export interface SpectrumPlan {
  readonly fftSize: number;
  readonly averages: number;
  readonly window: WindowName;
  readonly scaling: Scaling;
  readonly detector: Detector;
  readonly encoding: 'float32' | 'uint8';
  readonly omitFrequencies: boolean;
  /** Strongest peaks to name, at most. */
  readonly peaks: number;
  /** Spectra per second of a stream. */
  readonly rateHz: number;
  /** Centre of the part to return; undefined: the station's. */
  readonly centerHz: number | undefined;
  /** Width of the part to return; undefined: the sample rate. */
  readonly spanHz: number | undefined;
  /** By how much the part is decimated before the transform; 1: the whole band is transformed. */
  readonly decimation: number;
}

/** The bins of a spectrum that were asked for. */
export interface Crop {
  readonly firstBin: number;
  readonly bins: number;
}

/** A request as a plan for a station tuned so. @throws PassbandError INVALID_ARGUMENT naming field, range and unit. */
export function planSpectrum(request: SpectrumRequest, tuning: Tuning): SpectrumPlan {
  const fftSize = checkFftSize(request.fft_size);
  const centerHz = checkNumber('center_frequency_hz', request.center_frequency_hz, CENTER);
  const spanHz = checkNumber('span_hz', request.span_hz, SPAN);
  const plan: SpectrumPlan = {
    fftSize,
    averages:
      checkOptionalNumber('averaging', request.averaging, AVERAGING, `means ${DEFAULT_AVERAGING}`) ?? DEFAULT_AVERAGING,
    window: checkEnum<WindowName>('window', request.window, {
      SPECTRUM_WINDOW_UNSPECIFIED: 'hann',
      SPECTRUM_WINDOW_HANN: 'hann',
      SPECTRUM_WINDOW_HAMMING: 'hamming',
      SPECTRUM_WINDOW_BLACKMAN_HARRIS: 'blackmanharris',
      SPECTRUM_WINDOW_FLATTOP: 'flattop',
      SPECTRUM_WINDOW_RECTANGULAR: 'rectangular',
    }),
    scaling: checkEnum<Scaling>('scaling', request.scaling, {
      SPECTRUM_SCALING_UNSPECIFIED: 'tone',
      SPECTRUM_SCALING_TONE: 'tone',
      SPECTRUM_SCALING_DENSITY: 'density',
    }),
    detector: checkEnum<Detector>('detector', request.detector, {
      SPECTRUM_DETECTOR_UNSPECIFIED: 'mean',
      SPECTRUM_DETECTOR_MEAN: 'mean',
      SPECTRUM_DETECTOR_MAX_HOLD: 'max_hold',
    }),
    encoding: checkEnum<'float32' | 'uint8'>('encoding', request.encoding, {
      SPECTRUM_ENCODING_UNSPECIFIED: 'float32',
      SPECTRUM_ENCODING_FLOAT32: 'float32',
      SPECTRUM_ENCODING_UINT8: 'uint8',
    }),
    omitFrequencies: request.omit_frequencies,
    peaks: checkNumber('peaks', request.peaks, PEAKS),
    rateHz: checkOptionalNumber('rate_hz', request.rate_hz, RATE, `means ${DEFAULT_RATE_HZ}`) ?? DEFAULT_RATE_HZ,
    centerHz: centerHz === 0 ? undefined : centerHz,
    spanHz: spanHz === 0 ? undefined : spanHz,
    decimation: zoomDecimation(spanHz === 0 ? undefined : spanHz, tuning.sampleRateHz),
  };
  const seconds = (samplesNeeded(plan) * plan.decimation) / tuning.sampleRateHz;
  if (seconds > MAX_SPECTRUM_SECONDS) {
    throw new PassbandError(
      'INVALID_ARGUMENT',
      `fft_size and averaging ${plan.decimation === 1 ? '' : 'over this span_hz '}ask for ${Math.ceil(seconds)} s of samples; at most ${MAX_SPECTRUM_SECONDS} s are possible`,
    );
  }
  cropFor(plan, tuning);
  return plan;
}

function checkFftSize(points: number): number {
  if (points === 0) return DEFAULT_FFT_SIZE;
  const { min, max, unit } = FFT_SIZE;
  if (points >= min && points <= max && Number.isInteger(Math.log2(points))) return points;
  throw new PassbandError(
    'INVALID_ARGUMENT',
    `fft_size must be a power of two from ${min} to ${max} ${unit}, or 0, which means ${DEFAULT_FFT_SIZE}`,
  );
}

/** Samples that are transformed for a spectrum: segments overlap by half. */
export function samplesNeeded(plan: SpectrumPlan): number {
  return (plan.fftSize * (plan.averages + 1)) / 2;
}

/** The bins that a plan asks for. @throws PassbandError INVALID_ARGUMENT when they lie outside the station's band. */
export function cropFor(plan: SpectrumPlan, tuning: Tuning): Crop {
  const { sampleRateHz, centerFrequencyHz } = tuning;
  const centerHz = plan.centerHz ?? centerFrequencyHz;
  const spanHz = plan.spanHz ?? sampleRateHz;
  const stepHz = sampleRateHz / plan.fftSize;
  const bandStartHz = centerFrequencyHz - sampleRateHz / 2;
  const bins = Math.max(1, Math.round(spanHz / stepHz));
  const firstBin = Math.round((centerHz - spanHz / 2 - bandStartHz) / stepHz);
  if (firstBin >= 0 && firstBin + bins <= plan.fftSize) return { firstBin, bins };
  throw new PassbandError(
    'INVALID_ARGUMENT',
    `center_frequency_hz and span_hz must lie within the station's band, ${bandStartHz} to ${bandStartHz + sampleRateHz} Hz; leave span_hz 0 and center_frequency_hz 0 for all of it`,
  );
}
