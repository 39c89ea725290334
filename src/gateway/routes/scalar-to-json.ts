import type protobuf from 'protobufjs';
import type { EnumPlan, ScalarKind } from './plan.ts';

/** Reads one scalar from the wire and returns its JSON text. */
export function scalarText(reader: protobuf.Reader, kind: ScalarKind, plan: EnumPlan | undefined): string {
  switch (kind) {
    case 'string':
      return JSON.stringify(reader.string());
    case 'bytes':
      return `"${base64(reader.bytes())}"`;
    case 'bool':
      return reader.bool() ? 'true' : 'false';
    case 'double':
      return doubleText(reader.double());
    case 'float':
      return floatText(reader.float());
    case 'enum':
      return enumText(reader.int32(), plan);
    case 'int64':
    case 'uint64':
    case 'sint64':
    case 'fixed64':
    case 'sfixed64':
      // As a string: a JSON number may be read as a double, which holds only 53 bits.
      return `"${reader[kind]().toString()}"`;
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
      return enumText(0, plan);
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

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function enumText(number: number, plan: EnumPlan | undefined): string {
  if (plan?.fullName === 'google.protobuf.NullValue') return 'null';
  const name = plan?.byNumber.get(number);
  return name === undefined ? String(number) : `"${name}"`;
}

/** The shortest text that reads back as the same double. */
function doubleText(value: number): string {
  if (!Number.isFinite(value)) return `"${value}"`;
  return Object.is(value, -0) ? '-0' : String(value);
}

/** Significant digits that may be needed to tell one binary32 from its neighbours are 6 to 9. */
const FLOAT_DIGITS = [6, 7, 8];

/** The shortest text that reads back as the same float; as a double, 0.1 would read 0.10000000149011612. */
function floatText(value: number): string {
  if (!Number.isFinite(value) || Number.isInteger(value)) return doubleText(value);
  for (const digits of FLOAT_DIGITS) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return String(short);
  }
  return String(Number(value.toPrecision(9)));
}
