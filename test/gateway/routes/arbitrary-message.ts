import {
  create,
  type DescField,
  type DescMessage,
  fromJson,
  type JsonValue,
  type Message,
  type Registry,
  ScalarType,
} from '@bufbuild/protobuf';
import { anyPack, DurationSchema, ListValueSchema, ValueSchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';

const ANY_JSON: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string({ unit: 'grapheme', maxLength: 8 }),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.string({ maxLength: 6 }), tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value;

const INT32 = fc.oneof(fc.integer(), fc.constantFrom(0, -1, -(2 ** 31), 2 ** 31 - 1));
const UINT32 = fc.oneof(fc.nat(), fc.constantFrom(0, 2 ** 32 - 1));
const INT64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(0n, -1n, -(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n + 1n),
);
const UINT64 = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.constantFrom(0n, 2n ** 64n - 1n));

/** Values of a scalar type, extremes included. */
export function arbitraryScalar(type: ScalarType): fc.Arbitrary<unknown> {
  switch (type) {
    case ScalarType.DOUBLE:
      return fc.double();
    case ScalarType.FLOAT:
      return fc.float();
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.STRING:
      return fc.oneof(fc.string({ unit: 'grapheme', maxLength: 12 }), fc.constantFrom('', '"\\\u0000\u2028\ufffd'));
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 12 });
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return INT32;
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return UINT32;
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return UINT64;
    default:
      return INT64;
  }
}

/** Messages of a type of a registry, with every kind of field; each field is set in about a third of them. */
export function arbitraryMessage(registry: Registry, desc: DescMessage, depth = 0): fc.Arbitrary<Message> {
  const members = desc.members.map((member) => {
    if (member.kind === 'oneof') {
      const cases = member.fields.map((field) =>
        single(registry, field, depth).map((value) => ({ case: field.localName, value })),
      );
      return [member.localName, fc.option(fc.oneof(...cases), { nil: { case: undefined }, freq: 1 })] as const;
    }
    return [member.localName, optional(field(registry, member, depth))] as const;
  });
  return fc.record(Object.fromEntries(members)).map((init) => create(desc, init));
}

function optional(value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });
}

function field(registry: Registry, desc: DescField, depth: number): fc.Arbitrary<unknown> {
  if (desc.fieldKind === 'list') return fc.array(single(registry, desc, depth), { maxLength: 4 });
  if (desc.fieldKind === 'map') {
    const key = arbitraryScalar(desc.mapKey).map(String);
    return fc.dictionary(key, single(registry, desc, depth), { maxKeys: 3, noNullPrototype: true });
  }
  return single(registry, desc, depth);
}

function single(registry: Registry, desc: DescField, depth: number): fc.Arbitrary<unknown> {
  if (desc.message !== undefined) return message(registry, desc.message, desc, depth);
  if (desc.enum !== undefined) {
    const named = fc.constantFrom(...desc.enum.values.map((value) => value.number));
    return desc.enum.open && desc.enum.values.length > 1 ? fc.oneof(named, fc.integer({ min: -99, max: 99 })) : named;
  }
  return arbitraryScalar(desc.scalar ?? ScalarType.STRING);
}

const DEEPEST = 2;

function message(registry: Registry, desc: DescMessage, at: DescField, depth: number): fc.Arbitrary<unknown> {
  const wrapped = /Value$/.test(desc.typeName) ? desc.fields.find((inner) => inner.name === 'value') : undefined;
  if (wrapped !== undefined && desc.typeName.startsWith('google.protobuf.')) {
    const value = arbitraryScalar(wrapped.scalar ?? ScalarType.STRING);
    // protobuf-es unwraps single wrapper fields.
    return at.fieldKind === 'message' ? value : value.map((inner) => create(desc, { value: inner }));
  }
  switch (desc.typeName) {
    case 'google.protobuf.Timestamp':
      return fc
        .record({ seconds: fc.bigInt({ min: -62_135_596_800n, max: 253_402_300_799n }), nanos: NANOS })
        .map((init) => create(desc, init));
    case 'google.protobuf.Duration':
      return fc
        .record({ seconds: fc.bigInt({ min: 0n, max: 315_576_000_000n }), nanos: NANOS, minus: fc.boolean() })
        .map(({ seconds, nanos, minus }) =>
          create(DurationSchema, minus ? { seconds: -seconds, nanos: nanos === 0 ? 0 : -nanos } : { seconds, nanos }),
        );
    case 'google.protobuf.FieldMask':
      return fc
        .array(fc.constantFrom('a', 'a_string', 'leaf.text', 'some_long_name.x_y2'), { maxLength: 3 })
        .map((paths) => create(desc, { paths }));
    case 'google.protobuf.Struct':
      return fc.dictionary(fc.string({ maxLength: 6 }), ANY_JSON, { maxKeys: 3, noNullPrototype: true });
    case 'google.protobuf.Value':
      return ANY_JSON.map((json) => fromJson(ValueSchema, json));
    case 'google.protobuf.ListValue':
      return fc.array(ANY_JSON, { maxLength: 3 }).map((json) => fromJson(ListValueSchema, json));
    case 'google.protobuf.Any':
      return anyOf(registry, at, depth);
    default:
      return depth >= DEEPEST
        ? fc.constant(create(desc))
        : arbitraryMessage(registry, desc, desc.fields.length > 10 ? DEEPEST : depth + 1);
  }
}

const NANOS = fc.oneof(fc.integer({ min: 0, max: 999_999_999 }), fc.constantFrom(0, 500_000_000, 1_000, 999_999_999));

function anyOf(registry: Registry, at: DescField, depth: number): fc.Arbitrary<unknown> {
  const leaf = registry.getMessage('every.kind.Leaf');
  if (leaf === undefined) throw new Error('no Leaf in the registry');
  const leaves = arbitraryMessage(registry, leaf, depth).map((value) => anyPack(leaf, value));
  const durations = message(registry, DurationSchema, at, depth).map((value) =>
    anyPack(DurationSchema, value as Message<'google.protobuf.Duration'> & { seconds: bigint; nanos: number }),
  );
  return fc.oneof(leaves, durations);
}
