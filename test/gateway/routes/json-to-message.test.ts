import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { loadDescriptors } from '../../../src/descriptors.ts';
import { PassbandError } from '../../../src/errors.ts';
import { parseJson } from '../../../src/gateway/routes/json-text.ts';
import { messageFromJson } from '../../../src/gateway/routes/json-to-message.ts';
import { encodeMessage } from '../../../src/gateway/routes/message.ts';
import { printMessage } from '../../../src/gateway/routes/message-to-json.ts';
import { type MessagePlan, planOf } from '../../../src/gateway/routes/plan.ts';

let every: MessagePlan;
let old: MessagePlan;

beforeAll(async () => {
  const { root } = await loadDescriptors({ paths: ['test/gateway/routes/protos'] });
  every = planOf(root.lookupType('every.kind.Every'));
  old = planOf(root.lookupType('older.Old'));
});

/** Through the wire and back, printed canonically. */
function canonical(plan: MessagePlan, json: string): string {
  return printMessage(plan, encodeMessage(plan, messageFromJson(plan, parseJson(json))));
}

const T = 'type.googleapis.com';

describe('accepts', () => {
  test.each([
    ['{}', '{}'],
    // Names in both spellings, json_name, and null as "not set".
    ['{"anInt32":1}', '{"anInt32":1}'],
    ['{"an_int32":1}', '{"anInt32":1}'],
    ['{"@other name":"x"}', '{"@other name":"x"}'],
    ['{"renamed":"x"}', '{"@other name":"x"}'],
    ['{"Odd_Case__name3":"x"}', '{"OddCaseName3":"x"}'],
    ['{"_leading":"x"}', '{"Leading":"x"}'],
    ['{"constructor":"x"}', '{"constructor":"x"}'],
    ['{"far":1}', '{"far":1}'],
    [
      '{"anInt32":null,"int32s":null,"byString":null,"leaf":null,"wInt32":null,"timestamp":null,"any":null,"maybeInt32":null}',
      '{}',
    ],
    // Integers: as numbers and strings, with an exponent or a zero fraction, exact to the last digit.
    ['{"anInt32":"7"}', '{"anInt32":7}'],
    ['{"anInt32":7.0}', '{"anInt32":7}'],
    ['{"anInt32":"7.000"}', '{"anInt32":7}'],
    ['{"anInt32":7e2}', '{"anInt32":700}'],
    ['{"anInt32":700E-2}', '{"anInt32":7}'],
    ['{"anInt32":0.00000000000000000000000000000000000000000001e44}', '{"anInt32":1}'],
    ['{"anInt32":0e999999999}', '{}'],
    ['{"anInt32":-0}', '{}'],
    ['{"anInt32":-2147483648,"aUint32":4294967295}', '{"anInt32":-2147483648,"aUint32":4294967295}'],
    ['{"anInt64":9007199254740993}', '{"anInt64":"9007199254740993"}'],
    [
      '{"anInt64":"-9223372036854775808","aUint64":18446744073709551615}',
      '{"anInt64":"-9223372036854775808","aUint64":"18446744073709551615"}',
    ],
    ['{"anInt64":9.223372036854775807e18}', '{"anInt64":"9223372036854775807"}'],
    ['{"aSint64":"-1","aFixed64":"1","aSfixed64":-1}', '{"aSint64":"-1","aFixed64":"1","aSfixed64":"-1"}'],
    // Floating point.
    ['{"aDouble":"NaN","aFloat":"-Infinity"}', '{"aDouble":"NaN","aFloat":"-Infinity"}'],
    ['{"aDouble":"1.5e-3"}', '{"aDouble":0.0015}'],
    ['{"aDouble":-0}', '{"aDouble":-0}'],
    ['{"aDouble":1e-400}', '{}'],
    [
      '{"aDouble":1.7976931348623157e308,"aFloat":3.4028234663852886e38}',
      '{"aDouble":1.7976931348623157e+308,"aFloat":3.4028234663852886e+38}',
    ],
    [
      '{"aFloat":0.1,"floats":[16777217,1e-45,0.333333343]}',
      '{"aFloat":0.1,"floats":[16777216,1.4013e-45,0.33333334]}',
    ],
    // Bytes in both alphabets, padded or not.
    ['{"aBytes":"+/8="}', '{"aBytes":"+/8="}'],
    ['{"aBytes":"-_8"}', '{"aBytes":"+/8="}'],
    ['{"aBytes":"-_8="}', '{"aBytes":"+/8="}'],
    ['{"aBytes":""}', '{}'],
    // Enums by name, alias and number, known or not.
    ['{"colour":"CRIMSON"}', '{"colour":"RED"}'],
    ['{"colour":-7,"colours":[1,0,42]}', '{"colour":"BLUE","colours":["RED","COLOUR_UNSPECIFIED",42]}'],
    // Presence.
    ['{"maybeInt32":0,"maybeString":"","maybeBool":false}', '{"maybeInt32":0,"maybeString":"","maybeBool":false}'],
    ['{"anInt32":0,"aString":"","aBool":false,"colour":0,"int32s":[],"byString":{}}', '{}'],
    ['{"leaf":{},"empty":{},"struct":{},"list":[]}', '{"leaf":{},"struct":{},"list":[],"empty":{}}'],
    // Oneofs.
    ['{"choiceInt32":0}', '{"choiceInt32":0}'],
    ['{"choiceInt32":null,"choiceString":"x"}', '{"choiceString":"x"}'],
    ['{"choiceNull":null}', '{"choiceNull":null}'],
    ['{"choiceNull":"NULL_VALUE"}', '{"choiceNull":null}'],
    ['{"choiceInt32":1,"otherInt64":2}', '{"choiceInt32":1,"otherInt64":"2"}'],
    // Maps.
    ['{"byBool":{"true":1,"false":0}}', '{"byBool":{"true":1,"false":0}}'],
    [
      '{"byInt64":{"-9223372036854775808":"AA=="},"byUint64":{"18446744073709551615":"RED"}}',
      '{"byInt64":{"-9223372036854775808":"AA=="},"byUint64":{"18446744073709551615":"RED"}}',
    ],
    ['{"byString":{"":"","__proto__":"x","a\\u0000":"y"}}', '{"byString":{"":"","__proto__":"x","a\\u0000":"y"}}'],
    ['{"byFixed32":{"7":{"text":"x"}}}', '{"byFixed32":{"7":{"text":"x"}}}'],
    ['{"byValue":{"a":null}}', '{"byValue":{"a":null}}'],
    // Timestamps: offsets, fractions of 0 to 9 digits, extremes.
    ['{"timestamp":"1970-01-01T00:00:00Z"}', '{"timestamp":"1970-01-01T00:00:00Z"}'],
    ['{"timestamp":"2026-03-01T00:30:00.5+01:00"}', '{"timestamp":"2026-02-28T23:30:00.500Z"}'],
    ['{"timestamp":"2024-02-29T23:59:59.000001-23:59"}', '{"timestamp":"2024-03-01T23:58:59.000001Z"}'],
    [
      '{"timestamps":["0001-01-01T00:00:00Z","9999-12-31T23:59:59.999999999Z","1969-12-31T23:59:59.1Z"]}',
      '{"timestamps":["0001-01-01T00:00:00Z","9999-12-31T23:59:59.999999999Z","1969-12-31T23:59:59.100Z"]}',
    ],
    // Durations.
    ['{"duration":"0s"}', '{"duration":"0s"}'],
    ['{"duration":"-0.5s"}', '{"duration":"-0.500s"}'],
    ['{"duration":"315576000000.999999999s"}', '{"duration":"315576000000.999999999s"}'],
    ['{"duration":"-315576000000.999999999s"}', '{"duration":"-315576000000.999999999s"}'],
    ['{"duration":"1.000000001s"}', '{"duration":"1.000000001s"}'],
    // The other well-known types.
    ['{"mask":"aString,leaf.text,someName2.x"}', '{"mask":"aString,leaf.text,someName2.x"}'],
    ['{"mask":""}', '{"mask":""}'],
    ['{"value":null,"values":[null,1,"NaN",true,[],{}]}', '{"value":null,"values":[null,1,"NaN",true,[],{}]}'],
    ['{"struct":{"a":{"b":[1,null,{"__proto__":2}]}}}', '{"struct":{"a":{"b":[1,null,{"__proto__":2}]}}}'],
    [
      '{"wInt64":"9007199254740993","wBool":false,"wBytes":"_-8","wDouble":"NaN","wString":""}',
      '{"wDouble":"NaN","wInt64":"9007199254740993","wBool":false,"wString":"","wBytes":"/+8="}',
    ],
    ['{"any":{}}', '{"any":{}}'],
    [
      `{"any":{"text":"x","@type":"${T}/every.kind.Leaf","number":1}}`,
      `{"any":{"@type":"${T}/every.kind.Leaf","text":"x","number":1}}`,
    ],
    [`{"any":{"@type":"any.host/at/all/every.kind.Leaf"}}`, `{"any":{"@type":"any.host/at/all/every.kind.Leaf"}}`],
    [
      `{"any":{"@type":"${T}/google.protobuf.Duration","value":"1.5s"}}`,
      `{"any":{"@type":"${T}/google.protobuf.Duration","value":"1.500s"}}`,
    ],
    [
      `{"any":{"@type":"${T}/google.protobuf.Any","value":{"@type":"${T}/google.protobuf.Value","value":null}}}`,
      `{"any":{"@type":"${T}/google.protobuf.Any","value":{"@type":"${T}/google.protobuf.Value","value":null}}}`,
    ],
    [`{"any":{"@type":"${T}/google.protobuf.Empty"}}`, `{"any":{"@type":"${T}/google.protobuf.Empty"}}`],
    [`{"any":{"@type":"${T}/google.protobuf.Empty","value":{}}}`, `{"any":{"@type":"${T}/google.protobuf.Empty"}}`],
  ])('%s', (json, expected) => {
    expect(canonical(every, json)).toBe(expected);
  });

  test.each([
    ['{"name":"x","inner":{"text":"t"},"Many":null}', undefined],
    [
      '{"name":"x","inner":{"text":"t","number":1},"many":[{"number":"-1"},{}]}',
      '{"name":"x","inner":{"text":"t","number":1},"many":[{"number":"-1"},{}]}',
    ],
    ['{"name":"","kind":"SECOND","byKind":{"a":3}}', '{"name":"","kind":"SECOND","byKind":{"a":"FIRST"}}'],
    ['{"name":"x","[older.note]":"n","[older.marks]":[1,2]}', '{"name":"x","[older.note]":"n","[older.marks]":[1,2]}'],
  ])('proto2: %s', (json, expected) => {
    if (expected === undefined) expect(() => canonical(old, json)).toThrow('Many: older.Old has no such field');
    else expect(canonical(old, json)).toBe(expected);
  });
});

