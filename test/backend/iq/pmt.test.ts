import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { type Pmt, PmtReader } from '../../../src/backend/iq/sources/pmt.ts';
import { PassbandError } from '../../../src/errors.ts';
import { type Written, writePmt } from './gnuradio-writer.ts';

const MAX_VALUES = 1000;
const read = (bytes: Uint8Array): { readonly value: Pmt; readonly at: number } => {
  const reader = new PmtReader(bytes, 0, MAX_VALUES);
  const value = reader.value();
  return { value, at: reader.at };
};
const items = (...values: Pmt[]): Pmt => ({ items: values });
const pairs = (tail: Pmt, ...cars: Pmt[]): Pmt => ({ cars, tail });

describe('values as GNU Radio 3.10.5.1 writes them', () => {
  test.each<[written: string, hex: string, value: Pmt]>([
    ['PMT_T', '00', true],
    ['PMT_F', '01', false],
    ['PMT_NIL', '06', null],
    ["intern('abc')", '020003616263', 'abc'],
    ['from_long(-5)', '03fffffffb', -5],
    ['from_long(2**40)', '0d0000010000000000', 2n ** 40n],
    ['from_double(1.5)', '043ff8000000000000', 1.5],
    ['from_uint64(7)', '0b0000000000000007', 7n],
    ['from_complex(1, 2)', '053ff00000000000004000000000000000', { re: 1, im: 2 }],
    ['cons(PMT_T, PMT_F)', '070001', pairs(false, true)],
    ['list3(PMT_T, PMT_F, PMT_T)', '07000701070006', pairs(null, true, false, true)],
    ['make_vector(3, PMT_T)', '0800000003000000', items(true, true, true)],
    ['make_tuple(from_uint64(1), from_double(.5))', '0c000000020b0000000000000001043fe0000000000000', items(1n, 0.5)],
    ['make_tuple()', '0c00000000', items()],
    ['dict of a: PMT_T, b: PMT_F', '090702000162010907020001610006', pairs(null, pairs(false, 'b'), pairs(true, 'a'))],
    ['init_u8vector(2, [1, 2])', '0a000000000201000102', { uniform: 0, length: 2 }],
    ['init_s8vector(2, [1, 2])', '0a010000000201000102', { uniform: 1, length: 2 }],
    ['init_u16vector(2, [1, 2])', '0a0200000002010000010002', { uniform: 2, length: 2 }],
    ['init_s16vector(2, [1, 2])', '0a0300000002010000010002', { uniform: 3, length: 2 }],
    ['init_u32vector(2, [1, 2])', '0a040000000201000000000100000002', { uniform: 4, length: 2 }],
    ['init_s32vector(2, [1, 2])', '0a050000000201000000000100000002', { uniform: 5, length: 2 }],
    ['init_u64vector(2, [1, 2])', '0a0600000002010000000000000000010000000000000002', { uniform: 6, length: 2 }],
    ['init_s64vector(2, [1, 2])', '0a0700000002010000000000000000010000000000000002', { uniform: 7, length: 2 }],
    ['init_f32vector(2, [1, 2])', '0a080000000201003f80000040000000', { uniform: 8, length: 2 }],
    ['init_f64vector(2, [1, 2])', '0a090000000201003ff00000000000004000000000000000', { uniform: 9, length: 2 }],
    ['init_c32vector(2, [1, 2j])', '0a0a0000000201003f800000000000000000000040000000', { uniform: 10, length: 2 }],
    [
      'init_c64vector(2, [1, 2j])',
      '0a0b0000000201003ff0000000000000000000000000000000000000000000004000000000000000',
      { uniform: 11, length: 2 },
    ],
  ])('%s', (_written, hex, value) => {
    const bytes = Buffer.from(hex, 'hex');
    // What follows is not looked at.
    expect(read(Buffer.concat([bytes, Buffer.from('ffff', 'hex')]))).toEqual({ value, at: bytes.length });
    // And each byte of it is needed.
    for (let length = 0; length < bytes.length; length++) {
      expect(() => read(bytes.subarray(0, length))).toThrow('a message ends within its tags');
    }
  });
});

