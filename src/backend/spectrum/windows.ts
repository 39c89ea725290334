/** Window functions, as proto and scipy call them. */
export type WindowName = 'hann' | 'hamming' | 'blackmanharris' | 'flattop' | 'rectangular';

/** Coefficients of the cosine sum a0 - a1 cos x + a2 cos 2x - …; values as in scipy.signal.windows. */
const COSINES: Readonly<Record<WindowName, readonly number[]>> = {
  hann: [0.5, 0.5],
  hamming: [0.54, 0.46],
  blackmanharris: [0.35875, 0.48829, 0.14128, 0.01168],
  flattop: [0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368],
  rectangular: [1],
};

/** A window in its periodic form, the one for spectra: as if it were one point longer and the last left out. */
export function windowCoefficients(name: WindowName, size: number): Float64Array {
  const cosines = COSINES[name];
  return Float64Array.from({ length: size }, (_, n) =>
    cosines.reduce((sum, a, k) => sum + (k % 2 === 0 ? a : -a) * Math.cos((2 * Math.PI * k * n) / size), 0),
  );
}
