import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { parseTaggedMessage } from '../../../src/backend/iq/sources/gnuradio-message.ts';
import { type ReceiverNote, receiverNotes } from '../../../src/backend/iq/sources/receiver-tags.ts';
import { PassbandError } from '../../../src/errors.ts';
import { type Written, type WrittenTag, writeTagged } from './gnuradio-writer.ts';

const symbol = (text: string): Written => ({ symbol: text });
const double = (value: number): Written => ({ double: value });
const time = (whole: bigint, fraction: number): Written => ({ tuple: [{ uint64: whole }, double(fraction)] });
const tag = (offset: bigint, key: string, value: Written): WrittenTag => ({ offset, key: symbol(key), value });
const ITEMS = Buffer.from('0011223344556677', 'hex');

describe('a message of a sink that passes tags', () => {
  it('gives its offset, its tags and its items', () => {
    const message = writeTagged(2n ** 40n, ITEMS, [
      { ...tag(2n ** 40n, 'rx_freq', double(100e6)), source: symbol('usrp') },
      tag(2n ** 40n + 3n, 'burst', { dict: [{ pair: [symbol('a'), null] }, null] }),
    ]);
    expect(parseTaggedMessage(message)).toEqual({
      offset: 2n ** 40n,
      tags: [
        { offset: 2n ** 40n, key: 'rx_freq', value: 100e6 },
        { offset: 2n ** 40n + 3n, key: 'burst', value: { cars: [{ cars: ['a'], tail: null }], tail: null } },
      ],
      items: ITEMS,
    });
  });

  it('is what a flowgraph of GNU Radio 3.10.5.1 sent, byte for byte', () => {
    // vector_source_c of 0, 1-1j, 2-2j, 3-3j with two tags -> pub_sink.
    const sent = Buffer.from(
      'f05f0100000000000000000200000000000000' +
        '000000000000000002000772785f74696d650c000000020b000000006955b900043fe000000000000001' +
        '020000000000000002000772785f6672657104418c9c38000000000200025331' +
        '00000000000000000000803f000080bf00000040000000c000004040000040c0',
      'hex',
    );
    const values = Float32Array.of(0, 0, 1, -1, 2, -2, 3, -3);
    const items = Buffer.from(values.buffer);
    const tags = [
      tag(0n, 'rx_time', time(1_767_225_600n, 0.5)),
      { ...tag(2n, 'rx_freq', double(60e6)), source: symbol('S1') },
    ];
    expect(writeTagged(0n, items, tags).equals(sent)).toBe(true);
    const message = parseTaggedMessage(sent);
    expect(message).toMatchObject({ offset: 0n, items });
    expect(receiverNotes(message, 4)).toEqual([
      { at: 0, time: { wholeS: 1_767_225_600, fractionS: 0.5 } },
      { at: 2, centerFrequencyHz: 60e6 },
    ]);
  });

  it.each<[what: string, message: Buffer, refusal: RegExp]>([
    ['is empty', Buffer.alloc(0), /does not begin with a header/],
    ['has no header', ITEMS, /does not begin with a header of tags; does the sink pass tags/],
    ['is of another version', Buffer.from('f05f02', 'hex'), /version 2/],
    ['ends within its offset', Buffer.from('f05f0101020304', 'hex'), /ends within/],
    ['ends within its count', writeTagged(1n, Buffer.alloc(0)).subarray(0, -1), /ends within/],
    [
      'claims 2^64 - 1 tags',
      Buffer.concat([Buffer.from(`f05f01${'00'.repeat(8)}${'ff'.repeat(8)}`, 'hex'), ITEMS]),
      /ends within/,
    ],
    ['claims one tag more than it has room for', claiming(2n, Buffer.alloc(21)), /ends within/],
    [
      'has more tags than anybody reads',
      writeTagged(0n, ITEMS, Array(20_000).fill(tag(0n, '', null))),
      /too many values/,
    ],
  ])('is refused where it %s', (_what, message, refusal) => {
    expect(() => parseTaggedMessage(message)).toThrow(refusal);
    expect(() => parseTaggedMessage(message)).toThrow(PassbandError);
  });

  it('is refused, or read, whatever bytes were changed in it', () => {
    const message = writeTagged(7n, ITEMS, [tag(7n, 'rx_time', time(5n, 0.25)), tag(8n, 'rx_rate', double(1e6))]);
    fc.assert(
      fc.property(fc.nat(message.length - 1), fc.nat(255), fc.nat(message.length), (at, byte, end) => {
        const changed = Buffer.from(message);
        changed[at] = byte;
        try {
          const { items, tags } = parseTaggedMessage(changed.subarray(0, end));
          expect(items.length).toBeLessThanOrEqual(end);
          expect(tags.length).toBeLessThanOrEqual(5);
        } catch (error) {
          expect(error).toBeInstanceOf(PassbandError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

function claiming(tags: bigint, rest: Buffer): Buffer {
  const message = writeTagged(0n, rest);
  message.writeBigUInt64LE(tags, 11);
  return message;
}

describe('what a receiver notes on its samples', () => {
  const notes = (...tags: readonly WrittenTag[]): readonly ReceiverNote[] =>
    receiverNotes(parseTaggedMessage(writeTagged(1000n, Buffer.alloc(800), tags)), 100);

  it('comes in the order of the samples, one note a sample', () => {
    expect(
      notes(
        tag(1050n, 'rx_freq', double(433e6)),
        tag(1000n, 'rx_time', time(1_767_225_600n, 0.5)),
        tag(1000n, 'rx_rate', double(2e6)),
        tag(1000n, 'rx_freq', double(100e6)),
      ),
    ).toEqual([
      { at: 0, time: { wholeS: 1_767_225_600, fractionS: 0.5 }, sampleRateHz: 2e6, centerFrequencyHz: 100e6 },
      { at: 50, centerFrequencyHz: 433e6 },
    ]);
  });

  it('is refused where it is more than any receiver notes', () => {
    const many = (count: number): WrittenTag[] =>
      Array.from({ length: count }, (_, i) => tag(1000n + BigInt(i), 'rx_rate', double(1e6 + i)));
    expect(notes(...many(64))).toHaveLength(64);
    expect(() => notes(...many(65))).toThrow(/on more than 64 of its samples/);
  });

  test.each<[what: string, tag: WrittenTag]>([
    ['of another name', tag(1000n, 'packet_len', double(1e6))],
    ['whose name is no symbol', { offset: 1000n, key: { int32: 1 }, value: double(1e6) }],
    ['before the message', tag(999n, 'rx_rate', double(1e6))],
    ['behind the message', tag(1100n, 'rx_rate', double(1e6))],
    ['far behind it', tag(2n ** 64n - 1n, 'rx_rate', double(1e6))],
    ['with a rate of NaN', tag(1000n, 'rx_rate', double(Number.NaN))],
    ['with a rate without end', tag(1000n, 'rx_rate', double(Number.POSITIVE_INFINITY))],
    ['with a negative rate', tag(1000n, 'rx_rate', double(-1e6))],
    ['with a rate of no radio', tag(1000n, 'rx_rate', double(1e12))],
    ['with a rate in words', tag(1000n, 'rx_rate', symbol('1e6'))],
    ['with a frequency of nought', tag(1000n, 'rx_freq', double(0))],
    ['with a time that is no tuple', tag(1000n, 'rx_time', double(5))],
    ['with a time of one part', tag(1000n, 'rx_time', { tuple: [{ uint64: 5n }] })],
    ['with a time that is negative', tag(1000n, 'rx_time', time(5n, -0.5))],
    ['with a fraction of more than a second', tag(1000n, 'rx_time', time(5n, 1))],
    ['with a fraction of NaN', tag(1000n, 'rx_time', time(5n, Number.NaN))],
    ['with a time beyond all', tag(1000n, 'rx_time', time(2n ** 63n, 0))],
  ])('is not a tag %s', (_what, other) => {
    expect(notes(other)).toEqual([]);
  });
});
