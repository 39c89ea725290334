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

/** What a window adds up to. */
interface WindowSums {
  readonly sumOfWindow: number;
  readonly sumOfSquares: number;
}

/** Windows and what belongs to them are made once a size: there are five windows and eleven sizes. */
const made = new Map<string, WindowSums & { readonly window: Float64Array }>();

/** {@link windowCoefficients}, shared: nobody may change them. */
export function sharedWindow(name: WindowName, size: number): Float64Array {
  return madeWindow(name, size).window;
}

/** What {@link sharedWindow}'s numbers, and their squares, add up to. */
export function windowSums(name: WindowName, size: number): WindowSums {
  return madeWindow(name, size);
}

function madeWindow(name: WindowName, size: number): WindowSums & { readonly window: Float64Array } {
  const key = `${name} ${size}`;
  let entry = made.get(key);
  if (entry === undefined) {
    const window = windowCoefficients(name, size);
    const sumOfWindow = window.reduce((total, w) => total + w, 0);
    const sumOfSquares = window.reduce((total, w) => total + w * w, 0);
    entry = { window, sumOfWindow, sumOfSquares };
    made.set(key, entry);
  }
  return entry;
}

/** What a rectangle of `size` points has at an offset in bins: Dirichlet's kernel. */
function dirichlet(bins: number, size: number): number {
  return Math.abs(bins) < 1e-9 ? 1 : Math.sin(Math.PI * bins) / (size * Math.sin((Math.PI * bins) / size));
}

/** The amplitude that a bin gets of a tone so many bins away from it, as a fraction of what a bin on the tone gets. */
export function toneResponse(name: WindowName, bins: number, size: number): number {
  const [a0 = 0, ...cosines] = COSINES[name];
  const beside = cosines.reduce(
    (sum, a, i) => sum + (a / 2) * (dirichlet(bins - i - 1, size) + dirichlet(bins + i + 1, size)),
    0,
  );
  return (a0 * dirichlet(bins, size) + beside) / a0;
}

/**
 * How alike the powers of two segments are that overlap by half, for white noise: 0 is not at all, 1 the same. Welch, 1967.
 */
export function overlapCorrelation(name: WindowName, size: number): number {
  const window = sharedWindow(name, size);
  let product = 0;
  let squares = 0;
  for (let n = 0; n < size; n++) {
    const w = window[n] ?? 0;
    squares += w * w;
    if (n < size / 2) product += w * (window[n + size / 2] ?? 0);
  }
  return (product / squares) ** 2;
}
