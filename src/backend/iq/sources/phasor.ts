/** Entries of the table: one for each value of the upper bits of a phase. */
const TABLE_BITS = 12;
const FINE_BITS = 32 - TABLE_BITS;
const FINE_MASK = (1 << FINE_BITS) - 1;
/** Radians of a step of the lower bits. */
const FINE_RADIANS = (2 * Math.PI) / 2 ** 32;
/** From the beginning of a table step to its middle, where the entries are taken: the rest is then the smallest. */
const HALF = 1 << (FINE_BITS - 1);

/** Cosine and sine, side by side, of the middle of each step. */
const TABLE = Float64Array.from({ length: 2 << TABLE_BITS }, (_, i) => {
  const angle = ((i >>> 1) * 2 ** FINE_BITS + HALF) * FINE_RADIANS;
  return (i & 1) === 0 ? Math.cos(angle) : Math.sin(angle);
});

/** Turns that a whole number of 32 bits counts. */
export const TURN = 2 ** 32;

/** A part of a turn, such as cycles per sample, as a 32-bit fraction of a turn (signed; whole turns do not matter). */
export function phaseOf(turns: number): number {
  return Math.round((turns % 1) * TURN) | 0;
}

/**
 * The phase at a sample index of what goes on by `step` a sample: exact at any distance, since both wrap at a turn.
 */
export function phaseAt(sampleIndex: number, step: number): number {
  return Math.imul(sampleIndex % TURN, step);
}

/**
 * Adds a tone to interleaved samples: `gain * exp(j (phase + n step))`, phases being 32-bit fractions of a turn. Table and
 * Taylor series to the second order: spurious lines stay below -180 dBc, less than single precision resolves.
 *
 * @param from first number (not sample) of `samples` that is added to.
 * @param end number after the last.
 */
export function addTone(
  samples: Float32Array,
  from: number,
  end: number,
  gain: number,
  phase: number,
  step: number,
): void {
  let at = phase | 0;
  for (let i = from; i < end; i += 2) {
    const entry = (at >>> FINE_BITS) << 1;
    const rest = ((at & FINE_MASK) - HALF) * FINE_RADIANS;
    const even = gain * (1 - rest * rest * 0.5);
    const odd = gain * rest;
    const c = TABLE[entry] ?? 0;
    const s = TABLE[entry + 1] ?? 0;
    samples[i] = (samples[i] ?? 0) + c * even - s * odd;
    samples[i + 1] = (samples[i + 1] ?? 0) + s * even + c * odd;
    at = (at + step) | 0;
  }
}

/** Cosine of a phase that is a 32-bit fraction of a turn. */
export function cosine(phase: number): number {
  const entry = (phase >>> FINE_BITS) << 1;
  const rest = ((phase & FINE_MASK) - HALF) * FINE_RADIANS;
  return (TABLE[entry] ?? 0) * (1 - rest * rest * 0.5) - (TABLE[entry + 1] ?? 0) * rest;
}

/** Sine of such a phase. */
export function sine(phase: number): number {
  const entry = (phase >>> FINE_BITS) << 1;
  const rest = ((phase & FINE_MASK) - HALF) * FINE_RADIANS;
  return (TABLE[entry + 1] ?? 0) * (1 - rest * rest * 0.5) + (TABLE[entry] ?? 0) * rest;
}
