/** The bits of a float's exponent: all are set in infinities and in what is no number, and in nothing else (IEEE 754). */
const EXPONENT = 0x7f80_0000;
/** What carries such an exponent, and no other, into the sign. */
const CARRY = 0x0080_0000;

/** First value that is no finite number, counted from 0; undefined when all are. */
export function firstNotFinite(values: Float32Array): number | undefined {
  // In integers, and without a branch: every sample that is pushed, filtered or measured comes by here.
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
  const { length } = bits;
  let carried = 0;
  for (let i = 0; i < length; i++) carried |= ((bits[i] ?? 0) & EXPONENT) + CARRY;
  return carried >= 0 ? undefined : values.findIndex((value) => !Number.isFinite(value));
}

/** Sets every value that is no finite number to 0; returns how many there were. */
export function clearNotFinite(values: Float32Array): number {
  const first = firstNotFinite(values);
  if (first === undefined) return 0;
  let cleared = 0;
  for (let i = first; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue;
    values[i] = 0;
    cleared++;
  }
  return cleared;
}
