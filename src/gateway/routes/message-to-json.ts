import { PassbandError } from '../../errors.ts';
import { MAX_MESSAGE_DEPTH } from './message.ts';
import type { FieldPlan, MessagePlan } from './plan.ts';
import { base64, base64Text, scalarDefault } from './scalar-to-json.ts';
import { unprintable } from './well-known.ts';
import { PRINTERS } from './well-known-to-json.ts';
import { readSlots, type Slot } from './wire-slots.ts';

/**
 * Prints the wire form of a message as JSON (protobuf.dev/programming-guides/json), straight from the bytes: no message
 * object is made. Fields without presence that hold their default are left out, as the mapping asks.
 *
 * @throws PassbandError INTERNAL when the bytes are no such message: that is the backend's fault, not the caller's.
 */
export function printMessage(plan: MessagePlan, bytes: Uint8Array): string {
  return orInternal(() => print(plan, [bytes], 0));
}

/** A JSON text in parts, so that a long one need not be put together before it is encoded. */
export interface JsonText {
  readonly head: string;
  /** ASCII characters only. */
  readonly ascii: string;
  readonly tail: string;
}

/** Bytes from which a part of its own pays for their base64. */
const LONG_BYTES = 1536;

/** Like {@link printMessage}, with the first long `bytes` field of the top level as the part that is known to be ASCII. */
export function printMessageText(plan: MessagePlan, bytes: Uint8Array): JsonText {
  if (PRINTERS.has(plan.fullName)) return { head: printMessage(plan, bytes), ascii: '', tail: '' };
  return orInternal(() => {
    const text = { head: '{', ascii: '', tail: '' };
    let separator = '';
    for (const [field, slot] of shownFields(plan, [bytes], 0)) {
      const key = `${separator}${field.jsonKey}`;
      separator = ',';
      if (text.ascii !== '') text.tail += `${key}${slotText(field, slot, 0)}`;
      else if (slot instanceof Uint8Array && slot.length >= LONG_BYTES) {
        // The quotes are not part of it: to put them around would copy it.
        text.head += `${key}"`;
        text.ascii = base64(slot);
        text.tail = '"';
      } else text.head += `${key}${slotText(field, slot, 0)}`;
    }
    if (text.ascii === '') text.head += '}';
    else text.tail += '}';
    return text;
  });
}

/** Prints one field of a message alone, as `response_body` asks: its default (an unset message: null) when it is not there. */
export function printField(plan: MessagePlan, field: FieldPlan, bytes: Uint8Array): string {
  return orInternal(() => {
    const slot = readSlots(plan, [bytes])[field.index];
    if (slot !== undefined) return slotText(field, slot, 0);
    if (field.mapKey !== undefined) return '{}';
    return field.repeated ? '[]' : scalarDefault(field.kind, field.enum);
  });
}

/** An Any as JSON. One of a type that is not known keeps its bytes as base64 in `value`, so that nothing is lost. */
export function printAny(plan: Pick<MessagePlan, 'lookup'>, url: string, value: Uint8Array, depth = 0): string {
  const type = JSON.stringify(url);
  const name = url.slice(url.lastIndexOf('/') + 1);
  const inner = plan.lookup(name);
  if (inner === undefined) return `{"@type":${type},"value":"${Buffer.from(value).toString('base64')}"}`;
  if (PRINTERS.has(name)) return `{"@type":${type},"value":${print(inner, [value], depth + 1)}}`;
  const rest = members(inner, [value], depth + 1);
  return `{"@type":${type}${rest === '' ? '' : `,${rest}`}}`;
}

function orInternal<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof PassbandError) throw error;
    throw new PassbandError('INTERNAL', 'the backend sent a malformed message', { cause: error });
  }
}

function print(plan: MessagePlan, parts: readonly Uint8Array[], depth: number): string {
  const special = PRINTERS.get(plan.fullName);
  if (special === undefined) return `{${members(plan, parts, depth)}}`;
  return special(plan, slotsAt(plan, parts, depth), {
    value: (field, slot) => slotText(field, slot, depth),
    any: (url, value) => printAny(plan, url, value, depth),
  });
}

function members(plan: MessagePlan, parts: readonly Uint8Array[], depth: number): string {
  let text = '';
  for (const [field, slot] of shownFields(plan, parts, depth)) {
    text += `${text === '' ? '' : ','}${field.jsonKey}${slotText(field, slot, depth)}`;
  }
  return text;
}

type Held = Exclude<Slot, undefined>;

/** The fields that a message shows, with what the wire held of them, in the order of their numbers. */
function* shownFields(
  plan: MessagePlan,
  parts: readonly Uint8Array[],
  depth: number,
): Generator<readonly [FieldPlan, Held]> {
  const slots = slotsAt(plan, parts, depth);
  for (const field of plan.fields) {
    const slot = slots[field.index];
    if (slot !== undefined && !isAbsent(field, slot)) yield [field, slot];
  }
}

function slotsAt(plan: MessagePlan, parts: readonly Uint8Array[], depth: number): Slot[] {
  if (depth > MAX_MESSAGE_DEPTH) throw unprintable(`nested deeper than ${MAX_MESSAGE_DEPTH}`);
  return readSlots(plan, parts);
}

/** An empty list, no bytes, or the default of a field that cannot tell it from "not set". */
function isAbsent(field: FieldPlan, slot: Held): boolean {
  if (field.presence || slot instanceof Map) return false;
  return typeof slot === 'string' ? slot === scalarDefault(field.kind, field.enum) : slot.length === 0;
}

function slotText(field: FieldPlan, slot: Held, depth: number): string {
  if (typeof slot === 'string') return slot;
  if (slot instanceof Uint8Array) return base64Text(slot);
  if (slot instanceof Map) {
    const entries = [...slot].map(([key, value]) => {
      return `${key}:${typeof value === 'string' ? value : print(field.message(), [value], depth + 1)}`;
    });
    return `{${entries.join(',')}}`;
  }
  if (field.kind !== 'message') return `[${slot.join(',')}]`;
  const parts = slot as Uint8Array[];
  if (field.repeated) return `[${parts.map((part) => print(field.message(), [part], depth + 1)).join(',')}]`;
  return print(field.message(), parts, depth + 1);
}
