import type protobuf from 'protobufjs';
import type { FieldPlan, MessagePlan, ScalarKind } from './plan.ts';
import { scalarDefault, scalarText } from './scalar-to-json.ts';
import { entryPlan, isPacked, messageBytes, type Visit, walkFields, walkPacked } from './wire.ts';

/**
 * What the wire held of one field: the JSON text of a scalar; the texts of a repeated scalar; of `bytes` a view of them,
 * since a frame's samples are encoded where they are written; of a message the bytes of its parts (one message may come in
 * several); of a repeated message those of its elements; of a map the values by the JSON text of their keys.
 */
export type Slot = string | string[] | Uint8Array | Uint8Array[] | Map<string, string | Uint8Array> | undefined;

/**
 * The slots of a message, in the order of its plan's fields; fields that are not there are undefined.
 *
 * @param parts of the message, which are one after the other what they would be in one piece. They are not put together: each
 * message around one that came in parts would hold a copy of it.
 */
export function readSlots(plan: MessagePlan, parts: readonly Uint8Array[]): Slot[] {
  const slots: Slot[] = new Array(plan.fields.length).fill(undefined);
  const visit: Visit = (field, reader, wireType) => {
    const slot = readField(reader, field, wireType, slots[field.index]);
    slots[field.index] = slot;
    // The last member of a oneof on the wire is the one that counts.
    if (slot !== undefined && field.oneof !== undefined) {
      for (const other of plan.oneofs.get(field.oneof) ?? []) if (other !== field) slots[other.index] = undefined;
    }
  };
  for (const part of parts) walkFields(plan, part, visit);
  return slots;
}

function readField(reader: protobuf.Reader, field: FieldPlan, wireType: number, slot: Slot): Slot {
  const { kind } = field;
  if (field.mapKey !== undefined) {
    const entries = slot instanceof Map ? slot : new Map<string, string | Uint8Array>();
    readMapEntry(reader.bytes(), field, field.mapKey, entries);
    return entries;
  }
  if (kind === 'message') {
    const parts = (slot ?? []) as Uint8Array[];
    parts.push(messageBytes(field, reader));
    return parts;
  }
  if (kind === 'bytes' && !field.repeated) return reader.bytes();
  if (!field.repeated) return scalarText(reader, kind, field) ?? slot;
  const texts = (slot ?? []) as string[];
  const push = (): void => {
    const text = scalarText(reader, kind, field);
    if (text !== undefined) texts.push(text);
  };
  if (isPacked(field, wireType)) walkPacked(reader, push);
  else push();
  return texts;
}

/** The fields of a map entry are numbered 1 and 2; an absent one has its default. */
function readMapEntry(
  bytes: Uint8Array,
  field: FieldPlan,
  keyKind: ScalarKind,
  entries: Map<string, string | Uint8Array>,
): void {
  let key = scalarDefault(keyKind, undefined);
  let value: string | Uint8Array | undefined =
    field.kind === 'message' ? new Uint8Array() : scalarDefault(field.kind, field.enum);
  walkFields(entryPlan(field, keyKind), bytes, (part, reader) => {
    if (part.number === 1) key = scalarText(reader, keyKind, part) ?? key;
    else value = field.kind === 'message' ? reader.bytes() : scalarText(reader, field.kind, field);
  });
  if (value !== undefined) entries.set(key.startsWith('"') ? key : `"${key}"`, value);
}
