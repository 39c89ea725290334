import { create, type FileRegistry, toBinary } from '@bufbuild/protobuf';
import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { loadDescriptors } from '../../../src/descriptors.ts';
import { PassbandError } from '../../../src/errors.ts';
import { fieldTexts } from '../../../src/gateway/routes/field-text.ts';
import { printAny, printField, printMessage, printMessageText } from '../../../src/gateway/routes/message-to-json.ts';
import { type FieldPlan, type MessagePlan, planOf } from '../../../src/gateway/routes/plan.ts';
import { floatText } from '../../../src/gateway/routes/scalar-to-json.ts';
import { oracleRegistry } from '../../support/protos.ts';
import { arbitraryMessage } from './arbitrary-message.ts';

let every: MessagePlan;
let old: MessagePlan;
let next: MessagePlan;
let registry: FileRegistry;

beforeAll(async () => {
  registry = oracleRegistry('test/gateway/routes/protos');
  const { root } = await loadDescriptors({ paths: ['test/gateway/routes/protos'] });
  every = planOf(root.lookupType('every.kind.Every'));
  old = planOf(root.lookupType('older.Old'));
  next = planOf(root.lookupType('newer.New'));
});

/** Bytes from hexadecimal, blanks between fields. */
function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

function fieldOf(plan: MessagePlan, name: string): FieldPlan {
  const field = plan.byName.get(name);
  if (field === undefined) throw new Error(`no ${name}`);
  return field;
}

/** A tag and a length before a payload, for fields whose tag takes two bytes. */
function framed(number: number, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([((number << 3) & 0x7f) | 0x82, number >> 4, payload.length]), payload]);
}

