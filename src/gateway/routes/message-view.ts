import protobuf from 'protobufjs';
import { PassbandError } from '../../errors.ts';
import { MAX_VIEWED_BYTES, MAX_VIEWED_ELEMENTS } from '../../request-view.ts';
import { type FieldValue, MAX_MESSAGE_DEPTH, MAX_MESSAGES, type Message, newMessage, type Scalar } from './message.ts';
import type { EnumPlan, FieldPlan, MessagePlan } from './plan.ts';
import { invalid } from './scalar.ts';
import { has32Bits, packedBytes, refuseOddVarint, walkMessageStrictly, walkStrictly } from './strict-wire.ts';
import { entryPlan, isPacked, stringValue, type Visit } from './wire.ts';

/**
 * What a decision may look at of a message that is passed on as bytes. Of lists, maps and bytes no more is kept than a
 * decision looks at, and one more, which tells it that there are too many: a frame of samples costs little more than its
 * header.
 *
 * Bytes that two decoders could read differently are refused, in whichever part they stand: the backend's decoder is not
 * known here, and what it reads has to be what was decided on.
 *
 * @throws PassbandError INVALID_ARGUMENT when the bytes are no such message.
 */
export function viewMessage(plan: MessagePlan, bytes: Uint8Array): Message {
  try {
    return view((visit) => walkStrictly(plan, bytes, visit), 0, { messages: 0 });
  } catch (cause) {
    if (cause instanceof PassbandError) throw cause;
    throw new PassbandError('INVALID_ARGUMENT', `the body is no valid ${plan.fullName} in protobuf`, { cause });
  }
}

/** Calls back for each value of a message. */
type Walk = (visit: Visit) => void;

function view(walk: Walk, depth: number, count: { messages: number }): Message {
  const message = newMessage();
  const given = new Set<FieldPlan>();
  /** What each oneof holds. */
  const members = new Map<string, FieldPlan>();
  if (depth > MAX_MESSAGE_DEPTH) throw new RangeError('nested too deep');
  if (++count.messages > MAX_MESSAGES) throw invalid('body', `has more than ${MAX_MESSAGES} messages`);
  const visit: Visit = (field, reader, wireType) => {
    if (field.mapKey !== undefined) {
      const entry = entryPlan(field, field.mapKey);
      const bytes = reader.bytes();
      const read = view((visitPart) => walkStrictly(entry, bytes, visitPart), depth, count);
      const { value = defaultOf(field.kind, field.enum) } = read;
      const key = String(read.key ?? defaultOf(field.mapKey));
      message[field.name] ??= new Map();
      const map = message[field.name] as Map<string, Scalar | Message>;
      if (map.has(key) && isMended(field, key)) throw new RangeError('keys of a map are not UTF-8');
      // Of entries with one key the last counts.
      if (map.has(key) || map.size <= MAX_VIEWED_ELEMENTS) map.set(key, value as Scalar | Message);
      if (field.kind === 'message') requireKind(field, value as Message);
    } else if (field.kind === 'message') {
      // By the specification the two are one; protobufjs before 8 takes the second alone.
      if (!field.repeated && given.has(field)) throw invalid(field.jsonName, 'is given twice');
      given.add(field);
      const inside: Walk = (visitPart) => walkMessageStrictly(field, reader, visitPart);
      const inner = view(inside, depth + 1, count);
      requireKind(field, inner);
      keep(message, field, inner);
    } else if (isPacked(field, wireType)) {
      const packed = protobuf.Reader.create(packedBytes(reader, field.kind));
      for (let i = 0; i <= MAX_VIEWED_ELEMENTS && packed.pos < packed.len; i++) {
        keep(message, field, scalar(packed, field, field.kind));
      }
    } else if (field.kind === 'bytes' && isFull(message[field.name])) {
      reader.skip(reader.size());
    } else {
      if (has32Bits(field.kind)) refuseOddVarint(reader);
      keep(message, field, scalar(reader, field, field.kind));
    }
    if (field.oneof === undefined) return;
    const member = members.get(field.oneof) ?? field;
    members.set(field.oneof, member);
    // By the specification the last one counts; protobufjs before 8 keeps both.
    if (member !== field) {
      throw invalid(field.jsonName, `excludes "${member.jsonName}"; give one of the two (oneof ${field.oneof})`);
    }
  };
  walk(visit);
  return message;
}

