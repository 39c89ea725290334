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
import { type FuzzTarget, MAX_INPUT_CHARACTERS, orRefusal, same } from '../target.ts';
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

/** Leaves that are JSON, and leaves that are nearly. */
const LEAVES = ['0', '1', '-0', '1e5', 'null', 'true', '""', '"a"', '"\\t"', '"\\u0061"', '"\\ud800"'];
const NEARLY = ['01', '-01', '1.', '.5', '+1', '0x1', '1e', 'nul', 'NaN', 'a', "'a'", '"', '"\t"', '"\0"', '"\\v"'];
const KEYS = ['"a"', '"a"', '"b"', '"\\u0061"', '"__proto__"', '"constructor"', '""', 'a'];
const SPACES = ['', ' ', '\n'];
const NO_SPACES = ['\v', '\u00a0', '\ufeff', ',', '\0'];
const leaf = mostly(LEAVES, [...NEARLY, '"\\u61"', '"\\u006g"']);

/** Mostly one of the first, and one of the others now and then. */
function mostly(common: readonly string[], rare: readonly string[]): fc.Arbitrary<string> {
  return fc.oneof({ weight: 7, arbitrary: fc.constantFrom(...common) }, fc.constantFrom(...rare));
}

/** Documents of every shape that are JSON or nearly. */
const nearly = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.tuple(leaf, mostly(SPACES, NO_SPACES)).map((parts) => parts.join('')),
    fc.array(tie('value'), { maxLength: 3 }).map((parts) => `[${parts.join(',')}]`),
    fc
      .array(fc.tuple(fc.constantFrom(...KEYS), tie('value')), { maxLength: 3 })
      .map((members) => `{${members.map((member) => member.join(':')).join(',')}}`),
  ),
})).value;
/** Documents that are deep, or that are wide and must not be taken for deep. */
const nested = fc
  .tuple(fc.constantFrom('[', '{"a":'), fc.oneof(fc.integer({ min: 95, max: 105 }), fc.nat(MAX_INPUT_CHARACTERS >> 3)))
  .map(([open, depth]) => `${open.repeat(depth)}1${(open === '[' ? ']' : '}').repeat(depth)}`);
const wide = fc.tuple(fc.constantFrom('[]', '{}'), fc.nat(300)).map(([one, count]) => `[1${`,${one}`.repeat(count)}]`);

/** Each member of a document, under its name and under the proto's name. */
function membersOf(document: string): string[] {
  return Object.entries(JSON.parse(document) as object).flatMap(([name, value]) => {
    const protoName = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    return [name, protoName].map((one) => `${JSON.stringify(one)}:${JSON.stringify(value)}`);
  });
}

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

function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const character of withoutStrings(text)) {
    if (character === '[' || character === '{') deepest = Math.max(deepest, ++depth);
    else if (character === ']' || character === '}') depth--;
  }
  return deepest;
}

const withoutStrings = (json: string): string => json.replaceAll(/"(?:[^"\\]|\\.)*"/g, '');

/** What stands before the slash of an Any's type is free; protobuf-es writes its own there. */
function withoutTypePrefix(json: unknown): unknown {
  return JSON.parse(JSON.stringify(json).replaceAll(/"@type":"[^"]*\//g, '"@type":"'));
}

/** Our reader is stricter in two things alone: names given twice, and depth. */
function isStricter(text: string, value: unknown): boolean {
  if (depthOf(text) > MAX_JSON_DEPTH) return true;
  // Where a name is there twice, writing what was read gives fewer members than the text has colons outside of strings.
  const colons = (json: string): number => withoutStrings(json).split(':').length;
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
  const members = fc.array(fc.constantFrom(...corpus.flatMap(membersOf)), { minLength: 2, maxLength: 10 });
  return {
    inputs: fc.oneof(
      { weight: 4, arbitrary: mutatedText(corpus, TOKENS) },
      { weight: 1, arbitrary: fc.json() },
      { weight: 1, arbitrary: message.map((one) => toJsonString(desc, one, { registry })) },
      // Fields in both spellings, and several members of a oneof.
      { weight: 2, arbitrary: members.map((some) => `{${some.join(',')}}`) },
      { weight: 3, arbitrary: nearly },
      { weight: 1, arbitrary: fc.oneof(nested, wide) },
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
      if (isStricter(text, theirs.value)) throw new Error('a name is there twice, or it is too deep');
      same('the value', plain(ours), theirs.value);
      const bound = orRefusal(() => messageFromJson(plan, ours));
      if (bound === undefined) return;
      const given = Object.values(Object(theirs.value)).filter((value) => value !== null);
      if (Object.keys(bound).length < given.length) throw new Error('of two members one is passed over');
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
