import protobuf from 'protobufjs';
import { GROUP_END, GROUP_START, MAX_MESSAGE_DEPTH, WIRE_TYPE } from './message.ts';
import type { FieldPlan, MessagePlan } from './plan.ts';
import { fits, type Visit } from './wire.ts';

/**
 * Walks over the fields of a message in their order on the wire, as somebody whose bytes another decoder reads afterwards.
 * What two decoders could read differently is refused, in fields that the plan does not know as well: a wrong framing (some
 * decoders, protobufjs before 8 and protobuf-es, take the bytes for a value of the field all the same), and varints that are
 * longer than what they stand for.
 *
 * @throws Error or RangeError (also protobufjs's own).
 */
export function walkStrictly(plan: MessagePlan, bytes: Uint8Array, visit: Visit): void {
  const reader = protobuf.Reader.create(bytes);
  while (reader.pos < reader.len) walkField(plan, reader, reader.tag(), visit, 0);
}

/**
 * The same for a message inside a message, by length or between group tags. A group is read where it stands: were its end
 * looked for first, groups inside groups would be read once for each of them.
 */
export function walkMessageStrictly(field: FieldPlan, reader: protobuf.Reader, visit: Visit): void {
  if (field.delimited) walkGroup(field.message(), field.number, reader, visit, 0);
  else walkStrictly(field.message(), reader.bytes(), visit);
}

/** @param depth groups around it that the plan does not know. */
function walkField(plan: MessagePlan, reader: protobuf.Reader, tag: number, visit: Visit, depth: number): void {
  const number = tag >>> 3;
  const wireType = tag & 7;
  const field = plan.byNumber.get(number);
  if (field !== undefined) {
    if (!fits(field, wireType)) throw new RangeError(`field ${number} is framed wrongly`);
    visit(field, reader, wireType);
  } else if (wireType === GROUP_START) walkGroup(NOTHING_KNOWN, number, reader, () => {}, depth + 1);
  else reader.skipType(wireType, 0, number);
}

function walkGroup(plan: MessagePlan, number: number, reader: protobuf.Reader, visit: Visit, depth: number): void {
  if (depth > MAX_MESSAGE_DEPTH) throw new RangeError('nested too deep');
  for (;;) {
    const tag = reader.tag();
    if ((tag & 7) !== GROUP_END) walkField(plan, reader, tag, visit, depth);
    else if (tag >>> 3 === number) return;
    else throw new RangeError('a group ends with the tag of another');
  }
}

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
 * Refuses a varint that has more bytes than 32 bits need, and fewer than 64 bits have, where a number of 32 is read. No encoder
 * writes one, and protobufjs before 8 steps over the bytes behind it. (Such tags and lengths the reader refuses by itself.)
 *
 * @throws RangeError
 */
export function refuseOddVarint({ buf, pos, len }: protobuf.Reader): void {
  let end = pos;
  while (end < len && (buf[end] ?? 0) >= 0x80) end++;
  refuseOddLength(end - pos + 1);
}

function refuseOddLength(bytes: number): void {
  if (bytes > VARINT32_BYTES && bytes !== VARINT64_BYTES) throw new RangeError('a varint is longer than its number');
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
    refuseOddLength(bytes);
    bytes = 0;
  }
}

/** Whether a kind is read from the first 32 bits of a varint. */
export function has32Bits(kind: FieldPlan['kind']): boolean {
  return kind === 'int32' || kind === 'uint32' || kind === 'sint32' || kind === 'enum' || kind === 'bool';
}

/** Bytes of a value by its wire type, where all have as many. */
const FIXED_BYTES: Readonly<Partial<Record<number, number>>> = { 1: 8, 5: 4 };