function keep(message: Message, field: FieldPlan, value: Scalar | Message): void {
  if (!field.repeated) {
    message[field.name] = value;
    return;
  }
  message[field.name] ??= [];
  const list = message[field.name] as (Scalar | Message)[];
  if (!isFull(list)) list.push(value);
}

/** Whether a field is a list of which no more is kept. */
function isFull(value: FieldValue | undefined): boolean {
  return Array.isArray(value) && value.length > MAX_VIEWED_ELEMENTS;
}

/** A google.protobuf.Value without a kind is an error by its proto, which most decoders let pass, and null to protobuf-es. */
function requireKind(field: FieldPlan, value: Message): void {
  if (field.message().fullName !== 'google.protobuf.Value' || Object.keys(value).length > 0) return;
  throw invalid(field.jsonName, 'is of no kind; give one, null at least');
}

/** Whether a key may have been other bytes, which proto2 lets through: mended alike, two of them are one here alone. */
function isMended({ utf8 }: FieldPlan, key: string): boolean {
  return !utf8 && key.includes('\ufffd');
}

/** What a part of a map's entry is that is not there. */
function defaultOf(kind: FieldPlan['kind'], known?: EnumPlan): Scalar | Message {
  if (kind === 'message') return newMessage();
  // Of an enum that begins with another number some decoders take that, some 0, and protobufjs leaves the entry out.
  if (kind === 'enum' && known?.defaultNumber !== 0) throw new RangeError('an entry of a map has no value');
  if (kind === 'bytes') return new Uint8Array();
  if (kind === 'string') return '';
  if (kind === 'bool') return false;
  return kind.endsWith('64') ? 0n : 0;
}

function scalar(reader: protobuf.Reader, field: FieldPlan, kind: Exclude<FieldPlan['kind'], 'message'>): Scalar {
  switch (kind) {
    case 'bytes':
      return viewedBytes(reader);
    case 'string':
      return stringValue(reader, field.utf8);
    case 'int64':
    case 'uint64':
    case 'sint64':
    case 'fixed64':
    case 'sfixed64':
      return bigintOf(reader[kind]());
    case 'enum':
      return enumNumber(reader, field.enum);
    case 'bool':
      return plainBool(reader);
    default:
      return reader[kind]();
  }
}

/** Copied: what is decided on may be kept for long, and must not keep all of a body with it. */
function viewedBytes(reader: protobuf.Reader): Uint8Array {
  const length = reader.size();
  const start = reader.pos;
  reader.skip(length);
  // The slice of a Buffer is none of its own.
  return Uint8Array.prototype.slice.call(reader.buf, start, start + Math.min(length, MAX_VIEWED_BYTES + 1));
}

/**
 * A number that a closed enum does not name is an unknown field to some decoders, and a value to others (Go, C#). Any number of
 * google.protobuf.NullValue is null to those that read it as JSON (protobuf-es), and a number of its own to others.
 */
function enumNumber(reader: protobuf.Reader, known: EnumPlan | undefined): number {
  const number = reader.int32();
  const isClosed = known?.closed === true || known?.fullName === 'google.protobuf.NullValue';
  if (isClosed && !known.byNumber.has(number)) throw new RangeError('the enum has no such value');
  return number;
}

/** A bool as every encoder writes it. Of a varint over 32 bits some decoders look at the lower half alone. */
function plainBool(reader: protobuf.Reader): boolean {
  const { low, high } = reader.uint64();
  if (high !== 0 || (low !== 0 && low !== 1)) throw new RangeError('a bool is neither 0 nor 1');
  return low === 1;
}

/** Its halves put together; over their decimal digits it would take five times as long. */
function bigintOf({ low, high, unsigned }: protobuf.Long): bigint {
  if (high === 0) return BigInt(low >>> 0);
  return (BigInt(unsigned ? high >>> 0 : high) << 32n) | BigInt(low >>> 0);
}