describe('refuses', () => {
  test.each([
    ['[]', 'body: must be an object'],
    ['null', 'body: must be an object'],
    ['1', 'body: must be an object'],
    ['{"nope":1}', 'nope: every.kind.Every has no such field'],
    ['{"anInt_32":1}', 'anInt_32: every.kind.Every has no such field'],
    ['{"ANINT32":1}', 'no such field'],
    ['{"__proto__":{}}', '__proto__: every.kind.Every has no such field'],
    ['{"toString":1}', 'no such field'],
    ['{"leaf":{"nope":1}}', 'leaf.nope: every.kind.Leaf has no such field'],
    ['{"leaves":[{},{"nope":null}]}', 'leaves[1].nope: every.kind.Leaf has no such field'],
    ['{"byFixed32":{"1":{"nope":1}}}', 'byFixed32["1"].nope: every.kind.Leaf has no such field'],
    ['{"an_int32":1,"anInt32":1}', 'anInt32: is given twice, as "anInt32" and "an_int32"'],
    ['{"an_int32":null,"anInt32":1}', 'is given twice'],
    // Integers.
    ['{"anInt32":1.5}', 'anInt32: must be a whole number of type int32'],
    ['{"anInt32":15e-1}', 'must be a whole number'],
    ['{"anInt32":2147483648}', 'anInt32: must be from -2147483648 to 2147483647 (int32)'],
    ['{"anInt32":"-2147483649"}', 'must be from'],
    ['{"anInt32":1e400}', 'must be a whole number'],
    ['{"anInt32":1e999999999}', 'must be a whole number'],
    ['{"anInt32":""}', 'must be a whole number'],
    ['{"anInt32":" 1"}', 'must be a whole number'],
    ['{"anInt32":"1 "}', 'must be a whole number'],
    ['{"anInt32":"+1"}', 'must be a whole number'],
    ['{"anInt32":"01"}', 'must be a whole number'],
    ['{"anInt32":"0x10"}', 'must be a whole number'],
    ['{"anInt32":"NaN"}', 'must be a whole number'],
    ['{"anInt32":true}', 'must be a whole number'],
    ['{"anInt32":[1]}', 'must be a whole number'],
    ['{"anInt32":{}}', 'must be a whole number'],
    ['{"aUint32":-1}', 'must be from 0 to 4294967295 (uint32)'],
    ['{"aFixed32":4294967296}', 'must be from'],
    ['{"anInt64":9223372036854775808}', 'must be from -9223372036854775808 to 9223372036854775807 (int64)'],
    ['{"anInt64":"-9223372036854775809"}', 'must be from'],
    ['{"aUint64":18446744073709551616}', 'must be from 0 to 18446744073709551615'],
    ['{"aUint64":"-1"}', 'must be from'],
    ['{"anInt64":9223372036854775807.5}', 'must be a whole number'],
    [`{"anInt64":${'9'.repeat(5000)}}`, 'must be a whole number'],
    // Floating point.
    ['{"aFloat":3.5e38}', 'aFloat: is out of the range of type float'],
    ['{"aFloat":"-3.5e38"}', 'out of the range'],
    ['{"aDouble":1e309}', 'out of the range of type double'],
    ['{"aDouble":"nan"}', 'must be a number of type double'],
    ['{"aDouble":"inf"}', 'must be a number'],
    ['{"aDouble":"+Infinity"}', 'must be a number'],
    ['{"aDouble":""}', 'must be a number'],
    ['{"aDouble":" 1"}', 'must be a number'],
    ['{"aDouble":"1."}', 'must be a number'],
    ['{"aDouble":"0x1p3"}', 'must be a number'],
    ['{"aDouble":false}', 'must be a number'],
    // Others.
    ['{"aBool":"true"}', 'aBool: must be true or false'],
    ['{"aBool":1}', 'must be true or false'],
    ['{"aString":1}', 'aString: must be a string'],
    ['{"aString":["a"]}', 'must be a string'],
    ['{"aString":"\\ud800"}', 'aString: must be valid Unicode'],
    ['{"aString":"\\udc00\\ud800"}', 'must be valid Unicode'],
    ['{"byString":{"\\ud800":"x"}}', 'must be valid Unicode'],
    ['{"aBytes":"*"}', 'aBytes: must be base64'],
    ['{"aBytes":"A"}', 'must be base64'],
    ['{"aBytes":"AA="}', 'must be base64'],
    ['{"aBytes":"AA==="}', 'must be base64'],
    ['{"aBytes":"A=A="}', 'must be base64'],
    ['{"aBytes":"AA AA"}', 'must be base64'],
    ['{"aBytes":[1]}', 'must be a string of base64'],
    ['{"colour":"red"}', 'colour: must be one of COLOUR_UNSPECIFIED, RED, CRIMSON, BLUE'],
    ['{"colour":""}', 'must be one of'],
    ['{"colour":"1"}', 'must be one of'],
    ['{"colour":"toString"}', 'must be one of'],
    ['{"colour":1.5}', 'must be a whole number'],
    ['{"colour":2147483648}', 'must be from'],
    ['{"colour":true}', 'must be the name or number'],
    // Lists, maps, messages.
    ['{"int32s":1}', 'int32s: must be an array'],
    ['{"int32s":[1,null]}', 'int32s[1]: must be a whole number'],
    ['{"leaves":[null]}', 'leaves[0]: must not be null'],
    ['{"int32s":[[1]]}', 'int32s[0]: must be a whole number'],
    ['{"leaf":[]}', 'leaf: must be an object'],
    ['{"leaf":"x"}', 'leaf: must be an object'],
    ['{"empty":{"a":1}}', 'empty.a: google.protobuf.Empty has no such field'],
    ['{"byString":[]}', 'byString: must be an object'],
    ['{"byString":{"a":null}}', 'byString["a"]: must be a string'],
    ['{"byBool":{"True":1}}', 'byBool["True"]: must be true or false'],
    ['{"byBool":{"1":1}}', 'must be true or false'],
    ['{"byInt32":{"1":1,"1.0":2}}', 'byInt32["1.0"]: is given twice'],
    ['{"byInt64":{"0":"","-0":""}}', 'is given twice'],
    ['{"byInt32":{"2147483648":1}}', 'must be from'],
    ['{"byUint64":{"-1":"RED"}}', 'must be from'],
    ['{"byInt32":{"":1}}', 'must be a whole number'],
    // Oneofs.
    [
      '{"choiceInt32":1,"choiceString":"x"}',
      'choiceString: excludes "choiceInt32"; give one of the two (oneof choice)',
    ],
    ['{"choiceString":"","choiceNull":null}', 'give one of the two'],
    ['{"choiceInt32":0,"choice_leaf":{}}', 'give one of the two'],
    // Well-known types.
    ['{"timestamp":""}', 'timestamp: must be an RFC 3339 time'],
    ['{"timestamp":0}', 'must be a string'],
    ['{"timestamp":"2026-01-01"}', 'RFC 3339'],
    ['{"timestamp":"2026-01-01T00:00:00"}', 'RFC 3339'],
    ['{"timestamp":"2026-01-01t00:00:00Z"}', 'RFC 3339'],
    ['{"timestamp":"2026-01-01T00:00:00z"}', 'RFC 3339'],
    ['{"timestamp":"2026-01-01 00:00:00Z"}', 'RFC 3339'],
    ['{"timestamp":"2026-02-29T00:00:00Z"}', 'RFC 3339'],
    ['{"timestamp":"2026-13-01T00:00:00Z"}', 'RFC 3339'],
    ['{"timestamp":"2026-00-01T00:00:00Z"}', 'RFC 3339'],
    ['{"timestamp":"2026-01-01T24:00:00Z"}', 'RFC 3339'],
    ['{"timestamp":"2026-01-01T00:60:00Z"}', 'RFC 3339'],
    ['{"timestamp":"2026-12-31T23:59:60Z"}', 'RFC 3339'],
    ['{"timestamp":"2026-01-01T00:00:00.Z"}', 'RFC 3339'],
    ['{"timestamp":"2026-01-01T00:00:00.0123456789Z"}', 'RFC 3339'],
    ['{"timestamp":"2026-01-01T00:00:00+24:00"}', 'RFC 3339'],
    ['{"timestamp":"2026-01-01T00:00:00+0100"}', 'RFC 3339'],
    ['{"timestamp":"0000-12-31T23:59:59Z"}', 'years 0001 to 9999'],
    ['{"timestamp":"0001-01-01T00:00:00+00:01"}', 'years 0001 to 9999'],
    ['{"timestamp":"9999-12-31T23:59:59-00:01"}', 'years 0001 to 9999'],
    ['{"timestamp":"10000-01-01T00:00:00Z"}', 'RFC 3339'],
    ['{"timestamp":{"seconds":1}}', 'must be a string'],
    ['{"duration":"1"}', 'duration: must be seconds'],
    ['{"duration":"1S"}', 'must be seconds'],
    ['{"duration":"1m"}', 'must be seconds'],
    ['{"duration":"1.s"}', 'must be seconds'],
    ['{"duration":".5s"}', 'must be seconds'],
    ['{"duration":"+1s"}', 'must be seconds'],
    ['{"duration":"1 s"}', 'must be seconds'],
    ['{"duration":"1.0000000001s"}', 'must be seconds'],
    ['{"duration":"315576000001s"}', 'must be within 315576000000 seconds'],
    ['{"duration":"-315576000001s"}', 'must be within'],
    ['{"duration":1}', 'must be a string'],
    ['{"mask":"a_b"}', 'mask: "a_b" is no lowerCamelCase field path'],
    ['{"mask":"a,"}', 'is no lowerCamelCase'],
    ['{"mask":"a,,b"}', 'is no lowerCamelCase'],
    ['{"mask":"a..b"}', 'is no lowerCamelCase'],
    ['{"mask":" a"}', 'is no lowerCamelCase'],
    ['{"mask":["a"]}', 'must be a string'],
    ['{"struct":[]}', 'struct: must be an object'],
    ['{"list":{}}', 'list: must be an array'],
    ['{"value":1e999}', 'value: is out of the range'],
    ['{"struct":{"a":["\\ud800"]}}', 'must be valid Unicode'],
    ['{"wInt64":"9223372036854775808"}', 'wInt64: must be from'],
    ['{"wBool":{"value":true}}', 'wBool: must be true or false'],
    ['{"any":{"text":"x"}}', 'any.@type: must be a string'],
    ['{"any":{"@type":""}}', 'any.@type: "" names no known message type'],
    ['{"any":{"@type":"every.kind.Leaf"}}', 'names no known message type'],
    [`{"any":{"@type":"${T}/no.Such"}}`, 'names no known message type'],
    [`{"any":{"@type":"${T}/Leaf"}}`, 'names no known message type'],
    [`{"any":{"@type":"${T}/every.kind.Colour"}}`, 'names no known message type'],
    [`{"any":{"@type":"${T}/constructor"}}`, 'names no known message type'],
    [`{"any":{"@type":"${T}/"}}`, 'names no known message type'],
    [`{"any":{"@type":"${T}/every.kind.Leaf","nope":1}}`, 'any.nope: every.kind.Leaf has no such field'],
    [`{"any":{"@type":"${T}/google.protobuf.Duration"}}`, 'takes exactly the members "@type" and "value"'],
    [`{"any":{"@type":"${T}/google.protobuf.Duration","value":"1s","x":1}}`, 'takes exactly'],
    [`{"any":{"@type":"${T}/google.protobuf.Duration","seconds":1}}`, 'takes exactly'],
    [`{"any":{"@type":"${T}/google.protobuf.Duration","value":"x"}}`, 'any.value: must be seconds'],
  ])('%s', (json, why) => {
    const run = (): string => canonical(every, json);
    expect(run).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', status: 400 }));
    expect(run).toThrow(why);
  });

  test.each([
    ['{}', 'name: is required in older.Old'],
    ['{"name":"x","again":{}}', 'name: is required'],
    ['{"name":"x","kind":5}', 'kind: must be one of FIRST, SECOND'],
    ['{"name":"x","kinds":["FIRST","THIRD"]}', 'kinds[1]: must be one of FIRST, SECOND'],
    ['{"name":"x","[older.nope]":1}', 'no such field'],
    ['{"name":"x","older.note":"n"}', 'no such field'],
  ])('proto2: %s', (json, why) => {
    expect(() => canonical(old, json)).toThrow(why);
  });

  test('messages that nest deeper than backends decode', () => {
    const nested = (depth: number): string => `${'{"again":'.repeat(depth)}{}${'}'.repeat(depth)}`;
    expect(canonical(every, nested(99))).toBe(nested(99));
    expect(() => canonical(every, nested(100))).toThrow('nested deeper than 100');
    // Each array of a Struct is two messages on the wire.
    const list = (depth: number): string => `{"list":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    expect(canonical(every, list(49))).toBe(list(49));
    expect(() => canonical(every, list(60))).toThrow('nests messages deeper than 100');
  });

  test('with an error that stays short whatever the caller wrote', () => {
    const long = 'n'.repeat(1_000_000);
    for (const json of [
      `{"${long}":1}`,
      `{"colour":"${long}"}`,
      `{"anInt32":"${long}"}`,
      `{"mask":"${long}-"}`,
      `{"byInt32":{"${long}":1}}`,
      `{"any":{"@type":"${long}"}}`,
    ]) {
      expect(() => canonical(every, json)).toThrow(/^.{1,600}$/);
    }
  });
});

test('any JSON is a message or a PassbandError, and a message prints as JSON that means it again', () => {
  const scalar = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(0, '0', -1, '', 'RED', true, null, 1.5, 'AA==', '1s'),
  );
  const object = fc.dictionary(
    fc.constantFrom(
      'leaf',
      'again',
      'anInt32',
      'a_string',
      'byString',
      'colour',
      'value',
      'struct',
      'choiceLeaf',
      'choiceInt32',
      'any',
      '@type',
      'timestamp',
      'duration',
      'int64s',
      'leaves',
      'text',
    ),
    scalar,
  );
  const nested = fc.tuple(object, object).map(([outer, inner]) => ({ ...outer, again: inner, leaves: [inner] }));
  fc.assert(
    fc.property(fc.oneof(object, nested, fc.jsonValue()), (json) => {
      let printed: string;
      try {
        printed = canonical(every, JSON.stringify(json));
      } catch (error) {
        expect(error).toBeInstanceOf(PassbandError);
        return;
      }
      expect(canonical(every, printed)).toBe(printed);
    }),
    { numRuns: 1000 },
  );
});
