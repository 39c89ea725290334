import { describe, expect, it } from '@jest/globals';
import { interpolatePeak, strongestPeaks } from '../../../src/backend/spectrum/peaks.ts';
import { WelchEstimator } from '../../../src/backend/spectrum/psd.ts';
import type { WindowName } from '../../../src/backend/spectrum/windows.ts';

const WINDOWS: readonly WindowName[] = ['hann', 'hamming', 'blackmanharris', 'flattop', 'rectangular'];
const SIZES = [64, 1024] as const;

/** Spectrum of tones, each of a position in bins and an amplitude. */
function spectrum(window: WindowName, size: number, tones: readonly (readonly [bin: number, amplitude: number])[]) {
  const samples = new Float32Array(2 * size);
  for (const [bin, amplitude] of tones) {
    for (let n = 0; n < size; n++) {
      const angle = (2 * Math.PI * (bin - size / 2) * n) / size;
      samples[2 * n] = (samples[2 * n] ?? 0) + amplitude * Math.cos(angle);
      samples[2 * n + 1] = (samples[2 * n + 1] ?? 0) + amplitude * Math.sin(angle);
    }
  }
  const welch = new WelchEstimator({ fftSize: size, window, scaling: 'tone', sampleRateHz: 1 });
  welch.add(samples);
  return welch.powers();
}

const strongest = (powers: Float64Array): number => powers.indexOf(powers.reduce((a, b) => Math.max(a, b), 0));
const db = (power: number): number => 10 * Math.log10(power);

describe('the peak of a tone between bins', () => {
  const cases = WINDOWS.flatMap((window) => SIZES.map((size) => ({ window, size })));
  it.each(cases)('is found to a thousandth of a bin and of a decibel: $window, $size points', ({ window, size }) => {
    for (const offset of [-0.5, -0.37, -0.01, 0, 0.003, 0.25, 0.499]) {
      for (const bin of [size / 2 + 7, size / 4, size - 1, 0]) {
        const powers = spectrum(window, size, [[bin + offset, 0.5]]);
        const found = interpolatePeak(powers, strongest(powers), window);
        // The band is a circle: beyond its last bin is its first.
        const away = ((found.bin - bin - offset + size / 2 + size) % size) - size / 2;
        expect(Math.abs(away)).toBeLessThan(1e-3);
        expect(db(found.power)).toBeCloseTo(db(0.25), 3);
      }
    }
  });

  it('is the bin itself in silence', () => {
    expect(interpolatePeak(new Float64Array(64), 5, 'hann')).toEqual({ bin: 5, power: 0 });
  });
});

describe('the strongest peaks', () => {
  const tones = [
    [100.3, 0.1],
    [300.5, 0.9],
    [500, 0.5],
    [900.1, 0.05],
  ] as const;
  const whole = { firstBin: 0, bins: 1024 };

  it.each(['hann', 'blackmanharris', 'flattop'] as const)('come in order of their power, %s', (window) => {
    const found = strongestPeaks(spectrum(window, 1024, tones), whole, window, 4);
    expect(found.map(({ bin }) => bin)).toEqual([300.5, 500, 100.3, 900.1].map((bin) => expect.closeTo(bin, 2)));
    expect(found.map(({ power }) => db(power))).toEqual(
      [0.9, 0.5, 0.1, 0.05].map((amplitude) => expect.closeTo(20 * Math.log10(amplitude), 1)),
    );
  });

  it('are those of the part that is asked for, and no more than there are', () => {
    const powers = spectrum('blackmanharris', 1024, tones);
    const found = strongestPeaks(powers, { firstBin: 50, bins: 100 }, 'blackmanharris', 1);
    expect(found).toEqual([{ bin: expect.closeTo(100.3, 3), power: expect.closeTo(0.01, 4) }]);
    expect(strongestPeaks(powers, whole, 'blackmanharris', 0)).toEqual([]);
    expect(strongestPeaks(new Float64Array(64), { firstBin: 0, bins: 64 }, 'hann', 5)).toEqual([]);
  });
});
