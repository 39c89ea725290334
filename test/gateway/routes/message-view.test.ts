import { beforeAll, describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { PassbandError } from '../../../src/errors.ts';
import { parseJson } from '../../../src/gateway/routes/json-text.ts';
import { messageFromJson } from '../../../src/gateway/routes/json-to-message.ts';
import { MAX_MESSAGES, type Message } from '../../../src/gateway/routes/message.ts';
import { viewMessage } from '../../../src/gateway/routes/message-view.ts';
import { planOf } from '../../../src/gateway/routes/plan.ts';
import { MAX_VIEWED_ELEMENTS } from '../../../src/request-view.ts';

// What proto3 has not: closed enums, groups, texts of any bytes.
const PROTO = `syntax = "proto2";
enum Shut { ONE = 1; TWO = 2; }
enum Late { FIRST = 1; ZERO = 0; }
message Request {
  optional Shut one = 1;
  repeated Shut many = 2;
  repeated Shut packed = 3 [packed = true];
  map<string, Shut> by_name = 4;
  map<int64, string> by_number = 5;
  map<bool, Inner> by_flag = 6;
  oneof choice { Shut picked = 7; string told = 8; Inner group_like = 9; }
  repeated group Part = 10 { optional string text = 1; repeated sint64 numbers = 2; }
  repeated uint32 counts = 11;
  optional Inner inner = 12;
  map<string, string> texts = 13;
  map<string, Late> late = 14;
  repeated fixed64 wides = 16;
}
message Inner { optional string text = 1; repeated Inner more = 2; optional fixed64 wide = 3; }`;

let type: protobuf.Type;
beforeAll(() => {
  const { root } = protobuf.parse(PROTO, { keepCase: true });
  root.resolveAll();
  type = root.lookupType('Request');
});
const view = (hex: string): Message => viewMessage(planOf(type), Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const refused = 'the body is no valid Request in protobuf';

describe('what some decoders read and others do not', () => {
  // A number that a closed enum does not name: an unknown field to C++, Java, Python and protobufjs, a value to Go and C#.
  test.each([
    ['alone', '0863'],
    ['behind one that it names', '0801 0863'],
    ['in a list', '1001 1063'],
    ['in a packed list', '1a020163'],
    ['in a map', '2205 0a016b 1063'],
    ['in a oneof, behind another member', '420161 3863'],
    // The first value to some, and no entry at all to protobufjs.
    ['the default of a map entry without a value', '2203 0a016b'],
    ['the same where 0 is a value, but not the first', '7203 0a016b'],
  ])('a number that a closed enum does not name, %s: refused', (_where, hex) => {
    expect(() => view(hex)).toThrow(refused);
  });

  it('two keys of a map that are no text, and would be mended alike, are refused', () => {
    const [first, second] = ['6a060a01ff120161', '6a060a01fe120162'];
    expect(view(first).texts).toEqual(new Map([['\ufffd', 'a']]));
    expect(() => view(`${first}${second}`)).toThrow(refused);
    // Of entries with one key that is a text, the last counts.
    expect(view('6a060a016b120161 6a060a016b120162').texts).toEqual(new Map([['k', 'b']]));
  });
});

/** Keys in the form in which protobufjs has them in an object, and what stands for lists that are not there. */
function plain(value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, inner]) => [String(key), plain(inner)]));
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  }
  return typeof value === 'bigint' ? String(value) : value;
}

