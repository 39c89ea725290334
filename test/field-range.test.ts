import { describe, expect, it, test } from '@jest/globals';
import { parseJson } from '../src/gateway/routes/json-text.ts';
import { messageFromJson } from '../src/gateway/routes/json-to-message.ts';
import { planOf } from '../src/gateway/routes/plan.ts';
import { scalarFromText } from '../src/gateway/routes/scalar.ts';
import { describeProto } from './support/protos.ts';

const describeMessages = (messages: string): ReturnType<typeof describeProto> =>
  describeProto(`syntax = "proto3"; package test; import "passband/v1/field_options.proto"; ${messages}`);

const MESSAGES = `message M {
  uint32 size = 1 [(passband.v1.range) = {min: 1, max: 262144, unit: "samples", zero: "means 8"}];
  uint64 length = 2 [(passband.v1.range) = {min: 1, max: 2e15, unit: "samples"}];
  uint64 place = 3 [(passband.v1.range) = {unit: "(number of a frame)"}];
  sint32 ppm = 4 [(passband.v1.range) = {min: -1000, max: 1000, unit: "ppm"}];
  int64 time = 5 [(passband.v1.range) = {limits: "at most 5 s after now", unit: "ns since 1970"}];
  double rate = 6 [(.passband.v1.range) = {min: 0.000001, max: 300e9, unit: "Hz"}, deprecated = true];
  repeated float levels = 7 [(passband.v1.range).min = -1, (passband.v1.range).max = 1, (passband.v1.range).unit = "dB"];
  uint32 bare = 8;
  double plain = 9;
  fixed64 floor = 10 [(passband.v1.range) = {min: 10, unit: "bytes"}];
  uint32 points = 11 [(passband.v1.range) = {what: "a power of two", min: 64, max: 65536, unit: "points"}];
}`;
const { root } = await describeMessages(MESSAGES);
const plan = planOf(root.lookupType('test.M'));

const SIZE = 'must be a whole number from 1 to 262144 samples, or 0, which means 8';
const LENGTH = 'must be a whole number from 1 to 2000000000000000 samples';
const PLACE = 'must be a whole number from 0 to 18446744073709551615 (number of a frame)';
const PPM = 'must be a whole number from -1000 to 1000 ppm';
const TIME = 'must be a whole number of ns since 1970, at most 5 s after now';
const RATE = 'must be a number from 0.000001 to 300000000000 Hz';

describe('what is no number of a type is answered with what the field takes', () => {
  test.each([
    ['size', '-1', SIZE],
    ['size', '0.5', SIZE],
    ['size', 'NaN', SIZE],
    ['size', '1e308', SIZE],
    ['size', '4294967296', SIZE],
    ['size', '', SIZE],
    ['length', '-1', LENGTH],
    ['length', '18446744073709551616', LENGTH],
    ['place', '-1', PLACE],
    ['ppm', '2147483648', PPM],
    ['time', '9223372036854775808', TIME],
    ['rate', 'fast', RATE],
    ['rate', '1e999', RATE],
    ['levels', '1e39', 'must be a number from -1 to 1 dB'],
    ['floor', '-1', 'must be a whole number from 10 to 18446744073709551615 bytes'],
    ['points', '-1', 'must be a power of two from 64 to 65536 points'],
    ['bare', '-1', 'must be from 0 to 4294967295 (uint32)'],
    ['bare', '0.5', 'must be a whole number of type uint32'],
    ['plain', 'fast', 'must be a number of type double'],
    ['plain', '1e999', 'is out of the range of type double'],
  ])('%s=%s', (name, text, message) => {
    const field = plan.byName.get(name);
    if (field === undefined) throw new Error(`no field ${name}`);
    const refused = expect.objectContaining({ code: 'INVALID_ARGUMENT', publicMessage: `here: ${message}` });
    expect(() => scalarFromText(field, text, 'here')).toThrow(refused);
  });

  test.each([
    ['{"size": -1}', `size: ${SIZE}`],
    ['{"size": {}}', `size: ${SIZE}`],
    ['{"rate": true}', `rate: ${RATE}`],
    ['{"rate": "1 MHz"}', `rate: ${RATE}`],
    ['{"levels": [0, "x"]}', 'levels[1]: must be a number from -1 to 1 dB'],
    ['{"bare": {}}', 'bare: must be a whole number of type uint32, as a number or a string'],
    ['{"plain": true}', 'plain: must be a number of type double'],
  ])('%s', (json, message) => {
    const refused = expect.objectContaining({ code: 'INVALID_ARGUMENT', publicMessage: message });
    expect(() => messageFromJson(plan, parseJson(json))).toThrow(refused);
  });

  it('is for the backend to judge where it is one, in range or not', () => {
    const numbers = '{"size": 300000, "length": "0", "ppm": -2000, "rate": "NaN", "levels": [7]}';
    expect(messageFromJson(plan, parseJson(numbers))).toMatchObject({
      size: 300_000,
      length: 0n,
      ppm: -2000,
      levels: [7],
    });
  });
});

test('a range keeps the limits of a type to the last digit', () => {
  expect(plan.byName.get('place')?.range).toMatchObject({
    min: 0n,
    max: 2n ** 64n - 1n,
    unit: '(number of a frame)',
    zero: undefined,
  });
});

describe('a range that makes no sense stops the start', () => {
  test.each([
    ['string a = 1', '{min: 1, max: 2, unit: "x"}', /is for numbers/],
    ['bool a = 1', '{min: 1, max: 2, unit: "x"}', /is for numbers/],
    ['map<string, int32> a = 1', '{min: 1, max: 2, unit: "x"}', /is for numbers/],
    ['Inner a = 1', '{min: 1, max: 2, unit: "x"}', /is for numbers/],
    ['int32 a = 1', '{min: 1, max: 2}', /needs a unit/],
    ['int32 a = 1', '{min: 1, max: 2, unit: ""}', /needs a unit/],
    ['int32 a = 1', '{min: 3, max: 2, unit: "x"}', /min above its max/],
    ['int32 a = 1', '{min: 0.5, max: 2, unit: "x"}', /min that is no int32/],
    ['uint32 a = 1', '{min: -1, max: 2, unit: "x"}', /min that is no uint32/],
    ['int32 a = 1', '{max: 4294967296, unit: "x"}', /max that is no int32/],
    ['int32 a = 1', '{max: "9", unit: "x"}', /one finite number as max/],
    ['int32 a = 1', '{max: 9, unit: "x", least: 1}', /no field "least"/],
    ['int32 a = 1', '{max: 9, unit: "x", limits: "some"}', /limits in words; leave max out/],
    ['double a = 1', '{min: 0, unit: "x"}', /needs min and max/],
    ['double a = 1', '{min: 0, max: inf, unit: "x"}', /one finite number as max/],
    ['int32 a = 1', '5', /is not one message/],
  ])('%s with %s', async (field, option, complaint) => {
    const message = `message Outer { message Inner { } message Far { ${field} [(passband.v1.range) = ${option}]; } }`;
    await expect(describeMessages(message)).rejects.toThrow(complaint);
    await expect(describeMessages(message)).rejects.toThrow(/test\.Outer\.Far\.a: \(passband\.v1\.range\)/);
  });
});
