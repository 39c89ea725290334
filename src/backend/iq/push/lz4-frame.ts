import { PassbandError } from '../../../errors.ts';

/** First bytes of an LZ4 frame, little-endian. */
export const LZ4_FRAME_MAGIC = 0x184d2204;

/** Bytes that a frame's blocks may have together when they are unpacked: four of the largest that there are. */
export const MAX_BLOCKS_BYTES = 16 * 1024 * 1024;

/** An LZ4 sequence of n bytes never makes more than 255 n bytes: each further length byte stands for 255. */
const MOST_PER_BYTE = 255;

/** Block sizes by their code; codes below 4 are reserved. */
const BLOCK_BYTES: Readonly<Record<number, number>> = { 4: 1 << 16, 5: 1 << 18, 6: 1 << 20, 7: 1 << 22 };

const FLAG = {
  version: 0b1100_0000,
  version1: 0b0100_0000,
  blockChecksum: 0b0001_0000,
  contentSize: 0b0000_1000,
  contentChecksum: 0b0000_0100,
  reserved: 0b0000_0010,
  dictionary: 0b0000_0001,
} as const;

const UNCOMPRESSED_BIT = 0x8000_0000;
const CHECKSUM_BYTES = 4;
const CONTENT_SIZE_BYTES = 8;

const broken = (what: string): never => {
  throw new PassbandError('INVALID_ARGUMENT', `compressed_samples is no LZ4 frame: ${what}`);
};

/**
 * How many bytes an LZ4 frame can unpack to, at most, by the headers of its blocks and not by what it says of its content.
 * The library that unpacks frames has no bound of its own, so this is asked first. Exactly one frame is taken, of version 1,
 * without a dictionary and with nothing behind it (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md).
 *
 * @throws PassbandError INVALID_ARGUMENT when it is no such frame, or ends early.
 */
export function mostBytesOfLz4Frame(frame: Uint8Array): number {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const u32 = (at: number): number =>
    at + 4 <= frame.length ? view.getUint32(at, true) : broken('it ends early; send it whole');
  if (u32(0) !== LZ4_FRAME_MAGIC) broken('it does not begin with its magic number; legacy frames are not taken');
  const flags = frame[4] ?? 0;
  const blockBytes = BLOCK_BYTES[(frame[5] ?? 0) >> 4] ?? broken('its block size is not known');
  if ((flags & FLAG.version) !== FLAG.version1) broken('its version is not 1');
  if ((flags & FLAG.reserved) !== 0) broken('a reserved bit is set');
  if ((flags & FLAG.dictionary) !== 0) broken('dictionaries are not taken; compress without one');
  // Magic, flags, block descriptor, content size, checksum of the header.
  let at = 4 + 2 + (flags & FLAG.contentSize ? CONTENT_SIZE_BYTES : 0) + 1;
  let most = 0;
  for (;;) {
    const header = u32(at);
    at += 4;
    if (header === 0) break;
    const isPlain = header >= UNCOMPRESSED_BIT;
    const size = isPlain ? header - UNCOMPRESSED_BIT : header;
    if (size > blockBytes) broken('a block is larger than its frame says');
    most += isPlain ? size : Math.min(blockBytes, size * MOST_PER_BYTE);
    at += size + (flags & FLAG.blockChecksum ? CHECKSUM_BYTES : 0);
  }
  at += flags & FLAG.contentChecksum ? CHECKSUM_BYTES : 0;
  if (at > frame.length) broken('it ends early; send it whole');
  if (at < frame.length) broken('something follows it; send one frame in a batch');
  return most;
}
