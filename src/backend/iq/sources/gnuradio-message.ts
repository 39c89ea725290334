import { malformed, type Pmt, PmtReader } from './pmt.ts';

/** Values in the tags of one message at most: some thousand tags, read within milliseconds. */
const MAX_VALUES = 32_768;

/** What a message with tags begins with, and its only version so far. */
const MAGIC = 0x5ff0;
const VERSION = 1;
/** Magic number and version. */
const PREAMBLE_BYTES = 3;
/** A tag takes this much at least: its offset and three values. */
const MIN_TAG_BYTES = 11;

/** A note that a flowgraph made on one of its items. */
export interface StreamTag {
  /** Number of the item since the flowgraph began. */
  readonly offset: bigint;
  readonly key: Pmt;
  readonly value: Pmt;
}

/** What a GNU Radio ZeroMQ sink sends where it passes tags. */
export interface TaggedMessage {
  /** Number of the first item since the flowgraph began. */
  readonly offset: bigint;
  readonly tags: readonly StreamTag[];
  /** The items, in the machine's byte order. */
  readonly items: Uint8Array;
}

/**
 * Reads the header of a message with tags. It has no length, so its tags have to be read to find where the items begin.
 *
 * Source: GNU Radio 3.10, gr-zeromq/lib/tag_headers.cc.
 *
 * @throws PassbandError INVALID_ARGUMENT that says what is wrong with the message.
 */
export function parseTaggedMessage(message: Uint8Array): TaggedMessage {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  if (message.length < PREAMBLE_BYTES || view.getUint16(0, true) !== MAGIC) {
    throw malformed('does not begin with a header of tags; does the sink pass tags?');
  }
  const version = view.getUint8(2);
  if (version !== VERSION) throw malformed(`has a header of version ${version}; only version ${VERSION} is known`);
  const reader = new PmtReader(message, PREAMBLE_BYTES, MAX_VALUES);
  const offset = reader.uint64le();
  const count = reader.uint64le();
  if (count > BigInt(Math.floor((message.length - reader.at) / MIN_TAG_BYTES))) {
    throw malformed('ends within its tags');
  }
  const tags: StreamTag[] = [];
  for (let i = 0n; i < count; i++) {
    const tagOffset = reader.uint64le();
    const key = reader.value();
    const value = reader.value();
    // Which block made the tag.
    reader.value();
    tags.push({ offset: tagOffset, key, value });
  }
  return { offset, tags, items: message.subarray(reader.at) };
}
