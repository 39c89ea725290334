import { type FieldRange, INTEGER_BOUNDS, isIntegerKind } from '../field-range.ts';
import type { ScalarKind } from '../gateway/routes/plan.ts';
import type { Schema } from './model.ts';

/** Names of the shared schemas that stand for no message. A proto without a package could have messages called so. */
export const SHARED_SCHEMAS = { double: 'Double', float: 'Float', problem: 'Problem' } as const;

const SIGNED_32 = integer('int32');
const UNSIGNED_32 = integer('uint32');
/** As strings: a JSON number may be read as a double, which holds only 53 bits. */
const SIGNED_64: Schema = { type: 'string', format: 'int64' };
const UNSIGNED_64: Schema = { type: 'string', format: 'uint64' };

/** How the protobuf JSON mapping writes each scalar. */
export const SCALAR_SCHEMAS: Readonly<Record<Exclude<ScalarKind, 'enum'>, Schema>> = {
  double: { $ref: `#/components/schemas/${SHARED_SCHEMAS.double}` },
  float: { $ref: `#/components/schemas/${SHARED_SCHEMAS.float}` },
  int32: SIGNED_32,
  sint32: SIGNED_32,
  sfixed32: SIGNED_32,
  uint32: UNSIGNED_32,
  fixed32: UNSIGNED_32,
  int64: SIGNED_64,
  sint64: SIGNED_64,
  sfixed64: SIGNED_64,
  uint64: UNSIGNED_64,
  fixed64: UNSIGNED_64,
  bool: { type: 'boolean' },
  string: { type: 'string' },
  bytes: { type: 'string', contentEncoding: 'base64' },
};

/** A number of which `(passband.v1.range)` says what it may be. */
export function rangedSchema(kind: Exclude<ScalarKind, 'enum'>, range: FieldRange): Schema {
  const { min, max, unit, zero, limits } = range;
  const words = { 'x-unit': unit, ...(limits === undefined ? {} : { 'x-limits': limits }) };
  const plain: Schema = isIntegerKind(kind) ? SCALAR_SCHEMAS[kind] : { type: 'number', format: kind };
  if (min === undefined || max === undefined) return { ...plain, ...words };
  if (plain.type === 'string') return { ...plain, 'x-minimum': String(min), 'x-maximum': String(max), ...words };
  const within = { ...plain, minimum: Number(min), maximum: Number(max) };
  if (zero === undefined || (min <= 0 && max >= 0)) return { ...within, ...words };
  const other = { type: plain.type ?? 'number', const: 0, description: `0 ${zero}.` };
  return { oneOf: [within, other], ...words };
}

function integer(format: 'int32' | 'uint32'): Schema {
  const [minimum, maximum] = INTEGER_BOUNDS[format];
  return { type: 'integer', format, minimum: Number(minimum), maximum: Number(maximum) };
}

function floating(format: 'double' | 'float', bits: number): Schema {
  return {
    description: `An IEEE 754 number of ${bits} bits. JSON has no words for NaN and the infinities; they are strings.`,
    oneOf: [
      { type: 'number', format },
      { type: 'string', enum: ['NaN', 'Infinity', '-Infinity'] },
    ],
  };
}

/** The shared schemas that floating-point fields point to. */
export const FLOATING_SCHEMAS: Readonly<Record<'Double' | 'Float', Schema>> = {
  Double: floating('double', 64),
  Float: floating('float', 32),
};

/** Messages whose JSON form is not that of an ordinary message (protobuf.dev/programming-guides/json). */
export const WELL_KNOWN_SCHEMAS: Readonly<Record<string, Schema>> = {
  'google.protobuf.Timestamp': {
    type: 'string',
    format: 'date-time',
    description: 'A time as RFC 3339 says, such as 2026-01-31T12:00:00.5Z; up to nine digits of fraction.',
  },
  'google.protobuf.Duration': {
    type: 'string',
    pattern: '^-?[0-9]{1,12}(\\.[0-9]{1,9})?s$',
    description: 'Seconds with the suffix "s", such as 1.5s.',
  },
  'google.protobuf.FieldMask': {
    type: 'string',
    description: 'Field paths in lowerCamelCase, separated by commas, such as user.displayName,photo.',
  },
  'google.protobuf.DoubleValue': SCALAR_SCHEMAS.double,
  'google.protobuf.FloatValue': SCALAR_SCHEMAS.float,
  'google.protobuf.Int64Value': SCALAR_SCHEMAS.int64,
  'google.protobuf.UInt64Value': SCALAR_SCHEMAS.uint64,
  'google.protobuf.Int32Value': SCALAR_SCHEMAS.int32,
  'google.protobuf.UInt32Value': SCALAR_SCHEMAS.uint32,
  'google.protobuf.BoolValue': SCALAR_SCHEMAS.bool,
  'google.protobuf.StringValue': SCALAR_SCHEMAS.string,
  'google.protobuf.BytesValue': SCALAR_SCHEMAS.bytes,
  'google.protobuf.Struct': { type: 'object', additionalProperties: true, description: 'Any JSON object.' },
  'google.protobuf.ListValue': { type: 'array', items: {}, description: 'Any JSON array.' },
  'google.protobuf.Value': { description: 'Any JSON value.' },
  'google.protobuf.Any': {
    type: 'object',
    description:
      'A message of any type: `@type` names it, its members stand beside it. A type with a JSON form of its own ' +
      '(such as a Timestamp) stands in the member `value`.',
    properties: {
      '@type': { type: 'string', description: 'Such as type.googleapis.com/google.rpc.BadRequest.' },
    },
    additionalProperties: true,
  },
};
