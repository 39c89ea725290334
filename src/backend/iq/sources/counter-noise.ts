// Bound once: in hot loops a global is looked up anew each time (inside a vm context, slowly).
const { floor, imul } = Math;

/** Entries of the table of Gaussian numbers: one for each value of 16 hash bits. */
const TABLE_SIZE = 65_536;

/** A 32-bit mixing function in which every input bit moves every output bit ("lowbias32", C. Wellons, public domain). */
function mix(value: number): number {
  let x = value;
  x = imul(x ^ (x >>> 16), 0x7feb_352d);
  x = imul(x ^ (x >>> 15), 0x846c_a68b);
  return x ^ (x >>> 16);
}

/** A key for counterHash: one of several independent streams of a seed. */
export function seedKey(seed: number, stream: number): number {
  return mix(mix(seed | 0) + imul(stream, 0x9e37_79b9));
}

/**
 * The key for counters that share the upper bits of `counter`, that is up to the next multiple of 2^32. Taking it out of a
 * loop saves half of the work.
 */
export function rangeKey(counter: number, key: number): number {
  return mix(key + imul(floor(counter / 2 ** 32), 0x85eb_ca6b));
}

/** 32 random bits (signed) of a counter, by the key of its range. */
export function rangeHash(counter: number, keyOfRange: number): number {
  return mix((counter | 0) ^ keyOfRange);
}

/**
 * 32 random bits (signed) that are a pure function of a counter (an integer from 0 to 2^53) and a key: noise whose n-th
 * value needs no values before it.
 */
export function counterHash(counter: number, key: number): number {
  return rangeHash(counter, rangeKey(counter, key));
}

let table: Float32Array | undefined;

/**
 * 65,536 Gaussian numbers of mean exactly 0 and variance exactly 1, within single precision. Picking one by 16 random
 * bits costs a tenth of a logarithm and a cosine; the largest lie near 4.3 standard deviations.
 */
export function gaussianTable(): Float32Array {
  if (table !== undefined) return table;
  const values = Float64Array.from({ length: TABLE_SIZE }, (_, i) => {
    // Box and Muller, with fixed keys: the same table on every machine.
    const radius = Math.sqrt(-2 * Math.log(((counterHash(i, 1) >>> 0) + 1) / 2 ** 32));
    return radius * Math.cos((2 * Math.PI * (counterHash(i, 2) >>> 0)) / 2 ** 32);
  });
  const mean = values.reduce((sum, value) => sum + value, 0) / TABLE_SIZE;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / TABLE_SIZE;
  table = Float32Array.from(values, (value) => (value - mean) / Math.sqrt(variance));
  return table;
}
