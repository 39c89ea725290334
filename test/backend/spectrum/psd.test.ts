// needs: scipy
import { describe, expect, it } from '@jest/globals';
import { SimGenerator } from '../../../src/backend/iq/sources/sim.ts';
import { type Detector, type Scaling, WelchEstimator } from '../../../src/backend/spectrum/psd.ts';
import type { WindowName } from '../../../src/backend/spectrum/windows.ts';
import { scipyWelch, worstRelativeError } from './scipy.ts';

const RATE = 2e6;
const SCIPY_NAMES: Readonly<Record<WindowName, string>> = {
  hann: 'hann',
  hamming: 'hamming',
  blackmanharris: 'blackmanharris',
  flattop: 'flattop',
  rectangular: 'boxcar',
};
const WINDOWS = Object.keys(SCIPY_NAMES) as WindowName[];
const SIZES = [64, 1024, 8192] as const;
const SCALINGS = ['tone', 'density'] as const;
const DETECTORS = ['mean', 'max_hold'] as const;
const COUNT = 98_304;

function estimate(
  samples: Float32Array,
  fftSize: number,
  window: WindowName,
  scaling: Scaling,
  detector: Detector = 'mean',
) {
  const welch = new WelchEstimator({ fftSize, window, scaling, detector, sampleRateHz: RATE });
  for (let at = 0; at + fftSize <= samples.length / 2; at += fftSize / 2) {
    welch.add(samples.subarray(2 * at, 2 * (at + fftSize)));
  }
  return welch;
}

describe('the power spectrum', () => {
  const samples = new Float32Array(2 * COUNT);
  new SimGenerator({
    seed: 3,
    sampleRateHz: RATE,
    centerFrequencyHz: 1e9,
    qpsk: [{ offsetHz: 0, powerDbfs: -20 }],
    carriers: [{ offsetHz: -412_345, powerDbfs: -6 }],
    noiseDbfs: -35,
  }).fill(0, new Uint8Array(samples.buffer));
  const cases = [
    ...WINDOWS.flatMap((window) =>
      SIZES.flatMap((fftSize) =>
        SCALINGS.flatMap((scaling) => DETECTORS.map((detector) => ({ window, fftSize, scaling, detector }))),
      ),
    ),
    // The largest there is, in which a window that was rounded would show.
    { window: 'blackmanharris', fftSize: 65_536, scaling: 'tone', detector: 'mean' } as const,
    { window: 'hann', fftSize: 65_536, scaling: 'density', detector: 'max_hold' } as const,
  ];
  const oracle = scipyWelch(
    new Uint8Array(samples.buffer),
    cases.map(({ window, fftSize, scaling, detector }) => ({
      window: SCIPY_NAMES[window],
      nperseg: fftSize,
      scaling: scaling === 'tone' ? 'spectrum' : 'density',
      fs: RATE,
      hold: detector === 'max_hold',
    })),
  );

  it.each(cases.map((each, i) => ({ ...each, i })))(
    'equals scipy: $window, $fftSize points, $scaling, $detector',
    ({ window, fftSize, scaling, detector, i }) => {
      const powers = estimate(samples, fftSize, window, scaling, detector).powers();
      expect(worstRelativeError(powers, oracle[i]?.powers ?? [])).toBeLessThan(1e-6);
      expect(oracle[i]?.frequencies[0]).toBe(-RATE / 2);
    },
  );

  it.each([
    ['hann', 1.5],
    ['hamming', 1.3628],
    ['blackmanharris', 2.0044],
    ['flattop', 3.7702],
    ['rectangular', 1],
  ] as const)('%s has an equivalent noise bandwidth of %d bins', (window, enbw) => {
    // Values of F. J. Harris, "On the use of windows" (1978), and of the flat top of scipy.
    expect(new WelchEstimator({ fftSize: 4096, window, scaling: 'tone', sampleRateHz: 1 }).enbwBins).toBeCloseTo(
      enbw,
      3,
    );
  });

  it.each(WINDOWS)('%s reads a full-scale tone on a bin as 0 dBFS', (window) => {
    const tone = Float32Array.from({ length: 2048 }, (_, i) => {
      const angle = (2 * Math.PI * 100 * Math.floor(i / 2)) / 1024;
      return i % 2 === 0 ? Math.cos(angle) : Math.sin(angle);
    });
    const powers = estimate(tone, 1024, window, 'tone').powers();
    expect(10 * Math.log10(powers[512 + 100] ?? 0)).toBeCloseTo(0, 5);
  });
});
