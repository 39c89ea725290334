import { describe, expect, it } from '@jest/globals';
import { noiseFloor } from '../../../src/backend/spectrum/noise-floor.ts';
import { type Detector, WelchEstimator } from '../../../src/backend/spectrum/psd.ts';
import type { WindowName } from '../../../src/backend/spectrum/windows.ts';

/** White Gaussian noise of a mean power, made by Box and Muller from a generator of its own: the same in each run. */
function noise(count: number, power: number): Float32Array {
  let state = 99;
  const uniform = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  const samples = new Float32Array(2 * count);
  for (let n = 0; n < count; n++) {
    const radius = Math.sqrt(-power * Math.log(uniform()));
    const angle = 2 * Math.PI * uniform();
    samples[2 * n] = radius * Math.cos(angle);
    samples[2 * n + 1] = radius * Math.sin(angle);
  }
  return samples;
}

const NOISE_POWER = 1e-4;
const samples = noise(300_000, NOISE_POWER);

function floorOf(
  window: WindowName,
  fftSize: number,
  averages: number,
  detector: Detector,
  input: Float32Array = samples,
): number {
  const welch = new WelchEstimator({ fftSize, window, scaling: 'tone', detector, sampleRateHz: 1 });
  for (let i = 0; i < averages; i++) welch.add(input.subarray(i * fftSize, (i + 2) * fftSize));
  // A bin of a tone spectrum holds the noise of its equivalent noise bandwidth.
  const expected = (NOISE_POWER * welch.enbwBins) / fftSize;
  return 10 * Math.log10(noiseFloor(welch.powers(), { window, fftSize, averages, detector }) / expected);
}

describe('the noise floor', () => {
  it.each([
    ['hann', 1024, 1],
    ['hann', 1024, 8],
    ['hann', 4096, 100],
    ['hamming', 1024, 8],
    ['blackmanharris', 2048, 20],
    ['flattop', 4096, 16],
    ['rectangular', 1024, 8],
    ['hann', 65_536, 2],
  ] as const)('of known noise is right to half a decibel: %s, %i points, %i segments', (window, fftSize, averages) => {
    for (const detector of ['mean', 'max_hold'] as const) {
      expect(Math.abs(floorOf(window, fftSize, averages, detector))).toBeLessThan(0.5);
    }
  });

  it.each(['mean', 'max_hold'] as const)(
    'stays where it is under a signal as wide as 40 %% of the band, %s',
    (detector) => {
      const count = 10_000;
      const input = samples.slice(0, 2 * count);
      // A comb of tones two bins apart, each well above the noise; one period of it, over and over.
      const comb = new Float32Array(2 * 1024);
      for (let tone = 0; tone < 205; tone++) {
        for (let n = 0; n < 1024; n++) {
          const angle = (2 * Math.PI * (300 + 2 * tone) * n) / 1024 + tone * tone;
          comb[2 * n] = (comb[2 * n] ?? 0) + 0.01 * Math.cos(angle);
          comb[2 * n + 1] = (comb[2 * n + 1] ?? 0) + 0.01 * Math.sin(angle);
        }
      }
      for (let i = 0; i < 2 * count; i++) input[i] = (input[i] ?? 0) + (comb[i % comb.length] ?? 0);
      expect(Math.abs(floorOf('hann', 1024, 16, detector, input))).toBeLessThan(0.5);
    },
  );

  it('of silence is silence', () => {
    const shape = { window: 'hann', fftSize: 64, averages: 1, detector: 'mean' } as const;
    expect(noiseFloor(new Float64Array(64), shape)).toBe(0);
  });
});