it('whatever the bytes are, it is what protobufjs decodes', () => {
  const text = fc.constantFrom('', 'a', 'é', '\ufffd');
  const inner = fc.record({ text, more: fc.array(fc.record({ text })), wide: fc.nat() }, { requiredKeys: [] });
  const shut = fc.constantFrom(1, 2);
  const entries = <T>(keys: readonly string[], value: fc.Arbitrary<T>): fc.Arbitrary<Record<string, T>> =>
    fc.dictionary(fc.constantFrom(...keys), value, { maxKeys: 3 });
  const valid = fc
    .record(
      {
        one: shut,
        many: fc.array(shut),
        packed: fc.array(shut),
        by_name: entries(['', 'k', 'key', 'value'], shut),
        by_flag: entries(['true', 'false'], inner),
        part: fc.array(fc.record({ text, numbers: fc.array(fc.integer()) }, { requiredKeys: [] })),
        counts: fc.array(fc.nat()),
        inner,
        texts: entries(['', 'k', 'l'], text),
      },
      { requiredKeys: [] },
    )
    .map((message) => Buffer.from(type.encode(type.fromObject(message)).finish()));
  // Entries that have a part only, or one twice; a list packed and not; members of a oneof after one another.
  const framed = fc.constantFrom(
    ...['2200', '22021002', '22020a00', '2a00', '2a021201', '3200', '32040801 1200', '3208 1203 0a0161 0801 1200'],
    ...['5801', '5a020203', '5a00', '1a00', '3801', '420161', '4a030a0161', '4a00', '6a020a00', '5354', '53120102 54'],
  );
  const piece = fc.oneof(
    valid,
    framed.map((hex) => Buffer.from(hex.replaceAll(' ', ''), 'hex')),
    fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
  );
  let compared = 0;
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 4 }), (pieces) => {
      const bytes = Buffer.concat(pieces);
      let seen: Message;
      try {
        seen = viewMessage(planOf(type), bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(PassbandError);
        return;
      }
      compared += 1;
      expect(plain(seen)).toEqual(type.toObject(type.decode(bytes), { longs: String, enums: Number }));
    }),
    { numRuns: 1_000 },
  );
  expect(compared).toBeGreaterThan(300);
});

it('keeps one element more than a decision looks at, of many', () => {
  const times = (count: number, bytes: readonly number[]): Uint8Array =>
    Buffer.alloc(count * bytes.length, Buffer.from(bytes));
  const counted = (bytes: Uint8Array): unknown => Object.values(viewMessage(planOf(type), bytes));
  expect(counted(times(100_000, [0x58, 0x01]))).toEqual([Array(1025).fill(1)]);
  expect(counted(times(50_000, [0x53, 0x54]))).toEqual([Array(1025).fill({})]);
  expect(counted(times(50_000, [0x6a, 0x00]))).toEqual([new Map([['', '']])]);
});

it('JSON has the same form', () => {
  const json = '{"by_name":{"k":"TWO"},"part":[{"numbers":["-1"]}],"by_flag":{"true":{"text":"a"}},"texts":{"k":"v"}}';
  const bound = messageFromJson(planOf(type), parseJson(json));
  const wire = Buffer.from(type.encode(type.fromObject(JSON.parse(json) as object)).finish());
  expect(viewMessage(planOf(type), wire)).toEqual(bound);
});

it('takes as many messages as are read, and no more', () => {
  const group = Buffer.from('5354', 'hex');
  const groups = (count: number): Buffer => Buffer.concat(Array(count).fill(group));
  // The message around them is one.
  expect(viewMessage(planOf(type), groups(MAX_MESSAGES - 1)).part).toHaveLength(1025);
  expect(() => viewMessage(planOf(type), groups(MAX_MESSAGES))).toThrow('body: has more than 65536 messages');
});

// protobufjs before 8, which most gRPC servers on Node read with, steps over bytes behind such a varint.
test.each([
  ['a tag', 'd880808080800001'],
  ['a length', '4281808080808000 61'],
  ['a number', '58ffffffffffff01'],
  ['a number in a packed list', '5a08 01 ffffffffffff01'],
  ['an enum', '0881808080808000'],
  ['an unknown length', 'fa07 81808080808000 61'],
  ['a tag in an unknown group', 'fb07 d880808080800001 fc07'],
  ['the end of a group', '53 d48080808000'],
])('a varint of six to nine bytes for 32 bits is refused: %s', (_what, hex) => {
  expect(() => view(hex)).toThrow(refused);
});

// Of a list no more is kept than a decision looks at; what is behind that is read by others all the same.
test.each([
  ['a number', 'counts', '5a', '01', '80'],
  ['a longer varint than its number', 'counts', '5a', '01', 'ffffffffffff01'],
  ['eight bytes', 'wides', '82 01', '0100000000000000', '01'],
])(
  'a packed list that goes wrong behind its first thousand values is refused: %s',
  (_what, name, tag, value, wrong) => {
    const list = (end: string): string => {
      const values = Buffer.from(`${value.repeat(2_000)}${end}`, 'hex');
      const length = protobuf.Writer.create().uint32(values.length).finish();
      return `${tag}${Buffer.from(length).toString('hex')}${values.toString('hex')}`;
    };
    expect(view(list(''))[name]).toHaveLength(MAX_VIEWED_ELEMENTS + 1);
    expect(() => view(list(wrong))).toThrow(refused);
  },
);

