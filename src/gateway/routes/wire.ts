import { isUtf8 } from 'node:buffer';
import protobuf from 'protobufjs';
import { GROUP_END, GROUP_START, WIRE_TYPE } from './message.ts';
import { type FieldPlan, isPackable, type MessagePlan, type ScalarKind } from './plan.ts';

/** Takes one value of a field off the reader. */
export type Visit = (field: FieldPlan, reader: protobuf.Reader, wireType: number) => void;

/**
 * Walks over the fields of a message in their order on the wire. Fields that the plan does not know are skipped, and so
 * are those whose framing is not theirs, unless `misframed` says otherwise: to the specification they are unknown fields.
 *
 * @param misframed `refuse` where another reader will follow: some decoders (protobufjs before 8, protobuf-es) take the
 * bytes for a value of the field all the same, and would read a message that nobody here has seen.
 * @throws Error or RangeError (protobufjs's own) when the bytes are not a message.
 */
export function walkFields(
  plan: MessagePlan,
  bytes: Uint8Array,
  visit: Visit,
  misframed: 'skip' | 'refuse' = 'skip',
): void {
  const reader = protobuf.Reader.create(bytes);
  while (reader.pos < reader.len) {
    if (misframed === 'refuse') refuseOddVarint(reader);
    const tag = reader.tag();
    const wireType = tag & 7;
    const field = plan.byNumber.get(tag >>> 3);
    if (misframed === 'refuse' && wireType === LENGTH) refuseOddVarint(reader);
    if (field !== undefined && fits(field, wireType)) visit(field, reader, wireType);
    else if (field !== undefined && misframed === 'refuse')
      throw new RangeError(`field ${field.number} is framed wrongly`);
    else if (misframed === 'refuse' && wireType === GROUP_START) {
      walkFields(NOTHING_KNOWN, groupBytes(tag >>> 3, reader), () => {}, misframed);
    } else reader.skipType(wireType, 0, tag >>> 3);
  }
}

/** Wire type of what has its length in front. */
const LENGTH = 2;

const NOTHING_KNOWN: MessagePlan = {
  fullName: '',
  fields: [],
  byNumber: new Map(),
  byName: new Map(),
  oneofs: new Map(),
  lookup: () => undefined,
};

/** Bytes of a varint of 32 bits, and of a negative one, which is written with 64. */
const VARINT32_BYTES = 5;
const VARINT64_BYTES = 10;

/**
 * Refuses a varint that has more bytes than 32 bits need, and fewer than 64 bits have, where 32 are read (tags, lengths,
 * numbers of 32 bits). No encoder writes one, and protobufjs before 8 steps over the bytes behind it.
 *
 * @throws RangeError
 */
export function refuseOddVarint({ buf, pos, len }: protobuf.Reader): void {
  let end = pos;
  while (end < len && (buf[end] ?? 0) >= 0x80) end++;
  const bytes = end - pos + 1;
  if (bytes > VARINT32_BYTES && bytes !== VARINT64_BYTES) throw new RangeError('a varint is longer than its number');
}

const entryPlans = new WeakMap<FieldPlan, MessagePlan>();

/** The message that each entry of a map field is on the wire: its key is field 1, its value field 2. */
export function entryPlan(field: FieldPlan, keyKind: ScalarKind): MessagePlan {
  const known = entryPlans.get(field);
  if (known !== undefined) return known;
  const value: FieldPlan = { ...field, name: 'value', number: 2, index: 1, mapKey: undefined, repeated: false };
  const key: FieldPlan = { ...value, name: 'key', number: 1, index: 0, kind: keyKind, enum: undefined };
  const plan: MessagePlan = {
    fullName: `${field.name} entry`,
    fields: [key, value],
    byNumber: new Map([key, value].map((part) => [part.number, part])),
    byName: new Map(),
    oneofs: new Map(),
    lookup: () => undefined,
  };
  entryPlans.set(field, plan);
  return plan;
}

