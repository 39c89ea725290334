import type { SigmfDatatype } from '../../../sigmf/datatypes.ts';
import type { Datatype } from '../formats.ts';

/** Full scale of 32-bit integers, as 32767 is that of 16-bit ones. */
const SCALE_32 = 2 ** 31 - 1;
/** Zero signal of unsigned 32-bit integers, as 127.5 is that of 8-bit ones. */
const ZERO_U32 = SCALE_32 + 0.5;

/** How the samples of a recording are carried. */
export interface Carriage {
  readonly datatype: Datatype;
  /** Bytes of a sample in the file. */
  readonly fileBytesPerSample: number;
  /** The carried bytes of whole samples of the file; may be the same bytes, and may change them. */
  carry(bytes: Buffer): Uint8Array;
}

/**
 * How the samples of a complex datatype are carried: in the nearest one that loses nothing, or in cf32_le.
 *
 * | file | carried | how |
 * |---|---|---|
 * | cf32_le, ci16_le, ci8, cu8 | the same | untouched |
 * | cf32_be, ci16_be | cf32_le, ci16_le | bytes swapped: the same numbers |
 * | cu16_le, cu16_be | ci16_le | less 32768: the same steps; zero, which lies between two of them, is the upper one |
 * | cf64_le, cf64_be | cf32_le | rounded to the nearest |
 * | ci32_le, ci32_be | cf32_le | divided by 2147483647, rounded to the nearest |
 * | cu32_le, cu32_be | cf32_le | (x - 2147483647.5) / 2147483647.5, rounded to the nearest |
 */
export function carriageOf({ component, isBigEndian, bytesPerComponent }: SigmfDatatype): Carriage {
  const fileBytesPerSample = 2 * bytesPerComponent;
  const as = (datatype: Datatype, carry: (bytes: Buffer) => Uint8Array): Carriage => ({
    datatype,
    fileBytesPerSample,
    carry,
  });
  switch (component) {
    case 'i8':
      return as('ci8', (bytes) => bytes);
    case 'u8':
      return as('cu8', (bytes) => bytes);
    case 'i16':
      return as('ci16_le', (bytes) => (isBigEndian ? bytes.swap16() : bytes));
    case 'u16':
      return as('ci16_le', (bytes) => flipTopBits(isBigEndian ? bytes.swap16() : bytes));
    case 'f32':
      return as('cf32_le', (bytes) => (isBigEndian ? bytes.swap32() : bytes));
    case 'f64':
      return as('cf32_le', (bytes) => {
        const values = aligned(isBigEndian ? bytes.swap64() : bytes);
        return asBytes(new Float32Array(new Float64Array(values.buffer, values.byteOffset, values.length / 8)));
      });
    case 'i32':
      return as('cf32_le', (bytes) => {
        const values = aligned(isBigEndian ? bytes.swap32() : bytes);
        const integers = new Int32Array(values.buffer, values.byteOffset, values.length / 4);
        return asBytes(scaled(integers, 0, SCALE_32));
      });
    case 'u32':
      return as('cf32_le', (bytes) => {
        const values = aligned(isBigEndian ? bytes.swap32() : bytes);
        const integers = new Uint32Array(values.buffer, values.byteOffset, values.length / 4);
        return asBytes(scaled(integers, ZERO_U32, ZERO_U32));
      });
  }
}

function flipTopBits(bytes: Buffer): Buffer {
  for (let i = 1; i < bytes.length; i += 2) bytes[i] = (bytes[i] ?? 0) ^ 0x80;
  return bytes;
}

function scaled(integers: Int32Array | Uint32Array, zero: number, scale: number): Float32Array {
  const { length } = integers;
  const values = new Float32Array(length);
  for (let i = 0; i < length; i++) values[i] = ((integers[i] ?? 0) - zero) / scale;
  return values;
}

/** The same bytes where typed arrays of any kind may lie on them. */
function aligned(bytes: Buffer): Uint8Array {
  return bytes.byteOffset % 8 === 0 ? bytes : Uint8Array.from(bytes);
}

function asBytes(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
