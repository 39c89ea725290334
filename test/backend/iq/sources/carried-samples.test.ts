import { describe, expect, it } from '@jest/globals';
import { carriageOf } from '../../../../src/backend/iq/sources/carried-samples.ts';
import { sigmfDatatype } from '../../../../src/sigmf/datatypes.ts';

/** Numbers as a datatype writes them, with DataView as the oracle. */
const WRITE: Readonly<Record<string, (view: DataView, at: number, value: number, isLittle: boolean) => void>> = {
  f32: (view, at, value, little) => view.setFloat32(at, value, little),
  f64: (view, at, value, little) => view.setFloat64(at, value, little),
  i32: (view, at, value, little) => view.setInt32(at, value, little),
  u32: (view, at, value, little) => view.setUint32(at, value, little),
  i16: (view, at, value, little) => view.setInt16(at, value, little),
  u16: (view, at, value, little) => view.setUint16(at, value, little),
  i8: (view, at, value) => view.setInt8(at, value),
  u8: (view, at, value) => view.setUint8(at, value),
};

const FLOATS = [0, -0, 1, -1, 0.1, -0.1, 1e-30, 2.71828e5];
const floats = FLOATS.map(Math.fround);
const CASES: readonly [datatype: string, carried: string, given: readonly number[], numbers: readonly number[]][] = [
  ['cf32_le', 'cf32_le', floats, floats],
  ['cf32_be', 'cf32_le', floats, floats],
  ['cf64_le', 'cf32_le', FLOATS, floats],
  ['cf64_be', 'cf32_le', FLOATS, floats],
  ['ci16_le', 'ci16_le', [0, 1, -1, 32767, -32768, 258], [0, 1, -1, 32767, -32768, 258]],
  ['ci16_be', 'ci16_le', [0, 1, -1, 32767, -32768, 258], [0, 1, -1, 32767, -32768, 258]],
  ['cu16_le', 'ci16_le', [0, 32767, 32768, 65535], [-32768, -1, 0, 32767]],
  ['cu16_be', 'ci16_le', [0, 32767, 32768, 65535], [-32768, -1, 0, 32767]],
  ['ci32_le', 'cf32_le', [0, 2147483647, -2147483647, 1 << 30], [0, 1, -1, 0.5]],
  ['ci32_be', 'cf32_le', [0, 2147483647, -2147483647, 1 << 30], [0, 1, -1, 0.5]],
  ['cu32_le', 'cf32_le', [0, 4294967295], [-1, 1]],
  ['cu32_be', 'cf32_le', [0, 4294967295], [-1, 1]],
  ['ci8', 'ci8', [0, 127, -128, -1], [0, 127, -128, -1]],
  ['cu8', 'cu8', [0, 127, 128, 255], [0, 127, 128, 255]],
];
const READ: Readonly<Record<string, (bytes: Buffer) => number[]>> = {
  cf32_le: (bytes) => Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i)),
  ci16_le: (bytes) => Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readInt16LE(2 * i)),
  ci8: (bytes) => Array.from(bytes, (_, i) => bytes.readInt8(i)),
  cu8: (bytes) => [...bytes],
};

describe('how the samples of a recording are carried', () => {
  it.each(CASES)('%s as %s', (name, carried, given, numbers) => {
    const datatype = sigmfDatatype(name);
    const bytes = Buffer.alloc(given.length * datatype.bytesPerComponent);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (const [i, value] of given.entries()) {
      WRITE[datatype.component]?.(view, i * datatype.bytesPerComponent, value, !datatype.isBigEndian);
    }
    const carriage = carriageOf(datatype);
    expect(carriage).toMatchObject({ datatype: carried, fileBytesPerSample: 2 * datatype.bytesPerComponent });
    expect(READ[carried]?.(Buffer.from(carriage.carry(bytes)))).toEqual(numbers);
  });

  it('every complex datatype of the standard', () => {
    const kinds = ['f32', 'f64', 'i32', 'i16', 'u32', 'u16'].flatMap((kind) => [`c${kind}_le`, `c${kind}_be`]);
    expect(new Set(CASES.map(([name]) => name))).toEqual(new Set([...kinds, 'ci8', 'cu8']));
  });
});
