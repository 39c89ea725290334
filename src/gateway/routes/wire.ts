import { isUtf8 } from 'node:buffer';
import protobuf from 'protobufjs';
import { GROUP_END, GROUP_START, WIRE_TYPE } from './message.ts';
import { type FieldPlan, isPackable, type MessagePlan, type ScalarKind } from './plan.ts';

/** Takes one value of a field off the reader. */
export type Visit = (field: FieldPlan, reader: protobuf.Reader, wireType: number) => void;

/**
 * Walks over the fields of a message in their order on the wire. Fields that the plan does not know are skipped, and so
 * are those whose framing is not theirs: to the specification they are unknown fields.
 *
 * @throws Error or RangeError (protobufjs's own) when the bytes are not a message.
 */
export function walkFields(plan: MessagePlan, bytes: Uint8Array, visit: Visit): void {
  const reader = protobuf.Reader.create(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.tag();
    const wireType = tag & 7;
    const field = plan.byNumber.get(tag >>> 3);
    if (field !== undefined && fits(field, wireType)) visit(field, reader, wireType);
    else reader.skipType(wireType, 0, tag >>> 3);
  }
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

/** Whether a wire type is one that values of a field have. */
export function fits(field: FieldPlan, wireType: number): boolean {
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
  if (!field.delimited) return reader.bytes();
  const start = reader.pos;
  for (;;) {
    const end = reader.pos;
    const tag = reader.tag();
    if ((tag & 7) === GROUP_END) {
      if (tag >>> 3 !== field.number) throw new RangeError('a group ends with the tag of another');
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