describe('the wire', () => {
  test.each([
    ['nothing', '', '{}'],
    ['the last of a scalar counts', '1801 1802', '{"anInt32":2}'],
    ['a default after a value takes it back', '1801 1800', '{}'],
    ['a varint longer than needed', '188180808000', '{"anInt32":1}'],
    ['a negative int32 in ten bytes', '18ffffffffffffffffff01', '{"anInt32":-1}'],
    ['a 64-bit varint in an int32 is cut', '18 8180808010', '{"anInt32":1}'],
    ['any varint but 0 is true', '6802', '{"aBool":true}'],
    ['parts of one message merge', '8a01 03 0a0161 8a01 02 1005', '{"leaf":{"text":"a","number":5}}'],
    ['a later part wins', '8a01 03 0a0161 8a01 03 0a0162', '{"leaf":{"text":"b"}}'],
    ['packed', 'ba01 03 010203', '{"int32s":[1,2,3]}'],
    ['unpacked', 'b801 01 b801 02', '{"int32s":[1,2]}'],
    ['both', 'b801 01 ba01 02 0203 b801 04', '{"int32s":[1,2,3,4]}'],
    ['a packed list of none', 'ba01 00', '{}'],
    ['packed where the proto says otherwise', 'b202 02 0102', '{"loose":[1,2]}'],
    ['strings are never packed', '9202 01 61 9202 00', '{"strings":["a",""]}'],
    [
      'unknown fields of every kind',
      'c83e01 c93e0000000000000000 ca3e0100 cb3ec83e01cc3e cd3e00000000 1801',
      '{"anInt32":1}',
    ],
    ['a known number with another framing is unknown', '1a0101 1d00000000 190000000000000000 1801', '{"anInt32":1}'],
    ['a message where a scalar is meant', '0801 7001 8801 01', '{}'],
    ['the last of a oneof counts', 'e803 05 f203 01 61', '{"choiceString":"a"}'],
    ['a oneof that comes back', '8204 03 0a0161 e803 05 8204 02 1001', '{"choiceLeaf":{"number":1}}'],
    ['the default of a oneof shows', 'e803 00', '{"choiceInt32":0}'],
    ['a misframed member of a oneof counts nothing', 'e803 05 f003 01', '{"choiceInt32":5}'],
    ['a map entry without key or value', 'ca02 00', '{"byString":{"":""}}'],
    ['a map entry with its value first, and something unknown', 'ca02 08 120162 1801 0a0161', '{"byString":{"a":"b"}}'],
    ['the last entry of a key counts', 'ca02 06 0a0161 120162 ca02 06 0a0161 120163', '{"byString":{"a":"c"}}'],
    ['a map to messages without a value', 'fa02 05 0d07000000', '{"byFixed32":{"7":{}}}'],
    ['map keys of every kind are strings', 'd202 04 0801 1005 da02 02 0801', '{"byBool":{"true":5},"byInt32":{"1":0}}'],
    ['an unknown enum number', '800105', '{"colour":5}'],
    ['an alias prints as the first name', '800101', '{"colour":"RED"}'],
    ['an Any of an unknown type keeps its bytes', 'ea04 07 0a03 782f79 1200', '{"any":{"@type":"x/y","value":""}}'],
  ])('%s', (_, bytes, expected) => {
    expect(printMessage(every, hex(bytes))).toBe(expected);
    // A view into a larger buffer, and bytes that are no Buffer.
    const offset = Buffer.concat([Buffer.from([1, 2, 3]), hex(bytes), Buffer.from([9])]).subarray(3, -1);
    expect(printMessage(every, new Uint8Array(offset))).toBe(expected);
    expect(printMessage(every, offset)).toBe(expected);
  });

  test('proto2 and editions: groups, closed enums, packing, extensions', () => {
    expect(printMessage(old, hex('2b 0a0161 1005 2c 33 0802 34 33 34'))).toBe(
      '{"inner":{"text":"a","number":5},"many":[{"number":"1"},{}]}',
    );
    expect(printMessage(old, hex('3805'))).toBe('{}');
    expect(printMessage(old, hex('3803 3805'))).toBe('{"kind":"FIRST"}');
    expect(printMessage(old, hex('4003 4009 4004'))).toBe('{"kinds":["FIRST","SECOND"]}');
    expect(printMessage(old, hex('4a05 0a0161 1009 4a03 0a0162'))).toBe('{"byKind":{"b":"FIRST"}}');
    expect(printMessage(old, hex('a206 01 6e a806 01'))).toBe('{"[older.note]":"n","[older.marks]":[1]}');
    // proto2 does not ask for UTF-8.
    expect(printMessage(old, hex('1201ff'))).toBe('{"name":"\ufffd"}');
    expect(printMessage(next, hex('2b 13 0a0161 14 2c 0800 1000'))).toBe(
      '{"explicit":0,"delimited":{"again":{"text":"a"}}}',
    );
    // A delimited field that comes with a length is another field.
    expect(printMessage(next, hex('2a00'))).toBe('{}');
  });

  test('a group inside a group of the same number', () => {
    expect(printMessage(next, hex('2b 13 13 0a0162 14 14 2c'))).toBe('{"delimited":{"again":{"again":{"text":"b"}}}}');
  });
});

