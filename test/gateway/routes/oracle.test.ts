import {
  type DescMessage,
  type FileRegistry,
  fromBinary,
  fromJson,
  type JsonValue,
  type Message,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { loadDescriptors } from '../../../src/descriptors.ts';
import { parseJson } from '../../../src/gateway/routes/json-text.ts';
import { messageFromJson } from '../../../src/gateway/routes/json-to-message.ts';
import { encodeMessage } from '../../../src/gateway/routes/message.ts';
import { printMessage } from '../../../src/gateway/routes/message-to-json.ts';
import { type MessagePlan, planOf } from '../../../src/gateway/routes/plan.ts';
import { oracleRegistry } from '../../support/protos.ts';
import { arbitraryMessage } from './arbitrary-message.ts';

const PROTOS = 'test/gateway/routes/protos';
const TYPES = [
  ['every_kind', 'every.kind.Every', 50],
  ['older', 'older.Old', 60],
  ['newer', 'newer.New', 60],
] as const;

let registry: FileRegistry;
const plans = new Map<string, MessagePlan>();

beforeAll(async () => {
  registry = oracleRegistry(PROTOS);
  for (const [file, type] of TYPES) {
    const { root } = await loadDescriptors({ paths: [`${PROTOS}/${file}.proto`] });
    plans.set(type, planOf(root.lookupType(type)));
  }
});

function pair(type: string): { desc: DescMessage; plan: MessagePlan } {
  const desc = registry.getMessage(type);
  const plan = plans.get(type);
  if (desc === undefined || plan === undefined) throw new Error(`no ${type}`);
  return { desc, plan };
}

/** Floats print as the shortest text here and as a widened double there; as floats they are the same number. */
function sameAsFloats(json: unknown): unknown {
  if (typeof json === 'number') return Math.fround(json);
  if (Array.isArray(json)) return json.map(sameAsFloats);
  if (typeof json !== 'object' || json === null) return json;
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, sameAsFloats(value)]));
}

/** proto2 asks for its required fields. */
function complete(message: Message): Message {
  return message.$typeName === 'older.Old' ? withNames(message) : message;
}

function withNames(message: Message): Message {
  const old = message as Message & { name?: string; again?: Message };
  if (!Object.hasOwn(old, 'name')) old.name = 'x';
  if (old.again !== undefined) withNames(old.again);
  return old;
}

describe.each(TYPES)('%s.proto, %s', (_, type, numRuns) => {
  test('is understood as buf understands it', () => {
    const { desc, plan } = pair(type);
    const theirs = [...desc.fields]
      .sort((a, b) => a.number - b.number)
      .map((field) => ({
        number: field.number,
        name: field.name,
        jsonName: field.jsonName,
        packed: field.fieldKind === 'list' && field.packed,
        presence: field.fieldKind !== 'list' && field.fieldKind !== 'map' && field.presence !== 2,
        delimited: 'delimitedEncoding' in field && field.delimitedEncoding === true,
        oneof: field.oneof?.name,
        closed: field.enum?.open === false,
      }));
    const ours = plan.fields
      .filter((field) => !field.name.startsWith('['))
      .map((field) => ({
        number: field.number,
        name: field.name,
        jsonName: field.jsonName,
        packed: field.packed,
        presence: field.presence,
        delimited: field.delimited,
        oneof: field.oneof,
        closed: field.enum?.closed === true,
      }));
    expect(ours).toEqual(theirs);
  });

  test('its bytes print as the JSON that protobuf-es prints', () => {
    const { desc, plan } = pair(type);
    fc.assert(
      fc.property(arbitraryMessage(registry, desc).map(complete), (message) => {
        const printed: JsonValue = JSON.parse(printMessage(plan, toBinary(desc, message)));
        expect(sameAsFloats(printed)).toEqual(sameAsFloats(toJson(desc, message, { registry })));
        const again = toBinary(desc, fromJson(desc, printed, { registry }));
        expect(fromBinary(desc, again)).toEqual(fromBinary(desc, toBinary(desc, message)));
      }),
      { numRuns },
    );
  });

  test.each([
    ['plain', {}],
    ['proto names, enum numbers, defaults', { useProtoFieldName: true, enumAsInteger: true, alwaysEmitImplicit: true }],
  ])('JSON from protobuf-es (%s) binds to the bytes of the same message', (__, options) => {
    const { desc, plan } = pair(type);
    fc.assert(
      fc.property(arbitraryMessage(registry, desc).map(complete), (message) => {
        const json = toJson(desc, message, { registry, ...options });
        const bytes = encodeMessage(plan, messageFromJson(plan, parseJson(JSON.stringify(json))));
        expect(fromBinary(desc, bytes)).toEqual(fromJson(desc, JSON.parse(JSON.stringify(json)), { registry }));
      }),
      { numRuns },
    );
  });

  test('what we encode is what protobuf-es encodes, byte for byte where order is fixed', () => {
    const { desc, plan } = pair(type);
    fc.assert(
      fc.property(arbitraryMessage(registry, desc).map(complete), (message) => {
        clearMaps(desc, message);
        const json = JSON.stringify(toJson(desc, message, { registry }));
        const ours = encodeMessage(plan, messageFromJson(plan, parseJson(json)));
        const theirs = toBinary(desc, fromJson(desc, JSON.parse(json), { registry }));
        expect(ours.toString('hex')).toBe(Buffer.from(theirs).toString('hex'));
      }),
      { numRuns },
    );
  });
});

const WITH_MAPS = /^google\.protobuf\.(Struct|Value|ListValue)$/;

/** The order of map entries on the wire is nobody's business. */
function clearMaps(desc: DescMessage, message: Message): void {
  const fields = reflect(desc, message);
  for (const field of desc.fields) {
    const type = field.message?.typeName ?? '';
    if (field.fieldKind === 'map' || type === desc.typeName || WITH_MAPS.test(type)) fields.clear(field);
  }
}
