import { GatheredBytes } from './gathered-bytes.ts';

/** Bytes of the varint of a length below 2^32. */
const MAX_LENGTH_BYTES = 5;

/** The errors of whoever reads, for what cannot be split into messages. */
export interface DelimitedFaults {
  /** A message is larger than it may be. */
  readonly tooLarge: () => Error;
  /** What stands where a length should is none. */
  readonly noLength: () => Error;
  /** The bytes end inside a message. */
  readonly unfinished: () => Error;
}

/**
 * The messages of length-delimited protobuf: each behind its length in bytes, a varint. They are views of what was read.
 * Of the bytes no more is held than one message and a chunk.
 *
 * @param maxBytes of one message; a longer one is refused by its length, before its bytes are waited for.
 * @throws one of the faults.
 */
export async function* delimitedMessages(
  chunks: AsyncIterable<Buffer>,
  maxBytes: number,
  faults: DelimitedFaults,
): AsyncGenerator<Buffer> {
  const waiting = new GatheredBytes();
  let needed = 1;
  for await (const chunk of chunks) {
    waiting.add(chunk);
    // Joined once a message is whole: to join at every chunk would copy a long message again and again.
    if (waiting.length < needed) continue;
    let buffered = waiting.take();
    for (;;) {
      const length = readLength(buffered, faults);
      needed = buffered.length + 1;
      if (length === undefined) break;
      if (length.value > maxBytes) throw faults.tooLarge();
      const end = length.bytes + length.value;
      needed = end;
      if (buffered.length < end) break;
      yield buffered.subarray(length.bytes, end);
      buffered = buffered.subarray(end);
    }
    if (buffered.length > 0) waiting.add(buffered);
  }
  if (waiting.length > 0) throw faults.unfinished();
}

/** The length that bytes begin with; undefined while it is not whole. */
function readLength(
  bytes: Buffer,
  faults: DelimitedFaults,
): { readonly value: number; readonly bytes: number } | undefined {
  let value = 0;
  for (let index = 0; index < MAX_LENGTH_BYTES; index++) {
    const byte = bytes[index];
    if (byte === undefined) return undefined;
    value += (byte & 127) * 2 ** (7 * index);
    if (byte < 128) return { value, bytes: index + 1 };
  }
  throw faults.noLength();
}