/** Whether a field is one message, neither a list nor a map. */
export function isOneMessage(field: FieldPlan): boolean {
  return field.kind === 'message' && !field.repeated && field.mapKey === undefined;
}

function fits(field: FieldPlan, wireType: number): boolean {
  if (field.delimited) return wireType === GROUP_START;
  if (field.mapKey !== undefined) return wireType === WIRE_TYPE.message;
  return wireType === WIRE_TYPE[field.kind] || isPacked(field, wireType);
}

/** Whether a value of a repeated field is many at once; a sender may pack or not, whatever the proto says. */
export function isPacked(field: FieldPlan, wireType: number): boolean {
  return field.repeated && wireType === WIRE_TYPE.bytes && isPackable(field.kind);
}

/** The bytes of a message inside a message, by length or between group tags. */
export function messageBytes(field: FieldPlan, reader: protobuf.Reader): Uint8Array {
  return field.delimited ? groupBytes(field.number, reader) : reader.bytes();
}

function groupBytes(number: number, reader: protobuf.Reader): Uint8Array {
  const start = reader.pos;
  for (;;) {
    const end = reader.pos;
    const tag = reader.tag();
    if ((tag & 7) === GROUP_END) {
      if (tag >>> 3 !== number) throw new RangeError('a group ends with the tag of another');
      if (reader.pos - end > VARINT32_BYTES) throw new RangeError('a varint is longer than its number');
      return reader.buf.subarray(start, end);
    }
    reader.skipType(tag & 7, 0, tag >>> 3);
  }
}

/** Calls back for each value of a packed field. */
export function walkPacked(reader: protobuf.Reader, visit: () => void): void {
  const end = reader.size() + reader.pos;
  if (end > reader.len) throw new RangeError('a packed field is longer than its message');
  while (reader.pos < end) visit();
  if (reader.pos !== end) throw new RangeError('a packed field ends inside a value');
}

/**
 * The values of a packed field, whole.
 *
 * @throws RangeError when it ends inside a value: a decoder that reads on would take the next field's tag for the rest
 * of it, and find other fields behind it.
 */
export function packedBytes(reader: protobuf.Reader, kind: FieldPlan['kind']): Uint8Array {
  const packed = reader.bytes();
  const width = FIXED_BYTES[WIRE_TYPE[kind]];
  const whole = width === undefined ? (packed.at(-1) ?? 0) < 0x80 : packed.length % width === 0;
  if (!whole) throw new RangeError('a packed field ends inside a value');
  if (width === undefined && has32Bits(kind)) refuseOddVarints(packed);
  return packed;
}

function refuseOddVarints(packed: Uint8Array): void {
  let bytes = 0;
  for (const byte of packed) {
    bytes++;
    if (byte >= 0x80) continue;
    if (bytes > VARINT32_BYTES && bytes !== VARINT64_BYTES) throw new RangeError('a varint is longer than its number');
    bytes = 0;
  }
}

/** Whether a kind is read from the first 32 bits of a varint. */
export function has32Bits(kind: FieldPlan['kind']): boolean {
  return kind === 'int32' || kind === 'uint32' || kind === 'sint32' || kind === 'enum' || kind === 'bool';
}

/** Bytes of a value by its wire type, where all have as many. */
const FIXED_BYTES: Readonly<Partial<Record<number, number>>> = { 1: 8, 5: 4 };

/** A string; where its field asks for it, one that is not UTF-8 is refused and not mended. */
export function stringValue(reader: protobuf.Reader, utf8: boolean): string {
  const start = reader.pos;
  const text = reader.string();
  // A mended string has U+FFFD; a string with an honest U+FFFD is valid all the same.
  if (utf8 && text.includes('\ufffd') && !isUtf8(afterLength(reader.buf.subarray(start, reader.pos)))) {
    throw new RangeError('a string is not UTF-8');
  }
  return text;
}

function afterLength(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(bytes.findIndex((byte) => byte < 0x80) + 1);
}
