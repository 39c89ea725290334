import protobuf from 'protobufjs';
import type { FieldPlan, MessagePlan, ScalarKind } from './plan.ts';

/** A scalar of a message: 64-bit integers are bigint, enums are their numbers. */
export type Scalar = string | number | bigint | boolean | Uint8Array;

/** What a field of a message may hold. */
export type FieldValue = Scalar | Message | readonly (Scalar | Message)[] | ReadonlyMap<Scalar, Scalar | Message>;

/** A message while it is bound: its set fields by proto name. The decision and the encoder read the same object. */
export interface Message {
  [field: string]: FieldValue;
}

/** An empty message. It has no prototype, so that no field name can reach one. */
export function newMessage(): Message {
  return Object.create(null) as Message;
}

const WIRE_TYPE: Readonly<Record<ScalarKind | 'message', number>> = {
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

/** The wire form of a message, fields in ascending order; defaults of fields without presence are left out. */
export function encodeMessage(plan: MessagePlan, message: Message): Buffer {
  const writer = protobuf.Writer.create();
  writeFields(writer, plan, message);
  const bytes = writer.finish();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function writeFields(writer: protobuf.Writer, plan: MessagePlan, message: Message): void {
  for (const field of plan.fields) {
    const value = message[field.name];
    if (value === undefined) continue;
    if (field.mapKey !== undefined)
      writeMap(writer, field, field.mapKey, value as ReadonlyMap<Scalar, Scalar | Message>);
    else if (field.repeated) writeRepeated(writer, field, value as readonly (Scalar | Message)[]);
    else if (field.presence || !isDefault(value)) writeOne(writer, field.number, field, value as Scalar | Message);
  }
}

function isDefault(value: FieldValue): boolean {
  if (value instanceof Uint8Array) return value.length === 0;
  // -0 is not the default: its bits are not all zero.
  return value === '' || value === false || value === 0n || Object.is(value, 0);
}

function writeMap(
  writer: protobuf.Writer,
  field: FieldPlan,
  keyKind: ScalarKind,
  entries: ReadonlyMap<Scalar, Scalar | Message>,
): void {
  for (const [key, value] of entries) {
    writer.uint32((field.number << 3) | 2).fork();
    writer.uint32((1 << 3) | WIRE_TYPE[keyKind]);
    writeScalar(writer, keyKind, key);
    writeOne(writer, 2, field, value);
    writer.ldelim();
  }
}

function writeRepeated(writer: protobuf.Writer, field: FieldPlan, values: readonly (Scalar | Message)[]): void {
  if (values.length === 0) return;
  if (!field.packed || field.kind === 'message') {
    for (const value of values) writeOne(writer, field.number, field, value);
    return;
  }
  writer.uint32((field.number << 3) | 2).fork();
  for (const value of values) writeScalar(writer, field.kind, value as Scalar);
  writer.ldelim();
}

function writeOne(writer: protobuf.Writer, number: number, field: FieldPlan, value: Scalar | Message): void {
  writer.uint32((number << 3) | WIRE_TYPE[field.kind]);
  if (field.kind !== 'message') {
    writeScalar(writer, field.kind, value as Scalar);
    return;
  }
  writer.fork();
  writeFields(writer, field.message(), value as Message);
  writer.ldelim();
}

function writeScalar(writer: protobuf.Writer, kind: ScalarKind, value: Scalar): void {
  if (typeof value === 'bigint') {
    const bits = {
      low: Number(BigInt.asIntN(32, value)),
      high: Number(BigInt.asIntN(32, value >> 32n)),
      unsigned: false,
    };
    writer[kind as 'int64'](bits as unknown as protobuf.Long);
  } else if (kind === 'enum') {
    writer.int32(value as number);
  } else {
    // Each kind is the name of the writer's method that takes the kind's own JavaScript type.
    (writer[kind] as (value: Scalar) => protobuf.Writer)(value);
  }
}