it('one of ten bytes, as negative numbers have, is taken', () => {
  expect(view('5881ffffffffffffffff01')).toEqual({ counts: [0xffffff81] });
});

it('one message in two parts is refused: some decoders put them together, some take the second alone', () => {
  expect(view('62030a0161')).toEqual({ inner: { text: 'a' } });
  expect(() => view('62030a016162091900000000000000ff')).toThrow('inner: is given twice');
  expect(() => view('4a030a01614a00')).toThrow('groupLike: is given twice');
});

it('two members of one oneof are refused, wherever: some decoders take the last, some read both', () => {
  const excludes = 'told: excludes "groupLike"; give one of the two (oneof choice)';
  expect(view('420161 420162')).toEqual({ told: 'b' });
  expect(() => view('4a00 420161 4a030a0161')).toThrow(excludes);
  expect(() => view('4a00 5801 4200')).toThrow(excludes);
});

describe('groups inside groups', () => {
  const NEST = `edition = "2023";
message Known { Known inner = 11 [features.message_encoding = DELIMITED]; repeated uint32 numbers = 10; }
message Unknown { string text = 1; }`;
  const { root } = protobuf.parse(NEST, { keepCase: true });
  root.resolveAll();
  /** Half a million numbers, each of field 10, inside so many groups of field 11. */
  const nested = (depth: number): Buffer => {
    const group = (tag: number): Buffer => Buffer.alloc(depth, tag);
    return Buffer.concat([group(0x5b), Buffer.alloc(1_000_000, Buffer.from([0x50, 0x01])), group(0x5c)]);
  };

  test.each(['Known', 'Unknown'])('%s: what they hold is read once, however deep it lies', (name) => {
    const plan = planOf(root.lookupType(name));
    const msOf = (depth: number): number => {
      const body = nested(depth);
      const times = Array.from({ length: 3 }, () => {
        const begun = performance.now();
        viewMessage(plan, body);
        return performance.now() - begun;
      });
      return Math.min(...times);
    };
    msOf(1);
    // Read once for each group around it, it takes some ninety times as long.
    expect(msOf(95) / msOf(1)).toBeLessThan(20);
  });

  test.each(['Known', 'Unknown'])('%s: deeper than messages may be is refused', (name) => {
    expect(() => viewMessage(planOf(root.lookupType(name)), nested(102))).toThrow(`no valid ${name} in protobuf`);
  });
});

describe('google.protobuf.Value', () => {
  const STRUCT = `syntax = "proto3"; package google.protobuf;
message Struct { map<string, Value> fields = 1; }
message Value { oneof kind { NullValue null_value = 1; double number_value = 2; string string_value = 3; } }
enum NullValue { NULL_VALUE = 0; }
message ListValue { repeated Value values = 1; }`;
  const { root } = protobuf.parse(STRUCT, { keepCase: true });
  root.resolveAll();
  const viewOf = (name: string, hex: string): Message =>
    viewMessage(planOf(root.lookupType(`google.protobuf.${name}`)), Buffer.from(hex.replaceAll(' ', ''), 'hex'));

  it('may be null', () => {
    expect(viewOf('ListValue', '0a02 0800')).toEqual({ values: [{ null_value: 0 }] });
    expect(viewOf('Struct', '0a07 0a0161 1202 0800')).toEqual({ fields: new Map([['a', { null_value: 0 }]]) });
  });

  // protobuf-es makes null of all of these, other decoders a value without a kind, or a number.
  test.each([
    ['of no kind, in a list', 'ListValue', '0a00'],
    ['of no kind, in a map', 'Struct', '0a05 0a0161 1200'],
    ['that is left out of its entry', 'Struct', '0a03 0a0161'],
    ['with a null of another number', 'ListValue', '0a02 0807'],
  ])('%s, is refused', (_what, name, hex) => {
    expect(() => viewOf(name, hex)).toThrow(PassbandError);
  });
});
