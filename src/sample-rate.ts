import protobuf from 'protobufjs';
import { UsageError } from './errors.ts';
import { protoOption } from './proto-option.ts';

/** Passband's own field option that marks a number as a rate of samples. */
const OPTION = '(passband.v1.sample_rate_hz)';

/** Messages inside messages that a reader follows: what lies deeper is taken to state any rate whatever. */
const MAX_RATE_DEPTH = 32;

/** Kinds of number that may be marked, and their wire types. */
const WIRE_TYPES = {
  double: 1,
  fixed64: 1,
  sfixed64: 1,
  float: 5,
  fixed32: 5,
  sfixed32: 5,
  int32: 0,
  uint32: 0,
  sint32: 0,
  int64: 0,
  uint64: 0,
  sint64: 0,
} as const;

type NumberKind = keyof typeof WIRE_TYPES;

/** Wire type of a message inside a message. */
const LENGTH_DELIMITED = 2;

/** Number of the value in an entry of a map, which is a message on the wire. */
const MAP_VALUE = 2;

/** Fields to be looked at, by number. */
type Marks = ReadonlyMap<number, Mark>;
type Mark =
  | { readonly kind: NumberKind }
  /** A message, list of messages or map of them. Made when it is asked for, since messages may contain themselves. */
  | { readonly inside: () => Marks };

const known = new WeakMap<protobuf.Type, Marks>();

/**
 * The fields of a message that state a rate of samples, `(passband.v1.sample_rate_hz) = true`, in messages inside it too.
 * Each is a list of proto field names from the message inwards.
 *
 * @throws UsageError for a marked field that is not one number, or that lies where nobody can point at it: in a list, a
 * map, or a message that contains itself.
 */
export function sampleRatePaths(type: protobuf.Type): readonly (readonly string[])[] {
  return pathsOf(type, []);
}

function pathsOf(type: protobuf.Type, around: readonly protobuf.Type[]): string[][] {
  const here = [...around, type];
  return [...fieldsOf(type)].flatMap(({ field, inner }) => {
    if (inner === undefined) return [[field.protoName]];
    if (field.repeated || field.map || here.includes(inner)) {
      const name = `${type.fullName.slice(1)}.${field.protoName}`;
      throw new UsageError(`${name}: a rate of samples inside it cannot be held to a cap; leave maxSampleRateHz out`);
    }
    return pathsOf(inner, here).map((path) => [field.protoName, ...path]);
  });
}

/**
 * Compiles a reader for the highest rate of samples that an encoded message states, hertz; 0 when it states none. It
 * skips all else without decoding it. A rate that is no number counts as infinite. Undefined for a type without such
 * fields.
 *
 * @throws UsageError for a marked field that is not one number; the reader throws protobufjs's errors when the bytes are
 * no message.
 */
export function sampleRateReader(type: protobuf.Type): ((bytes: Uint8Array) => number) | undefined {
  const marks = marksOf(type);
  if (marks.size === 0) return undefined;
  return (bytes) => highest(protobuf.Reader.create(bytes), bytes.length, marks, 0);
}

/** Whoever decodes a field that comes twice takes the last; here the highest counts, so that no order hides one. */
function highest(reader: protobuf.Reader, end: number, marks: Marks, depth: number): number {
  if (depth > MAX_RATE_DEPTH) return Number.POSITIVE_INFINITY;
  let rateHz = 0;
  while (reader.pos < end) {
    const tag = reader.tag();
    const wireType = tag & 7;
    const mark = marks.get(tag >>> 3);
    if (mark === undefined || wireType !== wireTypeOf(mark)) {
      reader.skipType(wireType, 0, tag >>> 3);
      continue;
    }
    const value = 'kind' in mark ? Number(reader[mark.kind]()) : inner(reader, end, mark.inside(), depth);
    rateHz = Number.isNaN(value) ? Number.POSITIVE_INFINITY : Math.max(rateHz, value);
  }
  return rateHz;
}

function inner(reader: protobuf.Reader, end: number, marks: Marks, depth: number): number {
  const length = reader.uint32();
  const innerEnd = reader.pos + length;
  if (innerEnd > end) throw new RangeError('a message is longer than the one around it');
  const rateHz = highest(reader, innerEnd, marks, depth + 1);
  reader.pos = innerEnd;
  return rateHz;
}

function wireTypeOf(mark: Mark): number {
  return 'kind' in mark ? WIRE_TYPES[mark.kind] : LENGTH_DELIMITED;
}

function marksOf(type: protobuf.Type): Marks {
  const found = known.get(type);
  if (found !== undefined) return found;
  const marks = new Map<number, Mark>();
  for (const { field, inner: innerType } of fieldsOf(type)) {
    if (innerType === undefined) {
      if (isNumberKind(field.type)) marks.set(field.id, { kind: field.type });
    } else if (field.map) {
      marks.set(field.id, { inside: () => new Map([[MAP_VALUE, { inside: () => marksOf(innerType) }]]) });
    } else marks.set(field.id, { inside: () => marksOf(innerType) });
  }
  known.set(type, marks);
  return marks;
}

interface MarkedField {
  readonly field: protobuf.Field;
  /** Type of the message that has marked fields in it; undefined when the field itself is marked. */
  readonly inner: protobuf.Type | undefined;
}

/** The fields of a message that are marked, and those that lead to such. */
function* fieldsOf(type: protobuf.Type): Generator<MarkedField> {
  for (const field of type.fieldsArray) {
    const inner = messageTypeOf(field);
    if (isMarked(field)) yield { field, inner: undefined };
    else if (inner !== undefined && leadsToMark(inner)) {
      if (field.delimited) throw new UsageError(`${field.fullName.slice(1)}: ${OPTION} inside a group cannot be read`);
      yield { field, inner };
    }
  }
}

function leadsToMark(type: protobuf.Type): boolean {
  const seen = new Set([type]);
  for (const each of seen) {
    for (const field of each.fieldsArray) {
      if (isMarked(field)) return true;
      const inner = messageTypeOf(field);
      if (inner !== undefined) seen.add(inner);
    }
  }
  return false;
}

function isMarked(field: protobuf.Field): boolean {
  if (protoOption(field, OPTION) !== true) return false;
  if (field.repeated || field.map || !isNumberKind(field.type)) {
    throw new UsageError(`${field.fullName.slice(1)}: ${OPTION} is for one number; take it away`);
  }
  return true;
}

function messageTypeOf(field: protobuf.Field): protobuf.Type | undefined {
  const { resolvedType } = field.resolve();
  return resolvedType instanceof protobuf.Type ? resolvedType : undefined;
}

function isNumberKind(kind: string): kind is NumberKind {
  return Object.hasOwn(WIRE_TYPES, kind);
}
