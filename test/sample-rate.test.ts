import { describe, expect, it, test } from '@jest/globals';
import type protobuf from 'protobufjs';
import { type Descriptors, loadDescriptors, PASSBAND_PROTO } from '../src/descriptors.ts';
import { UsageError } from '../src/errors.ts';
import { sampleRatePaths, sampleRateReader } from '../src/sample-rate.ts';
import { describeProto } from './support/protos.ts';

const describeMessages = (messages: string): Promise<Descriptors> =>
  describeProto(`syntax = "proto3"; package test; import "passband/v1/field_options.proto"; ${messages}`);

const MESSAGES = `
  message Frame { string name = 1; double rate = 2 [(passband.v1.sample_rate_hz) = true]; bytes data = 3; Part part = 4; }
  message Part { uint64 rate = 7 [(.passband.v1.sample_rate_hz) = true]; int32 other = 8 [deprecated = true]; }
  message Batch { repeated Frame frames = 1; map<string, Part> parts = 2; }
  message Tree { Tree left = 1; Part part = 2; }
  message Plain { double rate = 2; double lie = 3 [(passband.v1.sample_rate_hz) = false]; Plain more = 4; }
`;

describe('fields that state a rate of samples', () => {
  test('are found in messages inside as well, whatever the spelling of the option', async () => {
    const { root } = await describeMessages(MESSAGES);
    expect(sampleRatePaths(root.lookupType('test.Frame'))).toEqual([['rate'], ['part', 'rate']]);
    expect(sampleRatePaths(root.lookupType('test.Plain'))).toEqual([]);
  });

  test.each(['Batch', 'Tree'])('are refused where a request cannot be held to them (%s)', async (name) => {
    const { root } = await describeMessages(MESSAGES);
    expect(() => sampleRatePaths(root.lookupType(`test.${name}`))).toThrow(UsageError);
  });

  test.each([
    'string rate = 1 [(passband.v1.sample_rate_hz) = true];',
    'repeated double rate = 1 [(passband.v1.sample_rate_hz) = true];',
    'map<string, double> rate = 1 [(passband.v1.sample_rate_hz) = true];',
    'bool rate = 1 [(passband.v1.sample_rate_hz) = true];',
  ])('are one number each: %s', async (field) => {
    const { root } = await describeMessages(`message M { ${field} }`);
    expect(() => sampleRateReader(root.lookupType('test.M'))).toThrow(/M\.rate: .* is for one number/);
  });

  test('of Passband are those of samples that are asked for, pushed or given out', async () => {
    const { methods } = await loadDescriptors({ paths: [PASSBAND_PROTO] });
    const marked = [...methods.values()].flatMap(({ name, request, response }) =>
      [request, response].flatMap((type) =>
        sampleRatePaths(type).map((path) => `${name} ${type.name}.${path.join('.')}`),
      ),
    );
    expect(marked).toEqual([
      'sdr.oran.IQStreamService/StreamIQ IQSampleBatch.sample_rate',
      'sdr.oran.IQStreamService/StartStream StreamConfig.sample_rate',
      'sdr.oran.IQStreamService/SubscribeIQ SubscribeIQRequest.output_rate',
      'sdr.oran.IQStreamService/SubscribeIQ IQFrame.sample_rate',
      'sdr.oran.IQStreamService/DownloadIQ DownloadIQRequest.output_rate',
    ]);
  });
});

describe('the rate that a message states', () => {
  /** The rate as read from what protobufjs, an encoder that knows nothing of marks, has written. */
  async function rateOf(name: string, value: Record<string, unknown>): Promise<number | undefined> {
    const { root } = await describeMessages(MESSAGES);
    const type: protobuf.Type = root.lookupType(`test.${name}`);
    return sampleRateReader(type)?.(type.encode(type.fromObject(value)).finish());
  }

  test.each<[string, string, Record<string, unknown>, number | undefined]>([
    ['is its field', 'Frame', { name: 'a', rate: 2.4e6, data: 'AAAA' }, 2.4e6],
    ['is 0 when it says none', 'Frame', { name: 'a' }, 0],
    ['is the highest of several', 'Frame', { rate: 1, part: { rate: 3, other: 9 } }, 3],
    ['is the highest of several, the other way round', 'Frame', { rate: 5, part: { rate: 3 } }, 5],
    ['may be in lists', 'Batch', { frames: [{ rate: 1 }, { rate: 7 }, { part: { rate: 2 } }] }, 7],
    ['may be in maps', 'Batch', { parts: { a: { rate: 1 }, b: { rate: 8 } } }, 8],
    ['may be in messages that contain themselves', 'Tree', { left: { left: { part: { rate: 4 } } } }, 4],
    ['is infinite when it is no number', 'Frame', { rate: Number.NaN }, Number.POSITIVE_INFINITY],
    ['is infinite when it says so', 'Frame', { rate: Number.POSITIVE_INFINITY }, Number.POSITIVE_INFINITY],
    ['is nothing of a type without', 'Plain', { rate: 5 }, undefined],
  ])('%s', async (_what, name, value, rateHz) => {
    expect(await rateOf(name, value)).toBe(rateHz);
  });

  it('is the highest when the field comes twice', async () => {
    const { root } = await describeMessages(MESSAGES);
    const type = root.lookupType('test.Frame');
    const [high, low] = [9, 1].map((rate) => type.encode({ rate }).finish());
    expect(sampleRateReader(type)?.(Buffer.concat([high ?? [], low ?? []].map((part) => Uint8Array.from(part))))).toBe(
      9,
    );
  });

  it('is any whatever where messages nest without end', async () => {
    let value: Record<string, unknown> = { part: { rate: 1 } };
    for (let depth = 0; depth < 40; depth++) value = { left: value };
    expect(await rateOf('Tree', value)).toBe(Number.POSITIVE_INFINITY);
  });

  test.each([
    ['ends too early', [0x11, 0x00]],
    ['has a message that is longer than itself', [0x22, 0x7f, 0x38, 0x01]],
    ['has a message that is longer than the one around it', [0x22, 0x02, 0x22, 0x7f]],
  ])('is an error when it is no message: %s', async (_what, bytes) => {
    const { root } = await describeMessages(MESSAGES);
    expect(() => sampleRateReader(root.lookupType('test.Frame'))?.(Uint8Array.from(bytes))).toThrow();
  });
});