describe('malformed bytes are INTERNAL, whatever is wrong', () => {
  test.each([
    ['a tag without a value', '18'],
    ['an unfinished tag', 'ff'],
    ['a tag of six bytes', '988080808001'],
    ['field number 0', '0001'],
    ['field number 0 inside an unknown group', 'cb3e 0001 cc3e'],
    ['wire type 6', '1e'],
    ['wire type 7', '1f'],
    ['an endless varint', '18 ffffffffffffffffffffff01'],
    ['a string longer than the message', '7205 61'],
    ['a length of 4 GiB', '72 ffffffff0f'],
    ['a length beyond 32 bits', '72 ffffffffff01'],
    ['a message longer than the message', '8a01 05 0a01'],
    ['a field longer than its message', '8a01 02 0a05 6162636465'],
    ['a packed list longer than the message', 'ba01 05 01'],
    ['a packed list that ends inside a value', 'ba01 01 80 01'],
    ['a packed list of half a fixed32', 'ea01 02 0000'],
    ['a fixed64 cut short', '09 00000000'],
    ['an end of a group that never began', 'cc3e'],
    ['a group that never ends', 'cb3e 1801'],
    ['a group that ends as another', 'cb3e d43e'],
    ['a map entry cut short', 'ca02 03 0a05 61'],
    ['a string that is not UTF-8', '7201ff'],
    ['a map key that is not UTF-8', 'ca02 03 0a01ff'],
    ['an overlong UTF-8 form', '7202 c080'],
    ['a surrogate in UTF-8', '7203 eda080'],
  ])('%s', (_, bytes) => {
    expect(() => printMessage(every, hex(bytes))).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
  });

  test('an honest U+FFFD is fine', () => {
    expect(printMessage(every, hex('7203 efbfbd'))).toBe('{"aString":"\ufffd"}');
  });

  test.each([
    ['a Timestamp after 9999', 71, '08 ffffffffff7f'],
    ['a Timestamp with nanos below 0', 71, '10 ffffffffffffffffff01'],
    ['a Timestamp with a second of nanos', 71, '10 8094ebdc03'],
    ['a Duration beyond 10,000 years', 72, '08 ffffffffff7f'],
    ['a Duration of mixed signs', 72, '08 01 10 ffffffffffffffffff01'],
    ['a FieldMask that does not come back', 73, '0a 05 666f6f5f31'],
    ['a FieldMask with a capital', 73, '0a 02 6142'],
    ['a FieldMask that ends in _', 73, '0a 02 615f'],
    ['an empty Value', 75, ''],
    ['a Value of NaN', 75, '11 000000000000f87f'],
    ['a Value of infinity', 75, '11 000000000000f07f'],
  ])('%s has no JSON form', (_, number, payload) => {
    const bytes = framed(number, hex(payload));
    expect(() => printMessage(every, bytes)).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
    expect(() => printMessage(every, bytes)).toThrow('the response has no JSON form');
  });

  test('nesting beyond the limit of protobuf', () => {
    const nested = (depth: number): Buffer => {
      let bytes = Buffer.alloc(0);
      for (let at = 0; at < depth; at++) {
        const length = bytes.length;
        const prefix = length < 128 ? [0x92, 0x01, length] : [0x92, 0x01, (length & 127) | 128, length >> 7];
        bytes = Buffer.concat([Buffer.from(prefix), bytes]);
      }
      return bytes;
    };
    expect(printMessage(every, nested(100))).toBe(`${'{"again":'.repeat(100)}{}${'}'.repeat(100)}`);
    expect(() => printMessage(every, nested(101))).toThrow('nested deeper than 100');
    expect(() => printMessage(every, nested(4000))).toThrow('nested deeper than 100');
  });

  test('a message in very many parts takes no time to speak of', () => {
    const part = hex('8a01 02 1005');
    const bytes = Buffer.alloc(part.length * 400_000, part);
    expect(printMessage(every, bytes)).toBe('{"leaf":{"number":5}}');
  });

  test('mutations of real messages print or are INTERNAL', () => {
    const desc = registry.getMessage('every.kind.Every');
    if (desc === undefined) throw new Error('no Every');
    const bytes = arbitraryMessage(registry, desc).map((message) => Buffer.from(toBinary(desc, create(desc, message))));
    const flips = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 40 }).map((raw) => Buffer.from(raw)),
          bytes,
        ),
        flips,
        (original, changes) => {
          const changed = Buffer.from(original);
          for (const [at, value] of changes) if (changed.length > 0) changed[at % changed.length] = value;
          try {
            JSON.parse(printMessage(every, changed));
          } catch (error) {
            expect(error).toBeInstanceOf(PassbandError);
            expect(error).toHaveProperty('code', 'INTERNAL');
          }
        },
      ),
      { numRuns: 250 },
    );
  });
});

describe('one field as the body', () => {
  test.each([
    ['anInt32', '1805', '5'],
    ['anInt32', '', '0'],
    ['anInt64', '2005', '"5"'],
    ['anInt64', '', '"0"'],
    ['aString', '', '""'],
    ['aBytes', '7a0101', '"AQ=="'],
    ['aBool', '', 'false'],
    ['colour', '', '"COLOUR_UNSPECIFIED"'],
    ['leaf', '', 'null'],
    ['leaf', '8a01 00', '{}'],
    ['leaves', '', '[]'],
    ['leaves', 'aa02 02 1005 aa02 00', '[{"number":5},{}]'],
    ['int32s', 'ba01 02 0102', '[1,2]'],
    ['byString', '', '{}'],
    ['byString', 'ca02 00', '{"":""}'],
    ['timestamp', 'ba04 00', '"1970-01-01T00:00:00Z"'],
    ['timestamp', '', 'null'],
    ['wInt32', 'fa05 00', '0'],
    ['value', 'da04 02 0800', 'null'],
    ['struct', 'd204 00', '{}'],
    ['list', 'e204 00', '[]'],
  ])('%s of %j: %s', (name, bytes, expected) => {
    expect(printField(every, fieldOf(every, name), hex(bytes))).toBe(expected);
  });

  test('malformed bytes', () => {
    expect(() => printField(every, fieldOf(every, 'leaf'), hex('18'))).toThrow(
      expect.objectContaining({ code: 'INTERNAL' }),
    );
  });
});

