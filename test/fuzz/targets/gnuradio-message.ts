import { parseTaggedMessage } from '../../../src/backend/iq/sources/gnuradio-message.ts';
import { receiverNotes } from '../../../src/backend/iq/sources/receiver-tags.ts';
import { PassbandError } from '../../../src/errors.ts';
import { mutatedBytes } from '../mutation.ts';
import { type FuzzTarget, same } from '../target.ts';

/** Messages of GNU Radio 3.10.5.1: tags of a receiver, a dictionary and vectors of every kind. */
const CORPUS = [
  `f05f01${'00'.repeat(8)}0200000000000000000000000000000002000772785f74696d650c000000020b000000006955b900043fe0000000` +
    '00000001020000000000000002000772785f6672657104418c9c38000000000200025331' +
    '00000000000000000000803f000080bf00000040000000c000004040000040c0',
  `f05f01${'00'.repeat(8)}0100000000000000${'00'.repeat(8)}0200016b090702000162010907020001610006010011223344556677`,
  `f05f01${'00'.repeat(8)}0200000000000000${'00'.repeat(8)}0200016b0a0a0000000201003f80000000000000000000004000000001` +
    `${'00'.repeat(8)}0200016b07000701070006060011223344556677`,
  `f05f01${'ff'.repeat(8)}0000000000000000`,
];
/** Headers of values, numbers that lie, and nests. */
const TOKENS = [
  '08ffffffff',
  '0cffffffff',
  '0800000001',
  '0a0bffffffff01',
  '02ffff',
  '07',
  '09',
  '06',
  '0706'.repeat(8),
  '080000000106',
  '0200046e616d65',
  '0bffffffffffffffff',
  '047ff8000000000000',
];

/** Bytes behind its type that a value of fixed size has. */
const FIXED: Readonly<Record<number, number>> = { 0: 0, 1: 0, 3: 4, 4: 8, 5: 16, 6: 0, 11: 8, 13: 8 };
const ELEMENT = [1, 1, 2, 2, 4, 4, 8, 8, 4, 8, 8, 16];

/**
 * Where the items of a message begin, by counting how many values are still to come: no tree, no recursion. Undefined
 * where it is no message.
 */
function itemsBegin(message: Buffer): number | undefined {
  if (message.length < 19 || message.readUInt16LE(0) !== 0x5ff0 || message[2] !== 1) return undefined;
  let at = 19;
  for (let tags = message.readBigUInt64LE(11); tags > 0n; tags--) {
    at += 8;
    for (let values = 3; values > 0; values--) {
      const type = message[at] ?? 0xff;
      at++;
      if (type === 7 || type === 9) values += 2;
      else if (type === 2 && at + 2 <= message.length) at += 2 + message.readUInt16BE(at);
      else if ((type === 8 || type === 12) && at + 4 <= message.length) {
        values += message.readUInt32BE(at);
        at += 4;
      } else if (type === 10 && at + 6 <= message.length) {
        const each = ELEMENT[message[at] ?? 0xff];
        if (each === undefined) return undefined;
        at += 6 + (message[at + 5] ?? 0) + each * message.readUInt32BE(at + 1);
      } else if (type in FIXED) at += FIXED[type] ?? 0;
      else return undefined;
      if (at > message.length) return undefined;
    }
  }
  return at;
}

/** Messages of ZeroMQ sinks: their items begin where another reader finds them, or they are refused. */
export async function gnuradioMessageTarget(): Promise<FuzzTarget<string>> {
  return {
    inputs: mutatedBytes(CORPUS, TOKENS),
    check: (hex) => {
      const bytes = Buffer.from(hex, 'hex');
      const begin = itemsBegin(bytes);
      try {
        const message = parseTaggedMessage(bytes);
        same('the items', message.items.length, begin === undefined ? 'no message' : bytes.length - begin);
        receiverNotes(message, message.items.length);
      } catch (error) {
        if (!(error instanceof PassbandError) || error.code !== 'INVALID_ARGUMENT') throw error;
        const isBeyondBounds = /deep|too many/.test(error.publicMessage);
        if (begin !== undefined && !isBeyondBounds) same('the message', error.publicMessage, 'read');
      }
    },
  };
}
