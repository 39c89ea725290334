import protobuf from 'protobufjs';

/** Scalar kinds of protobuf, and `enum`. */
export type ScalarKind =
  | 'double'
  | 'float'
  | 'int32'
  | 'uint32'
  | 'sint32'
  | 'fixed32'
  | 'sfixed32'
  | 'int64'
  | 'uint64'
  | 'sint64'
  | 'fixed64'
  | 'sfixed64'
  | 'bool'
  | 'string'
  | 'bytes'
  | 'enum';

/** Values of an enum, both ways. Aliases resolve to the first name of their number. */
export interface EnumPlan {
  readonly fullName: string;
  readonly byName: ReadonlyMap<string, number>;
  readonly byNumber: ReadonlyMap<number, string>;
}

/** What a request needs to know of a field, worked out once from its descriptor. */
export interface FieldPlan {
  readonly number: number;
  /** Name as written in the proto. */
  readonly name: string;
  /** Name in the JSON mapping: json_name, or lowerCamelCase. */
  readonly jsonName: string;
  readonly kind: ScalarKind | 'message';
  readonly repeated: boolean;
  /** Kind of the keys when this is a map field; kind and message then describe the values. */
  readonly mapKey: ScalarKind | undefined;
  /** True when the field knows "not set" from "default value". */
  readonly presence: boolean;
  readonly packed: boolean;
  /** Name of the oneof that it belongs to; synthetic ones of proto3 `optional` do not count. */
  readonly oneof: string | undefined;
  readonly enum: EnumPlan | undefined;
  /** Present when kind is `message`. Lazy, since messages may contain themselves. */
  readonly message: () => MessagePlan;
}

/** A message type, compiled for binding and printing. */
export interface MessagePlan {
  /** Full name without a leading dot. */
  readonly fullName: string;
  /** Ascending by number: the canonical order on the wire. */
  readonly fields: readonly FieldPlan[];
  readonly byNumber: ReadonlyMap<number, FieldPlan>;
  /** By proto name and by JSON name. */
  readonly byName: ReadonlyMap<string, FieldPlan>;
  /** Resolves the type of a google.protobuf.Any by full name. */
  readonly lookup: (fullName: string) => MessagePlan | undefined;
}

const plans = new WeakMap<protobuf.Type, MessagePlan>();

/** The plan of a message type; compiled at its first use and kept as long as the type. */
export function planOf(type: protobuf.Type): MessagePlan {
  const known = plans.get(type);
  if (known !== undefined) return known;
  const fields = type.fieldsArray.map(planField).sort((a, b) => a.number - b.number);
  const byName = new Map(fields.map((field) => [field.jsonName, field]));
  for (const field of fields) byName.set(field.name, field);
  const root = type.root;
  const plan: MessagePlan = {
    fullName: type.fullName.slice(1),
    fields,
    byNumber: new Map(fields.map((field) => [field.number, field])),
    byName,
    lookup: (fullName) => {
      const found = root.lookup(fullName, [protobuf.Type]);
      return found instanceof protobuf.Type && found.fullName === `.${fullName}` ? planOf(found) : undefined;
    },
  };
  plans.set(type, plan);
  return plan;
}

function planField(field: protobuf.Field): FieldPlan {
  field.resolve();
  const resolved = field.resolvedType;
  const kind: FieldPlan['kind'] =
    resolved instanceof protobuf.Enum
      ? 'enum'
      : resolved instanceof protobuf.Type
        ? 'message'
        : (field.type as ScalarKind);
  const isMap = field instanceof protobuf.MapField;
  const oneof = field.partOf;
  return {
    number: field.id,
    name: field.name,
    jsonName: field.jsonName ?? protobuf.util.jsonName(field.name),
    kind,
    repeated: field.repeated,
    mapKey: isMap ? (field.keyType as ScalarKind) : undefined,
    presence: !field.repeated && !isMap && (kind === 'message' || Boolean(field.hasPresence)),
    packed: field.repeated && field.packed,
    oneof: oneof === null || oneof.isProto3Optional ? undefined : oneof.name,
    enum: resolved instanceof protobuf.Enum ? planEnum(resolved) : undefined,
    message: () => {
      if (!(resolved instanceof protobuf.Type)) throw new TypeError(`${field.fullName} is no message`);
      return planOf(resolved);
    },
  };
}

const enums = new WeakMap<protobuf.Enum, EnumPlan>();

function planEnum(type: protobuf.Enum): EnumPlan {
  const known = enums.get(type);
  if (known !== undefined) return known;
  const byName = new Map(Object.entries(type.values));
  const byNumber = new Map<number, string>();
  for (const [name, number] of byName) if (!byNumber.has(number)) byNumber.set(number, name);
  const plan: EnumPlan = { fullName: type.fullName.slice(1), byName, byNumber };
  enums.set(type, plan);
  return plan;
}
