import { describe, expect, it } from '@jest/globals';
import { planSpectrum, type SpectrumRequest } from '../../../src/backend/spectrum/plan.ts';

const TUNING = { sampleRateHz: 1e6, centerFrequencyHz: 100e6 };
const DEFAULTS: SpectrumRequest = {
  station_id: 'sim-1',
  center_frequency_hz: 0,
  span_hz: 0,
  fft_size: 0,
  averaging: 0,
  window: 'SPECTRUM_WINDOW_UNSPECIFIED',
  omit_frequencies: false,
  encoding: 'SPECTRUM_ENCODING_UNSPECIFIED',
  scaling: 'SPECTRUM_SCALING_UNSPECIFIED',
  rate_hz: 0,
  detector: 'SPECTRUM_DETECTOR_UNSPECIFIED',
  peaks: 0,
};

describe('a request for a spectrum', () => {
  it.each([
    [{ fft_size: 32 }, 'fft_size must be a power of two from 64 to 65536 points, or 0, which means 1024'],
    [{ fft_size: 131_072 }, 'fft_size must be a power of two from 64 to 65536 points, or 0, which means 1024'],
    [{ fft_size: 4_294_967_295 }, 'fft_size must be a power of two from 64 to 65536 points, or 0, which means 1024'],
    [{ fft_size: 1000 }, 'fft_size must be a power of two from 64 to 65536 points, or 0, which means 1024'],
    [{ averaging: 1025 }, 'averaging must be a number from 1 to 1024 segments, or 0, which means 8'],
    [{ rate_hz: 0.05 }, 'rate_hz must be a number from 0.1 to 50 spectra/s, or 0, which means 10'],
    [{ rate_hz: 51 }, 'rate_hz must be a number from 0.1 to 50 spectra/s, or 0, which means 10'],
    [{ rate_hz: Number.NaN }, 'rate_hz must be a number from 0.1 to 50 spectra/s, or 0, which means 10'],
    [{ peaks: 65 }, 'peaks must be a number from 0 to 64 peaks'],
    [
      { center_frequency_hz: Number.POSITIVE_INFINITY },
      'center_frequency_hz must be a number from 0 to 300000000000 Hz',
    ],
    [{ span_hz: -1 }, 'span_hz must be a number from 0 to 61440000 Hz'],
    [{ span_hz: Number.NaN }, 'span_hz must be a number from 0 to 61440000 Hz'],
    [
      { span_hz: 2e6 },
      "center_frequency_hz and span_hz must lie within the station's band, 99500000 to 100500000 Hz; leave span_hz 0 and center_frequency_hz 0 for all of it",
    ],
    [{ detector: 7 }, /^detector must be one of SPECTRUM_DETECTOR_UNSPECIFIED, /],
    [{ window: 9 }, /^window must be one of SPECTRUM_WINDOW_UNSPECIFIED, /],
  ])('is refused with %j', (fields, message) => {
    const publicMessage = typeof message === 'string' ? message : expect.stringMatching(message);
    const plan = (): unknown => planSpectrum({ ...DEFAULTS, ...fields }, TUNING);
    expect(plan).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', publicMessage }));
  });

  it('is refused when it needs more than a minute of samples', () => {
    const long = { ...DEFAULTS, fft_size: 65_536, averaging: 1024 };
    expect(planSpectrum(long, TUNING)).toMatchObject({ averages: 1024 });
    expect(() => planSpectrum(long, { ...TUNING, sampleRateHz: 250_000 })).toThrow(
      'fft_size and averaging ask for 135 s of samples; at most 60 s are possible',
    );
  });

  it('has its defaults', () => {
    expect(planSpectrum(DEFAULTS, TUNING)).toEqual({
      fftSize: 1024,
      averages: 8,
      window: 'hann',
      scaling: 'tone',
      detector: 'mean',
      encoding: 'float32',
      omitFrequencies: false,
      peaks: 0,
      rateHz: 10,
      centerHz: undefined,
      spanHz: undefined,
      decimation: 1,
    });
  });
});
