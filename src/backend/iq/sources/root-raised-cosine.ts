/**
 * Taps of a root-raised-cosine pulse, `symbols * samplesPerSymbol` of them, scaled so that symbols of mean power 1 give a
 * signal of mean power 1 (the sum of the squared taps is `samplesPerSymbol`).
 *
 * Formula: J. Proakis, Digital Communications, section 9.2; at its two removable singularities the limits are used.
 */
export function rootRaisedCosine(rollOff: number, samplesPerSymbol: number, symbols: number): Float64Array {
  const length = symbols * samplesPerSymbol;
  const taps = Float64Array.from({ length }, (_, i) => {
    const t = (i - (length - 1) / 2) / samplesPerSymbol;
    if (Math.abs(t) < 1e-9) return 1 + rollOff * (4 / Math.PI - 1);
    const singular = 4 * rollOff * t;
    if (Math.abs(Math.abs(singular) - 1) < 1e-9) {
      const angle = Math.PI / (4 * rollOff);
      return (rollOff / Math.SQRT2) * ((1 + 2 / Math.PI) * Math.sin(angle) + (1 - 2 / Math.PI) * Math.cos(angle));
    }
    const up = Math.sin(Math.PI * t * (1 - rollOff)) + singular * Math.cos(Math.PI * t * (1 + rollOff));
    return up / (Math.PI * t * (1 - singular ** 2));
  });
  const energy = taps.reduce((sum, tap) => sum + tap * tap, 0);
  return taps.map((tap) => tap * Math.sqrt(samplesPerSymbol / energy));
}
