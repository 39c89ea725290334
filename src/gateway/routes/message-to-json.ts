import protobuf from 'protobufjs';
import { PassbandError } from '../../errors.ts';
import type { FieldPlan, MessagePlan, ScalarKind } from './plan.ts';
import { scalarDefault, scalarText } from './scalar-to-json.ts';
import { formatDuration, formatFieldMask, formatTimestamp, unprintable } from './well-known.ts';

/** Nesting of messages on the wire; protobuf's own default. */
const MAX_MESSAGE_DEPTH = 100;

/** Scalar kinds of a fixed width or varint, which a sender may pack. */
const PACKABLE = (kind: FieldPlan['kind']): kind is Exclude<ScalarKind, 'string' | 'bytes'> =>
  kind !== 'string' && kind !== 'bytes' && kind !== 'message';

/** What the wire held of one field: JSON texts of its values, or the bytes of a message that may come in parts. */
type Slot = string | string[] | Map<string, string> | Uint8Array | undefined;

/**
 * Prints the wire form of a message as JSON (protobuf.dev/programming-guides/json), straight from the bytes: no message
 * object is made. Fields without presence that hold their default are left out, as the mapping asks.
 *
 * @throws PassbandError INTERNAL when the bytes are no such message: that is the backend's fault, not the caller's.
 */
export function printMessage(plan: MessagePlan, bytes: Uint8Array): string {
  try {
    return print(plan, bytes, 0);
  } catch (error) {
    if (error instanceof PassbandError) throw error;
    throw new PassbandError('INTERNAL', 'the backend sent a malformed message', { cause: error });
  }
}

/** Prints one field of a message alone, as `response_body` asks: its default (an unset message: null) when it is not there. */
export function printField(plan: MessagePlan, field: FieldPlan, bytes: Uint8Array): string {
  try {
    const slot = readSlots(plan, bytes, 0)[plan.fields.indexOf(field)];
    if (slot !== undefined) return slotText(field, slot, 0);
    if (field.mapKey !== undefined) return '{}';
    if (field.repeated) return '[]';
    return field.kind === 'message' ? 'null' : scalarDefault(field.kind, field.enum);
  } catch (error) {
    if (error instanceof PassbandError) throw error;
    throw new PassbandError('INTERNAL', 'the backend sent a malformed message', { cause: error });
  }
}

function print(plan: MessagePlan, bytes: Uint8Array, depth: number): string {
  if (depth > MAX_MESSAGE_DEPTH) throw unprintable(`nested deeper than ${MAX_MESSAGE_DEPTH}`);
  const special = Object.hasOwn(WELL_KNOWN, plan.fullName) ? WELL_KNOWN[plan.fullName] : undefined;
  if (special !== undefined) return special(plan, bytes, depth);
  return `{${members(plan, bytes, depth)}}`;
}

function members(plan: MessagePlan, bytes: Uint8Array, depth: number): string {
  const slots = readSlots(plan, bytes, depth);
  let text = '';
  for (const [index, field] of plan.fields.entries()) {
    const slot = slots[index];
    if (slot === undefined) continue;
    const value = slotText(field, slot, depth);
    if (!field.presence && typeof slot === 'string' && value === scalarDefault(field.kind as ScalarKind, field.enum)) {
      continue;
    }
    text += `${text === '' ? '' : ','}${JSON.stringify(field.jsonName)}:${value}`;
  }
  return text;
}

function slotText(field: FieldPlan, slot: Exclude<Slot, undefined>, depth: number): string {
  if (typeof slot === 'string') return slot;
  if (Array.isArray(slot)) return `[${slot.join(',')}]`;
  if (slot instanceof Map) return `{${[...slot].map(([key, value]) => `${key}:${value}`).join(',')}}`;
  return print(field.message(), slot, depth + 1);
}

function readSlots(plan: MessagePlan, bytes: Uint8Array, depth: number): Slot[] {
  const reader = protobuf.Reader.create(bytes);
  const slots: Slot[] = new Array(plan.fields.length).fill(undefined);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const field = plan.byNumber.get(tag >>> 3);
    const wireType = tag & 7;
    if (field === undefined) {
      reader.skipType(wireType);
      continue;
    }
    const index = plan.fields.indexOf(field);
    slots[index] = readField(reader, field, wireType, slots[index], depth);
    if (field.oneof !== undefined) clearSiblings(plan, field, slots);
  }
  return slots;
}

/** The last member of a oneof on the wire is the one that counts. */
function clearSiblings(plan: MessagePlan, field: FieldPlan, slots: Slot[]): void {
  for (const [index, other] of plan.fields.entries()) {
    if (other !== field && other.oneof === field.oneof) slots[index] = undefined;
  }
}

function readField(reader: protobuf.Reader, field: FieldPlan, wireType: number, slot: Slot, depth: number): Slot {
  if (field.mapKey !== undefined) {
    const entries = slot instanceof Map ? slot : new Map<string, string>();
    const [key, value] = readMapEntry(reader.bytes(), field, field.mapKey, depth);
    return entries.set(key, value);
  }
  if (field.repeated) {
    const values = Array.isArray(slot) ? slot : [];
    if (wireType === 2 && PACKABLE(field.kind)) readPacked(reader, field, values);
    else values.push(readElement(reader, field, depth));
    return values;
  }
  if (field.kind === 'message') {
    const part = reader.bytes();
    // Parts of one message merge, and their concatenation is that merge.
    return slot instanceof Uint8Array ? Buffer.concat([slot, part]) : part;
  }
  return scalarText(reader, field.kind, field.enum);
}

