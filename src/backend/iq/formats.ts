import { endianness } from 'node:os';

/** SigMF names of the sample formats Passband carries; interleaved, I before Q, little-endian. */
export type Datatype = 'cf32_le' | 'ci16_le' | 'ci8' | 'cu8';

type Samples = Float32Array | Int16Array | Int8Array | Uint8Array;

interface Format {
  /** Bytes of one complex sample. */
  readonly bytesPerSample: number;
  /** Full scale 1.0 is `zero + scale`; -1.0 is `zero - scale`. */
  readonly scale: number;
  readonly zero: number;
  /** Smallest and largest number the format holds; infinite for floats. */
  readonly min: number;
  readonly max: number;
  view(bytes: Uint8Array): Samples;
}

/**
 * Scaling: cf32 is the reference, full scale 1.0. ci16 = round(32767 x), ci8 = round(127 x), cu8 = round(127.5 x + 127.5),
 * each saturated. The scales are symmetric so that +1 and -1 are both exact and no direct current is added; and the way
 * back divides by the same number, so that integers survive integer -> cf32 -> integer unchanged.
 */
const FORMATS: Readonly<Record<Datatype, Format>> = {
  cf32_le: {
    bytesPerSample: 8,
    scale: 1,
    zero: 0,
    min: Number.NEGATIVE_INFINITY,
    max: Number.POSITIVE_INFINITY,
    view: (bytes) => new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4),
  },
  ci16_le: {
    bytesPerSample: 4,
    scale: 32_767,
    zero: 0,
    min: -32_768,
    max: 32_767,
    view: (bytes) => new Int16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2),
  },
  ci8: {
    bytesPerSample: 2,
    scale: 127,
    zero: 0,
    min: -128,
    max: 127,
    view: (bytes) => new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  },
  cu8: {
    bytesPerSample: 2,
    scale: 127.5,
    zero: 127.5,
    min: 0,
    max: 255,
    view: (bytes) => bytes,
  },
};

/** Every datatype, the most exact first. */
export const DATATYPES: readonly Datatype[] = ['cf32_le', 'ci16_le', 'ci8', 'cu8'];

// Typed arrays have the machine's byte order; every platform Node ships for a radio's server is little-endian.
if (endianness() !== 'LE') throw new Error('Passband needs a little-endian machine');

/** True for the name of a datatype that is carried. */
export function isDatatype(name: string): name is Datatype {
  return Object.hasOwn(FORMATS, name);
}

/** Bytes of one complex sample. */
export function bytesPerSample(datatype: Datatype): number {
  return FORMATS[datatype].bytesPerSample;
}

/**
 * Converts whole samples. `source` and `target` hold the same number of samples, do not overlap, and begin at multiples
 * of their component size. Same datatype: the bytes are copied untouched. NaN becomes zero signal in integer formats.
 */
export function convertSamples(from: Datatype, to: Datatype, source: Uint8Array, target: Uint8Array): void {
  if (from === to) {
    target.set(source);
    return;
  }
  const a = FORMATS[from];
  const b = FORMATS[to];
  if (source.byteLength / a.bytesPerSample !== target.byteLength / b.bytesPerSample) {
    throw new RangeError(`${source.byteLength} bytes of ${from} do not fit ${target.byteLength} bytes of ${to}`);
  }
  const input = a.view(source);
  const output = b.view(target);
  if (output instanceof Float32Array) toFloats(input, output, a);
  else toIntegers(input, output, b.scale / a.scale, a.zero, b);
}

function toFloats(input: Samples, output: Float32Array, from: Format): void {
  const { zero, scale } = from;
  for (let i = 0; i < output.length; i++) output[i] = ((input[i] ?? 0) - zero) / scale;
}

// Bound once: in a hot loop a global is looked up anew each time (inside a vm context, slowly).
const { floor } = Math;

function toIntegers(
  input: Samples,
  output: Exclude<Samples, Float32Array>,
  gain: number,
  inputZero: number,
  to: Format,
): void {
  const { zero, min, max } = to;
  for (let i = 0; i < output.length; i++) {
    const value = ((input[i] ?? 0) - inputZero) * gain + zero;
    // Saturate first, then round half up. NaN fails both comparisons and becomes zero signal.
    // By floor, because Math.round must tell -0 from 0 and takes five times as long.
    output[i] = floor((value >= max ? max : value > min ? value : value <= min ? min : zero) + 0.5);
  }
}