describe('what is no value', () => {
  const nested = (levels: number): string => `${'0800000001'.repeat(levels)}06`;
  test.each<[what: string, hex: string, message: RegExp]>([
    ['an unknown type', '0e', /unknown type 0x0e/],
    ['the type of a comment', '3b', /unknown type 0x3b/],
    ['an unknown kind of vector', '0a0c0000000001000000', /unknown kind 12/],
    ['a vector that claims four thousand million values', '08ffffffff06', /ends within/],
    ['a tuple that claims them', '0cffffffff06', /ends within/],
    ['numbers that claim 64 GiB', '0a0bffffffff0100', /ends within/],
    ['padding beyond the end', '0a0000000000ff00', /ends within/],
    ['a symbol beyond the end', '02ffff41', /ends within/],
    ['vectors deeper than any', nested(40), /more than 32 deep/],
    ['pairs deeper than any, in front', `${'07'.repeat(40)}06`, /more than 32 deep/],
    ['a list longer than any', '0706'.repeat(600), /too many values/],
    ['a vector longer than any', `080000ffff${'06'.repeat(65_535)}`, /too many values/],
  ])('%s', (_what, hex, message) => {
    expect(() => read(Buffer.from(hex, 'hex'))).toThrow(message);
    expect(() => read(Buffer.from(hex, 'hex'))).toThrow(PassbandError);
  });

  it('may be 32 levels deep, and a list as long as the budget', () => {
    expect(read(Buffer.from(nested(32), 'hex')).at).toBe(161);
    const list = Buffer.from(`${'0706'.repeat(499)}06`, 'hex');
    expect(read(list).at).toBe(list.length);
  });
});

/** Values of every type, with what they are read as. */
const written: fc.Arbitrary<Written> = fc.letrec<{ value: Written }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.boolean(),
    fc.constant(null),
    fc.string({ unit: 'binary' }).map((symbol) => ({ symbol })),
    fc.integer().map((int32) => ({ int32 })),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((int64) => ({ int64 })),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((uint64) => ({ uint64 })),
    fc.double().map((double) => ({ double })),
    fc.tuple(fc.double(), fc.double()).map((complex) => ({ complex })),
    fc
      .tuple(fc.constantFrom([0, 1] as const, [3, 2] as const, [8, 4] as const, [11, 16] as const), fc.nat(40))
      .map(([[kind, each], length]) => ({ uniform: [kind, each, length] as const })),
    fc.array(tie('value'), { maxLength: 4 }).map((vector) => ({ vector })),
    fc.array(tie('value'), { maxLength: 4 }).map((tuple) => ({ tuple })),
    fc.tuple(tie('value'), tie('value')).map((pair) => ({ pair })),
    fc.tuple(tie('value'), tie('value')).map((dict) => ({ dict })),
  ),
})).value;

/** What a written value is to be read as. */
function expected(value: Written): Pmt {
  if (value === null || typeof value === 'boolean') return value;
  if ('symbol' in value) return value.symbol;
  if ('int32' in value) return value.int32;
  if ('int64' in value) return value.int64;
  if ('uint64' in value) return value.uint64;
  if ('double' in value) return value.double;
  if ('complex' in value) return { re: value.complex[0], im: value.complex[1] };
  if ('vector' in value) return { items: value.vector.map(expected) };
  if ('tuple' in value) return { items: value.tuple.map(expected) };
  if ('uniform' in value) return { uniform: value.uniform[0], length: value.uniform[2] };
  const [car, cdr] = 'pair' in value ? value.pair : value.dict;
  const tail = expected(cdr);
  return tail !== null && typeof tail === 'object' && 'cars' in tail
    ? { cars: [expected(car), ...tail.cars], tail: tail.tail }
    : { cars: [expected(car)], tail };
}

test('whatever was written is read, and nothing behind it', () => {
  fc.assert(
    fc.property(written, fc.uint8Array({ maxLength: 9 }), (value, behind) => {
      const bytes = writePmt(value);
      expect(read(Buffer.concat([bytes, behind]))).toEqual({ value: expected(value), at: bytes.length });
    }),
  );
});

test('bytes of any kind are read or refused', () => {
  const byte = fc.oneof({ weight: 3, arbitrary: fc.nat(14) }, { weight: 1, arbitrary: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 400 }), (bytes) => {
      try {
        read(Uint8Array.from(bytes));
      } catch (error) {
        expect(error).toBeInstanceOf(PassbandError);
      }
    }),
  );
});
