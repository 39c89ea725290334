import protobuf from 'protobufjs';
import { encodeOverride, GROUP_END, GROUP_START, type Message, newMessage, WIRE_TYPE } from './message.ts';
import type { FieldPlan, MessagePlan } from './plan.ts';
import { isOneMessage, messageBytes } from './wire.ts';

/**
 * The wire form of a message with other fields over it. Scalars are appended, since the last one counts; fields of a message
 * inside go into that message, since not every decoder (protobufjs before 8) puts two parts of one together.
 *
 * @param bytes a message that was walked over whole, in which no single message comes twice.
 */
export function overlay(plan: MessagePlan, bytes: Uint8Array, over: Message): Uint8Array {
  // Most bodies have no URL to add to them, and may be large.
  if (Object.keys(over).length === 0) return bytes;
  const behind = Object.assign(newMessage(), over);
  const parts: Uint8Array[] = [];
  const reader = protobuf.Reader.create(bytes);
  let copied = 0;
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const tag = reader.tag();
    const field = plan.byNumber.get(tag >>> 3);
    const inside = field && behind[field.name];
    if (field === undefined || inside === undefined || !isOneMessage(field)) {
      reader.skipType(tag & 7, 0, tag >>> 3);
      continue;
    }
    const inner = overlay(field.message(), messageBytes(field, reader), inside as Message);
    parts.push(bytes.subarray(copied, start), framed(field, inner));
    copied = reader.pos;
    delete behind[field.name];
  }
  return Buffer.concat([...parts, bytes.subarray(copied), encodeOverride(plan, behind)]);
}

/** The wire form of a message as a field of another. */
export function framed(field: FieldPlan, bytes: Uint8Array): Uint8Array {
  const tag = (wireType: number): number => (field.number << 3) | wireType;
  const before = protobuf.Writer.create();
  if (!field.delimited) return before.uint32(tag(WIRE_TYPE.message)).bytes(bytes).finish();
  const after = protobuf.Writer.create().uint32(tag(GROUP_END));
  return Buffer.concat([before.uint32(tag(GROUP_START)).finish(), bytes, after.finish()]);
}
