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
 *
 * @returns how many numbers (I or Q) were saturated: rounded, they lay beyond what the target can hold. NaN is not one.
 */
export function convertSamples(from: Datatype, to: Datatype, source: Uint8Array, target: Uint8Array): number {
  if (from === to) {
    target.set(source);
    return 0;
  }
  const a = FORMATS[from];
  const b = FORMATS[to];
  if (source.byteLength / a.bytesPerSample !== target.byteLength / b.bytesPerSample) {
    throw new RangeError(`${source.byteLength} bytes of ${from} do not fit ${target.byteLength} bytes of ${to}`);
  }
  const output = b.view(target);
  if (a.bytesPerSample !== 2) return convertValues(a.view(source), output, a, b);
  const table = byteTable(from, to);
  lookUp(source, output, table.values);
  return table.saturated.length === 0 ? 0 : countBytes(source, table.saturated);
}

interface ByteTable {
  /** What each of the 256 values of an 8-bit format becomes. */
  readonly values: Samples;
  /** Bytes whose value is saturated. */
  readonly saturated: readonly number[];
}

/** Made when first needed. */
const byteTables = new Map<string, ByteTable>();

function byteTable(from: Datatype, to: Datatype): ByteTable {
  const key = `${from} ${to}`;
  let table = byteTables.get(key);
  if (table === undefined) {
    const [a, b] = [FORMATS[from], FORMATS[to]];
    const convert = (bytes: Uint8Array, values: Samples): number => convertValues(a.view(bytes), values, a, b);
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const values = b.view(new Uint8Array((all.length / 2) * b.bytesPerSample));
    convert(all, values);
    const one = b.view(new Uint8Array(b.bytesPerSample));
    table = { values, saturated: [...all].filter((byte) => convert(Uint8Array.of(byte, byte), one) > 0) };
    byteTables.set(key, table);
  }
  return table;
}

function countBytes(bytes: Uint8Array, wanted: readonly number[]): number {
  let count = 0;
  for (const byte of wanted) for (let at = bytes.indexOf(byte); at >= 0; at = bytes.indexOf(byte, at + 1)) count++;
  return count;
}

/** One function for floats and one for integers, so that each is compiled for few kinds of array. */
function lookUp(input: Uint8Array, output: Samples, table: Samples): void {
  if (output instanceof Float32Array) lookUpFloats(input, output, table);
  else lookUpIntegers(input, output, table);
}

function lookUpFloats(input: Uint8Array, output: Float32Array, table: Samples): void {
  const { length } = input;
  for (let i = 0; i < length; i++) output[i] = table[input[i] ?? 0] ?? 0;
}

function lookUpIntegers(input: Uint8Array, output: Exclude<Samples, Float32Array>, table: Samples): void {
  const { length } = input;
  for (let i = 0; i < length; i++) output[i] = table[input[i] ?? 0] ?? 0;
}

function convertValues(input: Samples, output: Samples, from: Format, to: Format): number {
  if (!(output instanceof Float32Array)) return toIntegers(input, output, from, to);
  toFloats(input, output, from);
  return 0;
}

function toFloats(input: Samples, output: Float32Array, from: Format): void {
  const { zero, scale } = from;
  const { length } = output;
  for (let i = 0; i < length; i++) output[i] = ((input[i] ?? 0) - zero) / scale;
}

// Bound once: in a hot loop a global is looked up anew each time (inside a vm context, slowly).
const { floor } = Math;

function toIntegers(input: Samples, output: Exclude<Samples, Float32Array>, from: Format, to: Format): number {
  const { zero, min, max } = to;
  const gain = to.scale / from.scale;
  const inputZero = from.zero;
  const { length } = output;
  let saturated = 0;
  for (let i = 0; i < length; i++) {
    // Rounded half up, by floor, because Math.round must tell -0 from 0 and takes five times as long.
    const value = floor(((input[i] ?? 0) - inputZero) * gain + zero + 0.5);
    if (value >= min && value <= max) output[i] = value;
    else if (value > max) {
      output[i] = max;
      saturated++;
    } else if (value < min) {
      output[i] = min;
      saturated++;
    } else output[i] = floor(zero + 0.5); // NaN fails every comparison and becomes zero signal.
  }
  return saturated;
}
