import protobuf from 'protobufjs';
import { type FieldPlan, isPackable, type MessagePlan, type ScalarKind } from './plan.ts';
import { invalid } from './scalar.ts';

/** A scalar of a message: 64-bit integers are bigint, enums are their numbers. */
export type Scalar = string | number | bigint | boolean | Uint8Array;

/**
 * What a field of a message may hold. A map's keys are texts, whatever their kind: a Map finds numbers by digests that anybody
 * can work out, and keys that all have one would be looked through one by one for each of them.
 */
export type FieldValue = Scalar | Message | readonly (Scalar | Message)[] | ReadonlyMap<string, Scalar | Message>;

/** A message while it is bound: its set fields by proto name. The decision and the encoder read the same object. */
export interface Message {
  [field: string]: FieldValue;
}

/** Tags around a message of a delimited field. */
export const GROUP_START = 3;
export const GROUP_END = 4;

/** An empty message. It has no prototype, so that no field name can reach one. */
export function newMessage(): Message {
  return Object.create(null) as Message;
}

/** Messages inside a message that is read from the wire: an empty one takes two bytes there and a hundred of memory. */
export const MAX_MESSAGES = 65_536;

/** Nesting of messages on the wire; protobuf's own limit, which backends keep too. */
export const MAX_MESSAGE_DEPTH = 100;

/** How the fields of a message are framed on the wire, by kind. */
export const WIRE_TYPE: Readonly<Record<ScalarKind | 'message', number>> = {
  double: 1,
  float: 5,
  int32: 0,
  uint32: 0,
  sint32: 0,
  fixed32: 5,
  sfixed32: 5,
  int64: 0,
  uint64: 0,
  sint64: 0,
  fixed64: 1,
  sfixed64: 1,
  bool: 0,
  string: 2,
  bytes: 2,
  enum: 0,
  message: 2,
};

/**
 * The wire form of a message, fields in ascending order; defaults of fields without presence are left out.
 *
 * @throws PassbandError INVALID_ARGUMENT when a required field is missing or messages nest too deep.
 */
export function encodeMessage(plan: MessagePlan, message: Message): Buffer {
  return encode(plan, message, false);
}

/**
 * The wire form of the given fields, to be appended to another message of the same type: there they win, so a default
 * is written as well, and what is required may stand in the other part.
 */
export function encodeOverride(plan: MessagePlan, message: Message): Buffer {
  return encode(plan, message, true);
}

function encode(plan: MessagePlan, message: Message, override: boolean): Buffer {
  const encoder = new Encoder(override);
  encoder.fields(plan, message, 0);
  const bytes = encoder.writer.finish();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** True for the value that a field without presence has when it is not set. */
export function isDefault(value: FieldValue): boolean {
  if (value instanceof Uint8Array) return value.length === 0;
  // -0 is not the default: its bits are not all zero.
  return value === '' || value === false || value === 0n || Object.is(value, 0);
}

class Encoder {
  readonly writer = protobuf.Writer.create();
  private readonly override: boolean;

  constructor(override: boolean) {
    this.override = override;
  }

  fields(plan: MessagePlan, message: Message, depth: number): void {
    if (depth > MAX_MESSAGE_DEPTH) throw invalid('body', `nests messages deeper than ${MAX_MESSAGE_DEPTH}`);
    for (const field of plan.fields) {
      const value = message[field.name];
      if (value === undefined) {
        if (field.required && !this.override) throw invalid(field.jsonName, `is required in ${plan.fullName}`);
      } else if (field.mapKey !== undefined) {
        this.map(field, field.mapKey, value as ReadonlyMap<string, Scalar | Message>, depth);
      } else if (field.repeated) this.repeated(field, value as readonly (Scalar | Message)[], depth);
      else if (field.presence || this.override || !isDefault(value)) {
        this.one(field.number, field, value as Scalar | Message, depth);
      }
    }
  }

  private map(
    field: FieldPlan,
    keyKind: ScalarKind,
    entries: ReadonlyMap<string, Scalar | Message>,
    depth: number,
  ): void {
    for (const [key, value] of entries) {
      this.tag(field.number, 2).fork();
      writeScalar(this.tag(1, WIRE_TYPE[keyKind]), keyKind, keyValue(keyKind, key));
      this.one(2, field, value, depth);
      this.writer.ldelim();
    }
  }

  private repeated(field: FieldPlan, values: readonly (Scalar | Message)[], depth: number): void {
    if (values.length === 0) return;
    if (!field.packed || !isPackable(field.kind)) {
      for (const value of values) this.one(field.number, field, value, depth);
      return;
    }
    this.tag(field.number, 2).fork();
    for (const value of values) writeScalar(this.writer, field.kind, value as Scalar);
    this.writer.ldelim();
  }

  private one(number: number, field: FieldPlan, value: Scalar | Message, depth: number): void {
    if (field.kind !== 'message') {
      writeScalar(this.tag(number, WIRE_TYPE[field.kind]), field.kind, value as Scalar);
    } else if (field.delimited) {
      this.tag(number, GROUP_START);
      this.fields(field.message(), value as Message, depth + 1);
      this.tag(number, GROUP_END);
    } else {
      this.tag(number, WIRE_TYPE.message).fork();
      this.fields(field.message(), value as Message, depth + 1);
      this.writer.ldelim();
    }
  }

  private tag(number: number, wireType: number): protobuf.Writer {
    return this.writer.uint32((number << 3) | wireType);
  }
}

/** The key that a text in a map stands for. */
function keyValue(kind: ScalarKind, text: string): Scalar {
  if (kind === 'string') return text;
  if (kind === 'bool') return text === 'true';
  return isLongKind(kind) ? BigInt(text) : Number(text);
}

/** Kinds whose values are bigint here. */
type LongKind = Extract<ScalarKind, `${string}64`>;

function isLongKind(kind: ScalarKind): kind is LongKind {
  return kind.endsWith('64');
}

/** The 64 bits of a value as protobufjs takes them; most values fit a double, which is far quicker. */
function longOf(value: bigint): protobuf.Long | number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  const [low = 0, high = 0] = [value, value >> 32n].map((bits) => Number(BigInt.asUintN(32, bits)));
  return new protobuf.util.LongBits(low, high).toLong();
}

function writeScalar(writer: protobuf.Writer, kind: ScalarKind, value: Scalar): void {
  if (typeof value === 'bigint' && isLongKind(kind)) writer[kind](longOf(value));
  else if (kind === 'enum') writer.int32(value as number);
  // Each kind is the name of the writer's method that takes the kind's own JavaScript type.
  else (writer[kind] as (value: Scalar) => protobuf.Writer)(value);
}