test('a text in parts is the same text, and its long part is ASCII', () => {
  const bytes = hex(`7202c3a9 7af02e${'ab'.repeat(6000)} 8a01020a00`);
  const { head, ascii, tail } = printMessageText(every, bytes);
  expect(head + ascii + tail).toBe(printMessage(every, bytes));
  expect(ascii).toMatch(/^[A-Za-z0-9+/]{8000}$/);
  const desc = registry.getMessage('every.kind.Every');
  if (desc === undefined) throw new Error('no Every');
  fc.assert(
    fc.property(arbitraryMessage(registry, desc), (message) => {
      const wire = toBinary(desc, message);
      const text = printMessageText(every, wire);
      expect(text.head + text.ascii + text.tail).toBe(printMessage(every, wire));
    }),
    { numRuns: 40 },
  );
});

describe('error details', () => {
  test.each([
    ['type.googleapis.com/every.kind.Leaf', '0a0161', '{"@type":"type.googleapis.com/every.kind.Leaf","text":"a"}'],
    ['every.kind.Leaf', '', '{"@type":"every.kind.Leaf"}'],
    ['x/google.protobuf.Duration', '0801', '{"@type":"x/google.protobuf.Duration","value":"1s"}'],
    ['x/unknown"\n.Type', '0801', '{"@type":"x/unknown\\"\\n.Type","value":"CAE="}'],
  ])('%j', (url, bytes, expected) => {
    expect(printAny(every, url, hex(bytes))).toBe(expected);
  });
});

describe('a scalar as text', () => {
  test.each([
    ['anInt64', '2005 20ffffffffffffffffff01', '-1'],
    ['aString', '1801 7202 2261', '"a'],
    ['aString', '', ''],
    ['anInt64', '', '0'],
    ['colour', '800101', 'RED'],
    ['aUint64', '30ffffffffffffffffff01', '18446744073709551615'],
    ['aUint64', '30ffffffffffffff0f', '9007199254740991'],
    ['aUint64', '308180808080808010', '9007199254740993'],
    ['anInt64', '208180808080808070', '63050394783186945'],
    ['anInt64', '20ffffffff0f', '4294967295'],
  ])('%s of %s', (name, bytes, expected) => {
    expect(fieldTexts(every, [name])(hex(bytes))).toEqual([expected]);
  });

  test('some in one walk, in the order of their names', () => {
    const wire = hex('2005 1801 720161 2007');
    expect(fieldTexts(every, ['aString', 'anInt64', 'aUint64'])(wire)).toEqual(['a', '7', '0']);
  });

  test.each(['leaf', 'int32s', 'byString', 'nope'])('not of %s', (name) => {
    expect(() => fieldTexts(every, [name])).toThrow(TypeError);
  });
});

test('any float reads back from its text, and short ones are short', () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
      expect(Math.fround(Number(floatText(value)))).toBe(value);
      const digits = floatText(value)
        .replace(/e.*|[-.]/g, '')
        .replace(/^0+|0+$/g, '');
      if (!Number.isInteger(value)) expect(digits.length).toBeLessThanOrEqual(9);
    }),
    { numRuns: 5000 },
  );
  expect(
    [0.1, -2.5, 1 / 3, 1e-7, 123456.79, 8388607.5, 1e-45, 3.4028234663852886e38].map(Math.fround).map(floatText),
  ).toEqual(['0.1', '-2.5', '0.33333334', '1e-7', '123456.79', '8388607.5', '1.4013e-45', '3.4028234663852886e+38']);
});
