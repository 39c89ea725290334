import { fromBinary, fromJson, type JsonValue, toBinary, toJson, toJsonString } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { loadDescriptors } from '../../../src/descriptors.ts';
import { MAX_JSON_DEPTH, parseJson, type JsonValue as ReadValue } from '../../../src/gateway/routes/json-text.ts';
import { messageFromJson } from '../../../src/gateway/routes/json-to-message.ts';
import { encodeMessage } from '../../../src/gateway/routes/message.ts';
import { planOf } from '../../../src/gateway/routes/plan.ts';
import { arbitraryMessage } from '../../gateway/routes/arbitrary-message.ts';
import { oracleRegistry } from '../../support/protos.ts';
import { mutatedText } from '../mutation.ts';
import { type FuzzTarget, orRefusal, same } from '../target.ts';
import { compareViews } from '../views.ts';

const PROTOS = 'test/gateway/routes/protos';
const TYPE = 'every.kind.Every';
const TOKENS = [
  '{}',
  '[]',
  '"',
  '\\u0000',
  '\\ud800',
  '\\ud83d\\ude00',
  '1e309',
  '-0',
  '1.0',
  '01',
  'null',
  'true',
  ',',
  ':',
  '"@type":',
  '"aString":"x",',
  '"constructor":"x",',
  '"__proto__":{},',
  '[[',
  '{"again":',
];

/** A value as JSON.parse gives it. */
function plain(value: ReadValue): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if ('number' in value) return Number(value.number);
  if ('array' in value) return value.array.map(plain);
  return Object.fromEntries([...value.members].map(([name, member]) => [name, plain(member)]));
}

function parsed(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

/** What stands before the slash of an Any's type is free; protobuf-es writes its own there. */
function withoutTypePrefix(json: unknown): unknown {
  return JSON.parse(JSON.stringify(json).replaceAll(/"@type":"[^"]*\//g, '"@type":"'));
}

/** Our reader is stricter in two things alone: names given twice, and depth. */
function isStricter(text: string, value: unknown): boolean {
  if (depthOf(value) > MAX_JSON_DEPTH) return true;
  // Where a name is there twice, writing what was read gives fewer members than the text has colons outside of strings.
  const colons = (json: string): number => json.replaceAll(/"(?:[^"\\]|\\.)*"/g, '').split(':').length;
  return colons(JSON.stringify(value)) < colons(text);
}

/** JSON bodies: read as JSON.parse reads them, bound as protobuf-es binds them, and sent on as they were decided on. */
export async function jsonBodyTarget(): Promise<FuzzTarget<string>> {
  const registry = oracleRegistry(PROTOS);
  const { root } = await loadDescriptors({ paths: [`${PROTOS}/every_kind.proto`] });
  const plan = planOf(root.lookupType(TYPE));
  const desc = registry.getMessage(TYPE);
  if (desc === undefined) throw new Error(`no ${TYPE}`);
  const message = arbitraryMessage(registry, desc);
  const corpus = fc.sample(message, { numRuns: 60, seed: 1 }).map((one) => toJsonString(desc, one, { registry }));
  return {
    inputs: fc.oneof(
      { weight: 4, arbitrary: mutatedText(corpus, TOKENS) },
      { weight: 1, arbitrary: fc.json() },
      { weight: 1, arbitrary: message.map((one) => toJsonString(desc, one, { registry })) },
    ),
    check: (input) => {
      const text = Buffer.from(input).toString();
      const ours = orRefusal(() => parseJson(text));
      const theirs = parsed(text);
      if (ours === undefined) {
        if (theirs !== undefined && !isStricter(text, theirs.value)) throw new Error('JSON.parse takes it');
        return;
      }
      if (theirs === undefined) throw new Error('JSON.parse does not take it');
      same('the value', plain(ours), theirs.value);
      const bound = orRefusal(() => messageFromJson(plan, ours));
      if (bound === undefined) return;
      const bytes = orRefusal(() => encodeMessage(plan, bound));
      if (bytes === undefined) return;
      compareViews(desc, { message: bound, bytes });
      // By way of bytes: only there are floats rounded to floats.
      const oracle = fromBinary(desc, toBinary(desc, fromJson(desc, theirs.value as JsonValue, { registry })));
      same(
        'the message',
        withoutTypePrefix(toJson(desc, fromBinary(desc, bytes), { registry })),
        withoutTypePrefix(toJson(desc, oracle, { registry })),
      );
    },
  };
}
