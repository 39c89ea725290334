import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';

/** Messages inside messages. */
const MAX_DEPTH = 2;

/** As many elements as conditions look at, one less and one more; and a few. */
const REPEATS = [1022, 1023, 1024, 1025];

/** Digits of what is repeated that often. */
const MAX_REPEATED_DIGITS = 32;

const SMALL = [0, 0, 1, 2, 5, 6];
const SIGNED = [...SMALL, -1, -2];
const LONGS = ['0', '0', '1', '5', '6', '9007199254740993'];
const REALS = [0, -0, 0.1, 1, 5, 5.5, -1, Number.NaN, Number.POSITIVE_INFINITY];
const TEXTS = ['', '', 'a', 'ab', 'x', 'red', 'gs-1', '0', 'false', '\ufffd', '__proto__'];
const BYTES = ['', '', '00', '61', '6162'].map((hex) => Buffer.from(hex, 'hex'));

/** Few values, so that rules about them hold often and several fields say the same. */
function valuesOf(type: ScalarType): readonly ((writer: BinaryWriter) => BinaryWriter)[] {
  switch (type) {
    case ScalarType.DOUBLE:
      return REALS.map((value) => (to) => to.double(value));
    case ScalarType.FLOAT:
      return REALS.map((value) => (to) => to.float(value));
    case ScalarType.BOOL:
      return [false, false, true].map((value) => (to) => to.bool(value));
    case ScalarType.STRING:
      return TEXTS.map((value) => (to) => to.string(value));
    case ScalarType.BYTES:
      return BYTES.map((value) => (to) => to.bytes(value));
    case ScalarType.INT32:
      return SIGNED.map((value) => (to) => to.int32(value));
    case ScalarType.SINT32:
      return SIGNED.map((value) => (to) => to.sint32(value));
    case ScalarType.SFIXED32:
      return SIGNED.map((value) => (to) => to.sfixed32(value));
    case ScalarType.UINT32:
      return SMALL.map((value) => (to) => to.uint32(value));
    case ScalarType.FIXED32:
      return SMALL.map((value) => (to) => to.fixed32(value));
    case ScalarType.INT64:
      return [...LONGS, '-1'].map((value) => (to) => to.int64(value));
    case ScalarType.SINT64:
      return [...LONGS, '-1'].map((value) => (to) => to.sint64(value));
    case ScalarType.SFIXED64:
      return [...LONGS, '-1'].map((value) => (to) => to.sfixed64(value));
    case ScalarType.UINT64:
      return [...LONGS, '18446744073709551615'].map((value) => (to) => to.uint64(value));
    case ScalarType.FIXED64:
      return [...LONGS, '18446744073709551615'].map((value) => (to) => to.fixed64(value));
    default:
      return type satisfies never;
  }
}

/** Values as they stand behind their tag, as hex. */
function scalar(type: ScalarType): fc.Arbitrary<string> {
  return fc.constantFrom(...valuesOf(type).map((write) => hex(write(new BinaryWriter()))));
}

function hex(writer: BinaryWriter): string {
  return Buffer.from(writer.finish()).toString('hex');
}

function tag(number: number, wireType: WireType): string {
  return hex(new BinaryWriter().tag(number, wireType));
}

function withLength(body: string): string {
  return hex(new BinaryWriter().bytes(Buffer.from(body, 'hex')));
}

function wireTypeOf(type: ScalarType): WireType {
  if (type === ScalarType.STRING || type === ScalarType.BYTES) return WireType.LengthDelimited;
  if ([ScalarType.DOUBLE, ScalarType.FIXED64, ScalarType.SFIXED64].includes(type)) return WireType.Bit64;
  return [ScalarType.FLOAT, ScalarType.FIXED32, ScalarType.SFIXED32].includes(type) ? WireType.Bit32 : WireType.Varint;
}

/** One value of a field with its tag. */
function value(number: number, field: DescField, depth: number): fc.Arbitrary<string> {
  if (field.message !== undefined) {
    const inner = depth >= MAX_DEPTH ? fc.constant('') : arbitraryWire(field.message, depth + 1);
    if (!('delimitedEncoding' in field) || field.delimitedEncoding !== true) {
      return inner.map((body) => tag(number, WireType.LengthDelimited) + withLength(body));
    }
    return inner.map((body) => tag(number, WireType.StartGroup) + body + tag(number, WireType.EndGroup));
  }
  return one(field).map((body) => tag(number, wireTypeOf(typeOf(field))) + body);
}

function typeOf(field: DescField): ScalarType {
  return field.enum === undefined ? (field.scalar ?? ScalarType.STRING) : ScalarType.INT32;
}

function one(field: DescField): fc.Arbitrary<string> {
  if (field.enum === undefined) return scalar(typeOf(field));
  const numbers = field.enum.values.map((known) => known.number).concat(field.enum.open ? [7] : []);
  return fc.constantFrom(...numbers.map((number) => hex(new BinaryWriter().int32(number))));
}

/** Entries with their parts in any order, one twice or not at all. */
function entry(field: DescField & { fieldKind: 'map' }, depth: number): fc.Arbitrary<string> {
  const key = scalar(field.mapKey).map((body) => tag(1, wireTypeOf(field.mapKey)) + body);
  const its = value(2, field, depth);
  const usual = fc.tuple(key, its).map((parts) => parts.join(''));
  const parts = fc.oneof({ weight: 3, arbitrary: usual }, fc.array(fc.oneof(key, its), { maxLength: 3 }).map(joined));
  return parts.map((body) => tag(field.number, WireType.LengthDelimited) + withLength(body));
}

const joined = (parts: readonly string[]): string => parts.join('');

/** A field once: of a list one element, some in one piece, or about as many as are looked at. */
function piece(field: DescField, depth: number): fc.Arbitrary<string> {
  if (field.fieldKind === 'map') return entry(field, depth);
  const single = value(field.number, field, depth);
  if (field.fieldKind !== 'list') return single;
  const choices: fc.WeightedArbitrary<string>[] = [{ weight: 20, arbitrary: single }];
  if (field.message === undefined && wireTypeOf(typeOf(field)) !== WireType.LengthDelimited) {
    const packed = fc.array(one(field), { maxLength: 4 }).map(joined);
    const framed = packed.map((body) => tag(field.number, WireType.LengthDelimited) + withLength(body));
    choices.push({ weight: 20, arbitrary: framed });
  }
  const short = single.filter((body) => body.length <= MAX_REPEATED_DIGITS);
  const many = fc.tuple(short, fc.constantFrom(...REPEATS)).map(([body, times]) => body.repeat(times));
  if (depth === 0) choices.push({ weight: 1, arbitrary: many });
  return fc.oneof(...choices);
}

/** Wire forms of a message as nobody has to write them: fields in any order, several times, with their defaults. As hex. */
export function arbitraryWire(desc: DescMessage, depth = 0): fc.Arbitrary<string> {
  const pieces = desc.fields.map((field) => piece(field, depth));
  if (pieces.length === 0) return fc.constant('');
  // Of a few fields, that they meet.
  const some = fc.uniqueArray(fc.constantFrom(...pieces), { minLength: 1, maxLength: 3 });
  const fields = some.chain((few) => fc.array(fc.oneof(...few), { maxLength: 5 }));
  return fields.map(joined);
}