function readPacked(reader: protobuf.Reader, field: FieldPlan, values: string[]): void {
  const end = reader.uint32() + reader.pos;
  if (end > reader.len) throw new RangeError('a packed field is longer than its message');
  while (reader.pos < end) values.push(scalarText(reader, field.kind as ScalarKind, field.enum));
}

function readElement(reader: protobuf.Reader, field: FieldPlan, depth: number): string {
  return field.kind === 'message'
    ? print(field.message(), reader.bytes(), depth + 1)
    : scalarText(reader, field.kind, field.enum);
}

function readMapEntry(bytes: Uint8Array, field: FieldPlan, keyKind: ScalarKind, depth: number): [string, string] {
  const reader = protobuf.Reader.create(bytes);
  let key = scalarDefault(keyKind, undefined);
  let value: string | undefined;
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag >>> 3 === 1) key = scalarText(reader, keyKind, undefined);
    else if (tag >>> 3 === 2) value = readElement(reader, field, depth);
    else reader.skipType(tag & 7);
  }
  value ??=
    field.kind === 'message'
      ? print(field.message(), new Uint8Array(), depth + 1)
      : scalarDefault(field.kind, field.enum);
  return [key.startsWith('"') ? key : `"${key}"`, value];
}

/** The raw scalar fields of a small message, by number; later ones win. Only int64, int32, string and bytes. */
function rawFields(bytes: Uint8Array): Map<number, bigint | Uint8Array> {
  const reader = protobuf.Reader.create(bytes);
  const fields = new Map<number, bigint | Uint8Array>();
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if ((tag & 7) === 0) fields.set(tag >>> 3, BigInt(reader.int64().toString()));
    else if ((tag & 7) === 2) fields.set(tag >>> 3, reader.bytes());
    else reader.skipType(tag & 7);
  }
  return fields;
}

function secondsAndNanos(bytes: Uint8Array): { seconds: bigint; nanos: number } {
  const fields = rawFields(bytes);
  return {
    seconds: BigInt((fields.get(1) as bigint | undefined) ?? 0n),
    nanos: Number((fields.get(2) as bigint | undefined) ?? 0n),
  };
}

type Printer = (plan: MessagePlan, bytes: Uint8Array, depth: number) => string;

const onlyField: Printer = (plan, bytes, depth) => {
  const field = plan.fields[0];
  return field === undefined ? 'null' : printFieldAt(plan, field, bytes, depth);
};

function printFieldAt(plan: MessagePlan, field: FieldPlan, bytes: Uint8Array, depth: number): string {
  const slot = readSlots(plan, bytes, depth)[plan.fields.indexOf(field)];
  if (slot !== undefined) return slotText(field, slot, depth);
  return field.mapKey !== undefined
    ? '{}'
    : field.repeated
      ? '[]'
      : scalarDefault(field.kind as ScalarKind, field.enum);
}

/** Messages whose JSON form is not that of an ordinary message. */
const WELL_KNOWN: Readonly<Record<string, Printer>> = {
  'google.protobuf.Timestamp': (_, bytes) => JSON.stringify(formatTimestamp(secondsAndNanos(bytes))),
  'google.protobuf.Duration': (_, bytes) => JSON.stringify(formatDuration(secondsAndNanos(bytes))),
  'google.protobuf.FieldMask': (plan, bytes, depth) =>
    JSON.stringify(formatFieldMask(JSON.parse(onlyField(plan, bytes, depth)) as string[])),
  'google.protobuf.DoubleValue': onlyField,
  'google.protobuf.FloatValue': onlyField,
  'google.protobuf.Int64Value': onlyField,
  'google.protobuf.UInt64Value': onlyField,
  'google.protobuf.Int32Value': onlyField,
  'google.protobuf.UInt32Value': onlyField,
  'google.protobuf.BoolValue': onlyField,
  'google.protobuf.StringValue': onlyField,
  'google.protobuf.BytesValue': onlyField,
  'google.protobuf.Struct': onlyField,
  'google.protobuf.ListValue': onlyField,
  'google.protobuf.Value': (plan, bytes, depth) => {
    const slots = readSlots(plan, bytes, depth);
    const index = slots.findIndex((slot) => slot !== undefined);
    const field = plan.fields[index];
    const slot = slots[index];
    if (field === undefined || slot === undefined) throw unprintable('google.protobuf.Value is empty');
    const text = slotText(field, slot, depth);
    // NaN and the infinities are strings elsewhere; here that would change the kind of the value.
    if (field.kind === 'double' && text.startsWith('"'))
      throw unprintable('google.protobuf.Value holds no finite number');
    return text;
  },
  'google.protobuf.Any': (plan, bytes, depth) => {
    const fields = rawFields(bytes);
    const url = Buffer.from((fields.get(1) as Uint8Array | undefined) ?? []).toString('utf8');
    const value = (fields.get(2) as Uint8Array | undefined) ?? new Uint8Array();
    if (url === '' && value.length === 0) return '{}';
    return printAny(plan, url, value, depth);
  },
};

/** An Any as JSON. One of a type that is not known keeps its bytes as base64 in `value`, so that nothing is lost. */
export function printAny(plan: Pick<MessagePlan, 'lookup'>, url: string, value: Uint8Array, depth = 0): string {
  const type = JSON.stringify(url);
  const name = url.slice(url.lastIndexOf('/') + 1);
  const inner = plan.lookup(name);
  if (inner === undefined) return `{"@type":${type},"value":"${Buffer.from(value).toString('base64')}"}`;
  if (Object.hasOwn(WELL_KNOWN, name)) return `{"@type":${type},"value":${print(inner, value, depth + 1)}}`;
  const rest = members(inner, value, depth + 1);
  return `{"@type":${type}${rest === '' ? '' : `,${rest}`}}`;
}
