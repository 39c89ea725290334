import protobuf from 'protobufjs';
import { type FieldRange, fieldRange } from '../../field-range.ts';

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
  /** Its first value; 0 in proto3. */
  readonly defaultNumber: number;
  /** True when it holds no number but those it names, as enums of proto2 do. */
  readonly closed: boolean;
}

/** What a request needs to know of a field, worked out once from its descriptor. */
export interface FieldPlan {
  readonly number: number;
  /** Place in {@link MessagePlan.fields}. */
  readonly index: number;
  /** Name as written in the proto; of an extension, its full name in brackets. */
  readonly name: string;
  /** Name in the JSON mapping: json_name, or lowerCamelCase. */
  readonly jsonName: string;
  /** `"jsonName":`, ready to be printed. */
  readonly jsonKey: string;
  readonly kind: ScalarKind | 'message';
  readonly repeated: boolean;
  /** Kind of the keys when this is a map field; kind and message then describe the values. */
  readonly mapKey: ScalarKind | undefined;
  /** True when the field knows "not set" from "default value". */
  readonly presence: boolean;
  readonly packed: boolean;
  /** True for the older `required` of proto2. */
  readonly required: boolean;
  /** True when a message is framed by group tags and not by its length (proto2 groups, DELIMITED). */
  readonly delimited: boolean;
  /** True when a string that is not UTF-8 makes the message invalid, as in proto3. */
  readonly utf8: boolean;
  /** Name of the oneof that it belongs to; synthetic ones of proto3 `optional` do not count. */
  readonly oneof: string | undefined;
  readonly enum: EnumPlan | undefined;
  /** Which numbers it takes, where its option says so. */
  readonly range: FieldRange | undefined;
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
  /** By proto name and by JSON name; where a field's JSON name is another's proto name, what we print is what it means. */
  readonly byName: ReadonlyMap<string, FieldPlan>;
  /** The members of each oneof, by its name. */
  readonly oneofs: ReadonlyMap<string, readonly FieldPlan[]>;
  /** Resolves the type of a google.protobuf.Any by full name. */
  readonly lookup: (fullName: string) => MessagePlan | undefined;
}

/** Whether many values of a kind may share one tag: all but those that have a length of their own. */
export function isPackable(kind: ScalarKind | 'message'): kind is Exclude<ScalarKind, 'string' | 'bytes'> {
  return kind !== 'string' && kind !== 'bytes' && kind !== 'message';
}

const plans = new WeakMap<protobuf.Type, MessagePlan>();

/** The plan of a message type; compiled at its first use and kept as long as the type. */
export function planOf(type: protobuf.Type): MessagePlan {
  const known = plans.get(type);
  if (known !== undefined) return known;
  const sorted = [...type.fieldsArray].sort((a, b) => a.id - b.id);
  const fields = sorted.map(planField);
  const byName = new Map(fields.map((field) => [field.name, field]));
  for (const field of fields) byName.set(field.jsonName, field);
  const oneofs = new Map<string, FieldPlan[]>();
  for (const field of fields) {
    if (field.oneof !== undefined) oneofs.set(field.oneof, [...(oneofs.get(field.oneof) ?? []), field]);
  }
  const plan: MessagePlan = {
    fullName: type.fullName.slice(1),
    fields,
    byNumber: new Map(fields.map((field) => [field.number, field])),
    byName,
    oneofs,
    lookup: (fullName) => {
      const found = typesOf(type.root).get(fullName);
      return found && planOf(found);
    },
  };
  plans.set(type, plan);
  return plan;
}

const types = new WeakMap<protobuf.Root, ReadonlyMap<string, protobuf.Type>>();

/** All message types by full name. protobufjs's own look-up finds namesakes and remembers whatever it was asked for. */
function typesOf(root: protobuf.Root): ReadonlyMap<string, protobuf.Type> {
  const known = types.get(root);
  if (known !== undefined) return known;
  const found = new Map<string, protobuf.Type>();
  const visit = (namespace: protobuf.NamespaceBase): void => {
    for (const nested of namespace.nestedArray) {
      if (nested instanceof protobuf.Type) found.set(nested.fullName.slice(1), nested);
      if (nested instanceof protobuf.Namespace) visit(nested);
    }
  };
  visit(root);
  types.set(root, found);
  return found;
}

function planField(field: protobuf.Field, index: number): FieldPlan {
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
  const { name, jsonName } = namesOf(field);
  return {
    number: field.id,
    index,
    name,
    jsonName,
    jsonKey: `${JSON.stringify(jsonName)}:`,
    kind,
    repeated: field.repeated,
    mapKey: isMap ? (field.keyType as ScalarKind) : undefined,
    presence: !field.repeated && !isMap && (kind === 'message' || Boolean(field.hasPresence)),
    packed: field.repeated && field.packed && isPackable(kind),
    required: field.required,
    delimited: field.delimited && !isMap,
    utf8: feature(field, 'utf8_validation') !== 'NONE',
    oneof: oneof === null || oneof.isProto3Optional ? undefined : oneof.name,
    enum: resolved instanceof protobuf.Enum ? planEnum(resolved) : undefined,
    range: fieldRange(field),
    message: () => {
      if (!(resolved instanceof protobuf.Type)) throw new TypeError(`${field.fullName} is no message`);
      return planOf(resolved);
    },
  };
}

function namesOf(field: protobuf.Field): { name: string; jsonName: string } {
  if (field.declaringField !== null) {
    const name = `[${field.declaringField.fullName.slice(1)}]`;
    return { name, jsonName: name };
  }
  const type = field.resolvedType;
  if (type instanceof protobuf.Type && Reflect.get(type, 'group') === true) {
    // The field of a group has the group's name in lower case. The typings leave the mark out.
    const name = type.name.toLowerCase();
    return { name, jsonName: name };
  }
  return { name: field.protoName, jsonName: field.jsonName };
}

/** A resolved feature of an edition (proto2 and proto3 are such sets too); protobufjs shows only some as properties. */
function feature(object: protobuf.ReflectionObject, name: string): unknown {
  const features: unknown = Reflect.get(object, '_features');
  return typeof features === 'object' && features !== null ? Reflect.get(features, name) : undefined;
}

const enums = new WeakMap<protobuf.Enum, EnumPlan>();

function planEnum(type: protobuf.Enum): EnumPlan {
  const known = enums.get(type);
  if (known !== undefined) return known;
  const byName = new Map(Object.entries(type.values));
  const byNumber = new Map<number, string>();
  for (const [name, number] of byName) if (!byNumber.has(number)) byNumber.set(number, name);
  const [defaultNumber = 0] = byNumber.keys();
  const closed = feature(type, 'enum_type') === 'CLOSED';
  const plan: EnumPlan = { fullName: type.fullName.slice(1), byName, byNumber, defaultNumber, closed };
  enums.set(type, plan);
  return plan;
}
