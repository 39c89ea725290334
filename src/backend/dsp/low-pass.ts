/**
 * Attenuation that every stage is designed for, dB: 10 more than is promised, since what several stages and aliases let
 * through adds up.
 */
const DESIGN_ATTENUATION_DB = 90;

/** Modified Bessel function of the first kind and order 0, by its power series. */
function besselI0(x: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 1e-17; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/** Taps that a low-pass with a transition of this width needs, always odd: J. F. Kaiser, 1974. */
export function tapCount(transition: number): number {
  const order = (DESIGN_ATTENUATION_DB - 7.95) / (2.285 * 2 * Math.PI * transition);
  return 2 * Math.ceil(order / 2) + 1;
}

/**
 * Taps of a linear-phase low-pass, a Kaiser-windowed sinc: 0 dB at frequency 0, -6 dB at the cutoff, and a ripple of
 * 10^(-90/20) or a little more on either side of the transition, which lies around the cutoff.
 *
 * @param cutoff fraction of the sample rate, 0 to 0.5.
 * @param transition width from the end of the passband to the stopband, fraction of the sample rate.
 * @returns an odd number of taps, symmetrical about the middle one.
 */
export function lowPassTaps(cutoff: number, transition: number): Float64Array {
  const count = tapCount(transition);
  const middle = (count - 1) / 2;
  const beta = 0.1102 * (DESIGN_ATTENUATION_DB - 8.7);
  const taps = Float64Array.from({ length: count }, (_, i) => {
    const x = i - middle;
    const sinc = x === 0 ? 2 * cutoff : Math.sin(2 * Math.PI * cutoff * x) / (Math.PI * x);
    return sinc * besselI0(beta * Math.sqrt(1 - (x / (middle + 1)) ** 2));
  });
  const gain = taps.reduce((sum, tap) => sum + tap, 0);
  return taps.map((tap) => tap / gain);
}
