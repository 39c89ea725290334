import type protobuf from 'protobufjs';
import { PassbandError } from '../../errors.ts';
import { MAX_MESSAGE_DEPTH, type Message, newMessage, type Scalar } from './message.ts';
import type { FieldPlan, MessagePlan } from './plan.ts';
import { entryPlan, isPacked, messageBytes, skipPacked, stringValue, type Visit, walkFields } from './wire.ts';

/**
 * What a decision may look at of a message that is passed on as bytes: its single scalars and messages. Bytes and packed
 * lists are skipped over, so that a frame of samples costs no more than its header; lists of messages and maps are
 * looked through and not kept.
 *
 * Bytes that two decoders could read differently are refused, in whichever part they stand: the backend's decoder is not
 * known here, and what it reads has to be what was decided on.
 *
 * @throws PassbandError INVALID_ARGUMENT when the bytes are no such message.
 */
export function viewMessage(plan: MessagePlan, bytes: Uint8Array): Message {
  try {
    return view(plan, bytes, newMessage(), 0);
  } catch (cause) {
    throw new PassbandError('INVALID_ARGUMENT', `the body is no valid ${plan.fullName} in protobuf`, { cause });
  }
}

function view(plan: MessagePlan, bytes: Uint8Array, message: Message, depth: number): Message {
  if (depth > MAX_MESSAGE_DEPTH) throw new RangeError('nested too deep');
  const visit: Visit = (field, reader, wireType) => {
    if (field.mapKey !== undefined) {
      view(entryPlan(field, field.mapKey), reader.bytes(), newMessage(), depth);
    } else if (field.repeated && field.kind === 'message') {
      view(field.message(), messageBytes(field, reader), newMessage(), depth + 1);
    } else if (isPacked(field, wireType)) {
      skipPacked(reader, field.kind);
    } else if (field.repeated || field.kind === 'bytes') {
      reader.skipType(wireType, 0, field.number);
    } else if (field.kind === 'message') {
      const known = (message[field.name] ?? newMessage()) as Message;
      message[field.name] = view(field.message(), messageBytes(field, reader), known, depth + 1);
    } else {
      const value = scalar(reader, field, field.kind);
      // A number that a closed enum does not name is an unknown field.
      if (field.enum?.closed === true && !field.enum.byNumber.has(Number(value))) return;
      message[field.name] = value;
    }
    if (field.oneof === undefined) return;
    for (const other of plan.oneofs.get(field.oneof) ?? []) if (other !== field) delete message[other.name];
  };
  walkFields(plan, bytes, visit, 'refuse');
  return message;
}

function scalar(
  reader: protobuf.Reader,
  field: FieldPlan,
  kind: Exclude<FieldPlan['kind'], 'message' | 'bytes'>,
): Scalar {
  switch (kind) {
    case 'string':
      return stringValue(reader, field.utf8);
    case 'int64':
    case 'uint64':
    case 'sint64':
    case 'fixed64':
    case 'sfixed64':
      return BigInt(reader[kind]().toString());
    case 'enum':
      return reader.int32();
    case 'bool':
      return plainBool(reader);
    default:
      return reader[kind]();
  }
}

/** A bool as every encoder writes it. Of a varint over 32 bits some decoders look at the lower half alone. */
function plainBool(reader: protobuf.Reader): boolean {
  const value = reader.uint64();
  if (Number(value) > 1) throw new RangeError('a bool is neither 0 nor 1');
  return Number(value) === 1;
}
