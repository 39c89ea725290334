import { describe, expect, it } from '@jest/globals';
import protobuf from 'protobufjs';
import { MAX_JSON_VALUES, parseJson } from '../../../src/gateway/routes/json-text.ts';
import { messageFromJson } from '../../../src/gateway/routes/json-to-message.ts';
import { encodeMessage } from '../../../src/gateway/routes/message.ts';
import { printMessage } from '../../../src/gateway/routes/message-to-json.ts';
import { viewMessage } from '../../../src/gateway/routes/message-view.ts';
import { type MessagePlan, planOf } from '../../../src/gateway/routes/plan.ts';
import { parseFieldMask } from '../../../src/gateway/routes/well-known.ts';

const { root } = protobuf.parse(
  `syntax = "proto3";
message Maps { map<int32, int32> ints = 1; map<fixed64, bool> longs = 2; map<bool, string> flags = 3; }
message Box { google.protobuf.Any any = 1; string text = 2; }
message Parts { Parts parts = 1; string text = 2; repeated int32 numbers = 3; }`,
  { keepCase: true },
);
protobuf.parse(
  'syntax = "proto3"; package google.protobuf; message Any { string type_url = 1; bytes value = 2; }',
  root,
  {
    keepCase: true,
  },
);
root.resolveAll();
const plan = (name: string): MessagePlan => planOf(root.lookupType(name));

/** The least of three, so that what else the machine does hardly counts. */
function msOf(work: () => unknown): number {
  const times = Array.from({ length: 3 }, () => {
    const begun = performance.now();
    work();
    return performance.now() - begun;
  });
  return Math.min(...times);
}

describe('keys of a map', () => {
  const KEYS = 16_384;

  /**
   * Numbers whose digests by V8 (ComputeUnseededHash) are alike in their lower 16 bits, by which a Map of so many finds them.
   * The digest is made of steps that can each be taken back.
   */
  function keysOfOnePlace(): number[] {
    const unshift = (hash: number, bits: number): number => {
      let known = hash;
      for (let done = bits; done < 32; done += bits) known = hash ^ (known >>> bits);
      return known;
    };
    const divide = (hash: number, by: number): number => {
      let inverse = by;
      for (let i = 0; i < 5; i++) inverse = Math.imul(inverse, 2 - Math.imul(by, inverse));
      return Math.imul(hash, inverse);
    };
    return Array.from({ length: KEYS }, (_, i) => {
      const product = divide(unshift(i * 65_536 + 5, 16), 2057);
      const sum = divide(unshift(product, 4), 5);
      return divide(unshift(sum, 12) + 1, 32_767);
    });
  }

  it('cost no more when they are chosen to be found in one place', () => {
    const chosen = keysOfOnePlace();
    const others = chosen.map((_, i) => i * 16_383);
    const bind = (keys: readonly number[]): number => {
      const json = parseJson(`{"ints":{${keys.map((key) => `"${key}":0`).join()}}}`);
      return msOf(() => messageFromJson(plan('Maps'), json));
    };
    bind(others);
    // Looked through one by one for each of them, it takes some ten times as long.
    expect(bind(chosen) / bind(others)).toBeLessThan(4);
  });

  it('are texts in a message, and numbers again on the wire, in JSON and protobuf alike', () => {
    const json = parseJson(
      '{"ints":{"-0":1,"-2147483648":1,"7":2},"longs":{"18446744073709551615":true},"flags":{"true":"a","false":"b"}}',
    );
    const message = messageFromJson(plan('Maps'), json);
    const wire = encodeMessage(plan('Maps'), message);
    expect(message).toEqual({
      ints: new Map([
        ['0', 1],
        ['-2147483648', 1],
        ['7', 2],
      ]),
      longs: new Map([['18446744073709551615', true]]),
      flags: new Map([
        ['true', 'a'],
        ['false', 'b'],
      ]),
    });
    expect(viewMessage(plan('Maps'), wire)).toEqual(message);
    const read = root.lookupType('Maps').toObject(root.lookupType('Maps').decode(wire), { longs: String });
    expect(read.ints).toEqual({ 0: 1, [-2147483648]: 1, 7: 2 });
    expect(read.flags).toEqual({ true: 'a', false: 'b' });
    expect(() => messageFromJson(plan('Maps'), parseJson('{"ints":{"1":0,"1e0":0}}'))).toThrow('is given twice');
  });
});

describe('values of a JSON text', () => {
  // The list around them is one.
  const list = (count: number): string => `[${'0,'.repeat(count - 1)}0]`;
  const object = (count: number): string => `{${Array.from({ length: count }, (_, i) => `"${i}":0`).join()}}`;

  it.each([
    ['in a list', list],
    ['in an object', object],
  ])('%s: as many as are read, and no more', (_where, text) => {
    expect(() => parseJson(text(MAX_JSON_VALUES - 1))).not.toThrow();
    expect(() => parseJson(text(MAX_JSON_VALUES))).toThrow('more than 262144 values');
  });
});

it('a field mask is as long as 65536 characters, and no longer', () => {
  const mask = `${'a,'.repeat(32_767)}bC`;
  expect(parseFieldMask(mask, 'mask').at(-1)).toBe('b_c');
  expect(() => parseFieldMask(`${mask}d`, 'mask')).toThrow('mask: has more than 65536 characters');
});

it('as many Any lie inside one another as are read, and no more, as often as one likes', () => {
  const nested = (count: number): string => {
    const head = '{"any":{"@type":"/Box"'.concat(',"any":{"@type":"/Box"'.repeat(count - 1));
    return `${head},"text":"a"${'}'.repeat(count + 1)}`;
  };
  const bind = (count: number): unknown => messageFromJson(plan('Box'), parseJson(nested(count)));
  for (let i = 0; i < 3; i++) {
    expect(() => bind(16)).not.toThrow();
    expect(() => bind(17)).toThrow('is inside 16 google.protobuf.Any, and no more are read');
  }
});

describe('messages of a backend that come in parts', () => {
  const parts = root.lookupType('Parts');
  const tag = (number: number): number => (number << 3) | 2;
  /** So many messages inside one another, each in two parts; the innermost has 4 MB that no field takes. */
  const nested = (depth: number): Uint8Array => {
    let bytes = protobuf.Writer.create().uint32(tag(9)).bytes(Buffer.alloc(4e6)).finish();
    for (let i = 0; i < depth; i++) {
      bytes = protobuf.Writer.create().uint32(tag(1)).bytes(bytes).uint32(tag(1)).bytes(Buffer.alloc(0)).finish();
    }
    return bytes;
  };

  it('are not copied for each message around them', () => {
    const [shallow, deep] = [nested(1), nested(95)];
    const print = (bytes: Uint8Array): number => msOf(() => printMessage(plan('Parts'), bytes));
    // Of work that hardly any is: the shallow one alone is too short a time to be told.
    const copy = msOf(() => Buffer.concat([shallow, shallow]));
    print(shallow);
    // Copied each time, it takes some fifty times as long as one copy of twice the size.
    expect(print(deep) / copy).toBeLessThan(10);
  });

  it('are one message, as to every decoder', () => {
    const pieces = [
      { text: 'a', numbers: [1], parts: { text: 'b' } },
      { numbers: [2], parts: { numbers: [3] } },
      { text: 'c' },
    ];
    const writer = protobuf.Writer.create();
    for (const piece of pieces) writer.uint32(tag(1)).bytes(parts.encode(piece).finish());
    const bytes = writer.finish();
    expect(JSON.parse(printMessage(plan('Parts'), bytes))).toEqual(parts.toObject(parts.decode(bytes)));
  });
});
