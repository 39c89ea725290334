import { readFileSync } from 'node:fs';
import {
  create,
  createFileRegistry,
  type DescField,
  type DescMessage,
  type FileRegistry,
  fromBinary,
  ScalarType,
  toBinary,
} from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from '@jest/globals';
import { messageType, packageDefinition } from '../../src/backend/protos.ts';

function imageOf(name: string): FileRegistry {
  const file = new URL(`../fixtures/wire-contract/${name}.binpb`, import.meta.url);
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(file)));
}

/** What the fleet speaks, and all that Passband speaks, what it added among it. */
const [FLEET, PASSBAND] = [imageOf('wire-contract'), imageOf('passband')];

/** Messages within messages that an example has at most: some of them may hold themselves. */
const MAX_DEPTH = 4;

/** Values that show a wrong type, size or sign of a field, by what the contract says the field is. */
const SCALARS: Readonly<Record<number, readonly (string | number | bigint | boolean | Uint8Array)[]>> = {
  [ScalarType.STRING]: ['gs-1', 'ÅΩ€😀', 'x'.repeat(300)],
  [ScalarType.BYTES]: [Uint8Array.of(0, 255, 128, 1), new Uint8Array(300).fill(7)],
  [ScalarType.BOOL]: [true],
  [ScalarType.UINT32]: [1, 300, 0xffff_ffff],
  [ScalarType.UINT64]: [1n, 2n ** 53n + 1n, 2n ** 64n - 1n],
  [ScalarType.INT32]: [-1, 2 ** 31 - 1, -(2 ** 31)],
  [ScalarType.SINT32]: [-1, 2 ** 31 - 1, -(2 ** 31)],
  [ScalarType.INT64]: [-1n, 2n ** 63n - 1n, -(2n ** 63n)],
  [ScalarType.DOUBLE]: [0.1, -1e308, 5e-324, Number.POSITIVE_INFINITY, Number.NaN],
  [ScalarType.FLOAT]: [0.5, -1, 3.4028234663852886e38, Number.NEGATIVE_INFINITY],
};

/** A value, as the independent encoder and as ours want it. */
interface Pair {
  readonly theirs: unknown;
  readonly ours: unknown;
}

/** The n-th example of a field; undefined where messages go too deep. */
function example(field: DescField, n: number, depth: number): Pair | undefined {
  if (field.fieldKind === 'map') throw new Error(`${field.name}: the contract has a map, which this test lacks`);
  if (field.enum !== undefined) {
    const value = field.enum.values[1 + (n % (field.enum.values.length - 1))];
    const pair = { theirs: value?.number, ours: value?.name };
    return field.fieldKind === 'list' ? { theirs: [pair.theirs], ours: [pair.ours] } : pair;
  }
  if (field.message !== undefined) {
    if (depth === MAX_DEPTH) return undefined;
    const pairs = [n, n + 1].map((m) => examples(field.message, m, depth + 1));
    if (field.fieldKind !== 'list') return pairs[0];
    return { theirs: pairs.map(({ theirs }) => theirs), ours: pairs.map(({ ours }) => ours) };
  }
  const choices = SCALARS[field.scalar];
  if (choices === undefined) throw new Error(`${field.name}: the contract has a kind of field that this test lacks`);
  const ours = choices.map((value) => (typeof value === 'bigint' ? value.toString() : value));
  if (field.fieldKind === 'list') {
    const zero = typeof choices[0] === 'number' ? [0] : [];
    return { theirs: [...choices, ...zero, ...choices], ours: [...ours, ...zero, ...ours] };
  }
  return { theirs: choices[n % choices.length], ours: ours[n % ours.length] };
}

/** The n-th example of a message: every field of it, and one after the other of each oneof. */
function examples(
  message: DescMessage,
  n: number,
  depth = 0,
): Readonly<Record<'theirs' | 'ours', Record<string, unknown>>> {
  const theirs: Record<string, unknown> = {};
  const ours: Record<string, unknown> = {};
  for (const member of message.members) {
    const field = member.kind === 'oneof' ? member.fields[n % member.fields.length] : member;
    const pair = field && example(field, n, depth);
    if (field === undefined || pair === undefined) continue;
    ours[field.name] = pair.ours;
    theirs[member.localName] = member.kind === 'oneof' ? { case: field.localName, value: pair.theirs } : pair.theirs;
  }
  return { theirs, ours };
}

const CONTRACT = [
  'IQSampleBatch',
  'IQAck',
  'StreamConfig',
  'StreamStopRequest',
  'StreamResponse',
  'DopplerUpdate',
  'StreamStatsRequest',
  'StreamStatsResponse',
  'SpectrumRequest',
  'SpectrumData',
  'AntennaPointingRequest',
  'AntennaPointingResponse',
  'AntennaStatusRequest',
  'AntennaStatus',
  'TrackingUpdate',
];

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('the wire contract of the fleet', () => {
  it('has exactly the messages that are compared here', () => {
    const names = [...FLEET].filter((entry) => entry.kind === 'message').map(({ name }) => name);
    expect(names.sort()).toEqual([...CONTRACT].sort());
  });

  it.each(CONTRACT)('%s has the same bytes from an independent encoder', (name) => {
    const message = FLEET.getMessage(`sdr.oran.${name}`);
    if (message === undefined) throw new Error(`no ${name} in the image`);
    const ours = messageType(`sdr.oran.${name}`);
    for (let n = 0; n < 6; n++) {
      const values = examples(message, n);
      const theirBytes = toBinary(message, create(message, values.theirs));
      expect(theirBytes.length).toBeGreaterThan(0);
      expect(hex(ours.serialize(values.ours))).toBe(hex(theirBytes));
      // And back: what we read from their bytes, the contract's fields of it, is written as the same bytes again.
      const read: Readonly<Record<string, unknown>> = { ...ours.deserialize(Buffer.from(theirBytes)) };
      const again = Object.fromEntries(Object.keys(values.ours).map((name) => [name, read[name]]));
      expect(hex(ours.serialize(again))).toBe(hex(theirBytes));
    }
    expect(ours.serialize({})).toHaveLength(0);
  });
});

describe('the whole contract', () => {
  const messages = [...PASSBAND].filter((entry) => entry.kind === 'message' && entry.typeName.startsWith('sdr.oran.'));
  const names = messages.map((entry) => (entry.kind === 'message' ? entry.typeName : '')).sort();

  it('has every message that the backend knows', () => {
    const known = Object.entries(packageDefinition).filter(
      ([name, definition]) => name.startsWith('sdr.oran.') && 'format' in definition && !('value' in definition.type),
    );
    expect(known.map(([name]) => name).sort()).toEqual(names);
    expect(names.length).toBeGreaterThan(CONTRACT.length + 30);
  });

  it.each(names)('%s says the same to an independent decoder, and from an independent encoder', (name) => {
    const message = PASSBAND.getMessage(name);
    if (message === undefined) throw new Error(`no ${name} in the image`);
    const ours = messageType(name);
    // In the order of the independent encoder, and without what is only there to say that it is zero.
    const canonical = (bytes: Uint8Array): string => hex(toBinary(message, fromBinary(message, bytes)));
    for (let n = 0; n < 12; n++) {
      const values = examples(message, n);
      const theirBytes = toBinary(message, create(message, values.theirs));
      expect(canonical(ours.serialize(values.ours))).toBe(hex(theirBytes));
      expect(canonical(ours.serialize(ours.deserialize(Buffer.from(theirBytes))))).toBe(hex(theirBytes));
    }
  });
});
