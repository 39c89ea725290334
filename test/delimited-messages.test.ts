import { afterEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { type DelimitedFaults, delimitedMessages } from '../src/delimited-messages.ts';

const FAULTS: DelimitedFaults = {
  tooLarge: () => new Error('too large'),
  noLength: () => new Error('no length'),
  unfinished: () => new Error('unfinished'),
};

/** Messages with their lengths before them, as the reference implementation writes bytes. */
function delimited(messages: readonly Uint8Array[]): Buffer {
  const writer = protobuf.Writer.create();
  for (const message of messages) writer.bytes(message);
  return Buffer.from(writer.finish());
}

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function all(messages: AsyncIterable<Buffer>): Promise<Buffer[]> {
  const found: Buffer[] = [];
  for await (const message of messages) found.push(Buffer.from(message));
  return found;
}

describe('length-delimited messages', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('are the same however their bytes come', async () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(messages, fc.integer({ min: 1, max: 400 }), async (sent, size) => {
        const found = await all(delimitedMessages(pieces(delimited(sent), size), 300, FAULTS));
        expect(found).toEqual(sent.map((message) => Buffer.from(message)));
      }),
    );
  });

  it('that come in many pieces are not copied again at each', async () => {
    const sent = [Buffer.alloc(1_000_000, 1), Buffer.alloc(1_000_000, 2)];
    const bytes = delimited(sent);
    const concat = jest.spyOn(Buffer, 'concat');
    const found = await all(delimitedMessages(pieces(bytes, 1000), 1_000_000, FAULTS));
    const copied = concat.mock.results.reduce((sum, { value }) => sum + (Buffer.isBuffer(value) ? value.length : 0), 0);
    expect(Buffer.concat(found).equals(Buffer.concat(sent))).toBe(true);
    // Twice, and what was joined to see their lengths.
    expect(copied).toBeGreaterThan(0);
    expect(copied).toBeLessThan(2 * bytes.length + 10_000);
  });

  it.each([
    ['a message that is larger than it may be', [0x81, 0x02], 'too large'],
    ['a length of more than 32 bits', [0xff, 0xff, 0xff, 0xff, 0xff, 0x01], 'no length'],
    ['an end inside a message', [3, 1, 2], 'unfinished'],
    ['an end inside a length', [0x80], 'unfinished'],
  ])('with %s are refused', async (_name, bytes, says) => {
    await expect(all(delimitedMessages(pieces(Buffer.from(bytes), 1), 256, FAULTS))).rejects.toThrow(says);
  });
});
