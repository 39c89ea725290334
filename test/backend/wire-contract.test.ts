import { readFile } from 'node:fs/promises';
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
import { beforeAll, describe, expect, it } from '@jest/globals';
import { messageType } from '../../src/backend/protos.ts';

const IMAGE = new URL('../fixtures/wire-contract/wire-contract.binpb', import.meta.url);

/** Values that show a wrong type, size or sign of a field, by what the contract says the field is. */
const SCALARS: Readonly<Record<number, readonly (string | number | bigint | boolean | Uint8Array)[]>> = {
  [ScalarType.STRING]: ['gs-1', 'ÅΩ€😀', 'x'.repeat(300)],
  [ScalarType.BYTES]: [Uint8Array.of(0, 255, 128, 1), new Uint8Array(300).fill(7)],
  [ScalarType.BOOL]: [true],
  [ScalarType.UINT32]: [1, 300, 0xffff_ffff],
  [ScalarType.UINT64]: [1n, 2n ** 53n + 1n, 2n ** 64n - 1n],
  [ScalarType.INT64]: [-1n, 2n ** 63n - 1n, -(2n ** 63n)],
  [ScalarType.DOUBLE]: [0.1, -1e308, 5e-324, Number.POSITIVE_INFINITY, Number.NaN],
  [ScalarType.FLOAT]: [0.5, -1, 3.4028234663852886e38, Number.NEGATIVE_INFINITY],
};

/** The n-th example of a field, as the independent encoder and as ours want it. */
function example(field: DescField, n: number): { readonly theirs: unknown; readonly ours: unknown } {
  if (field.fieldKind === 'enum') {
    const value = field.enum.values[1 + (n % (field.enum.values.length - 1))];
    return { theirs: value?.number, ours: value?.name };
  }
  const scalar = field.scalar;
  const choices = scalar === undefined ? undefined : SCALARS[scalar];
  if (choices === undefined) throw new Error(`${field.name}: the contract has a kind of field that this test lacks`);
  if (field.fieldKind === 'list') return { theirs: [...choices, 0, ...choices], ours: [...choices, 0, ...choices] };
  const value = choices[n % choices.length];
  return { theirs: value, ours: typeof value === 'bigint' ? value.toString() : value };
}

function examples(message: DescMessage, n: number): Readonly<Record<'theirs' | 'ours', Record<string, unknown>>> {
  const pairs = message.fields.map((field) => ({ field, ...example(field, n) }));
  return {
    theirs: Object.fromEntries(pairs.map(({ field, theirs }) => [field.localName, theirs])),
    ours: Object.fromEntries(pairs.map(({ field, ours }) => [field.name, ours])),
  };
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

describe('the wire contract of the fleet', () => {
  let registry: FileRegistry;
  beforeAll(async () => {
    registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, await readFile(IMAGE)));
  });

  it('has exactly the messages that are compared here', () => {
    const names = [...registry].filter((entry) => entry.kind === 'message').map(({ name }) => name);
    expect(names.sort()).toEqual([...CONTRACT].sort());
  });

  it.each(CONTRACT)('%s has the same bytes from an independent encoder', (name) => {
    const message = registry.getMessage(`sdr.oran.${name}`);
    if (message === undefined) throw new Error(`no ${name} in the image`);
    const ours = messageType(`sdr.oran.${name}`);
    for (let n = 0; n < 6; n++) {
      const values = examples(message, n);
      const theirBytes = Buffer.from(toBinary(message, create(message, values.theirs)));
      expect(theirBytes.length).toBeGreaterThan(0);
      expect(ours.serialize(values.ours).toString('hex')).toBe(theirBytes.toString('hex'));
      // And back: what we read from their bytes, the contract's fields of it, is written as the same bytes again.
      const read: Readonly<Record<string, unknown>> = { ...ours.deserialize(theirBytes) };
      const again = Object.fromEntries(Object.keys(values.ours).map((name) => [name, read[name]]));
      expect(ours.serialize(again).toString('hex')).toBe(theirBytes.toString('hex'));
    }
    expect(ours.serialize({})).toHaveLength(0);
  });
});
