import type protobuf from 'protobufjs';
import type { EnumPlan, FieldPlan, ScalarKind } from './plan.ts';
import { stringValue } from './wire.ts';

/**
 * Reads one scalar from the wire and returns its JSON text; undefined for a number that a closed enum does not name,
 * which is as good as an unknown field.
 */
export function scalarText(reader: protobuf.Reader, kind: ScalarKind, field: FieldPlan): string | undefined {
  switch (kind) {
    case 'string':
      return JSON.stringify(stringValue(reader, field.utf8));
    case 'bytes':
      return base64Text(reader.bytes());
    case 'bool':
      return reader.bool() ? 'true' : 'false';
    case 'double':
      return doubleText(reader.double());
    case 'float':
      return floatText(reader.float());
    case 'enum':
      return enumText(reader.int32(), field.enum);
    case 'int64':
    case 'uint64':
    case 'sint64':
    case 'fixed64':
    case 'sfixed64':
      // As a string: a JSON number may be read as a double, which holds only 53 bits.
      return `"${longText(reader[kind]())}"`;
    default:
      return String(reader[kind]());
  }
}

/** JSON text of the value that a field of this kind has when it is not on the wire. */
export function scalarDefault(kind: ScalarKind | 'message', plan: EnumPlan | undefined): string {
  switch (kind) {
    case 'string':
    case 'bytes':
      return '""';
    case 'bool':
      return 'false';
    case 'enum':
      return enumText(plan?.defaultNumber ?? 0, plan) ?? '0';
    case 'int64':
    case 'uint64':
    case 'sint64':
    case 'fixed64':
    case 'sfixed64':
      return '"0"';
    case 'message':
      return 'null';
    default:
      return '0';
  }
}

/** Bytes as JSON. */
export function base64Text(bytes: Uint8Array): string {
  return `"${base64(bytes)}"`;
}

/** Bytes as base64 without the quotes that JSON puts around it. */
export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

/** The upper halves of 64-bit integers that a double holds exactly. */
const EXACT_HIGH = 2 ** 21;

/** Decimal digits. Most integers fit a double, whose text costs a quarter of what dividing 64 bits costs. */
function longText(value: protobuf.Long): string {
  const { high, low } = value;
  return high >= 0 && high < EXACT_HIGH ? String(high * 2 ** 32 + (low >>> 0)) : value.toString();
}

function enumText(number: number, plan: EnumPlan | undefined): string | undefined {
  if (plan?.fullName === 'google.protobuf.NullValue') return 'null';
  const name = plan?.byNumber.get(number);
  if (name !== undefined) return `"${name}"`;
  return plan?.closed === true ? undefined : String(number);
}

/** The shortest text that reads back as the same double. */
function doubleText(value: number): string {
  if (!Number.isFinite(value)) return `"${value}"`;
  return Object.is(value, -0) ? '-0' : String(value);
}

/** Digits that may be needed to tell one binary32 from its neighbours. */
const FLOAT_DIGITS = [6, 7, 8, 9];
/** Powers of ten that a double holds exactly; scaling by them rounds once only. */
const POWERS_OF_TEN = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));

/** The shortest text of six digits or more that reads back as the same float; as a double, 0.1 would read 0.10000000149011612. */
export function floatText(value: number): string {
  if (!Number.isFinite(value) || Number.isInteger(value)) return doubleText(value);
  const leading = Math.floor(Math.log10(Math.abs(value)));
  for (const digits of FLOAT_DIGITS) {
    const power = POWERS_OF_TEN[digits - 1 - leading];
    // Tiny values are past exact powers of ten; formatting is right for them too, only slower.
    const short = power === undefined ? Number(value.toPrecision(digits)) : Math.round(value * power) / power;
    if (Math.fround(short) === value) return String(short);
  }
  return String(value);
}
