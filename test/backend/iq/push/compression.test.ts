import { zstdCompressSync } from 'node:zlib';
import { describe, expect, it, test } from '@jest/globals';
import { compressFrameSync } from 'lz4-napi';
import { decompress, MAX_BATCH_BYTES } from '../../../../src/backend/iq/push/compression.ts';

const samples = Buffer.from(Float32Array.from({ length: 16_384 }, (_, i) => Math.fround(Math.sin(i * i))).buffer);
const zstd = zstdCompressSync(samples);
/** Of an unknown content size, and a window of 2^27 bytes. */
const wideZstd = Buffer.concat([zstd.subarray(0, 4), Buffer.from([0, (27 - 10) << 3]), zstd.subarray(6)]);
/** Its content size is of eight bytes, and it is to be unpacked in one piece. */
const lyingZstd = Buffer.concat([zstd.subarray(0, 4), Buffer.from([0xe0, 0, 0, 0, 0, 0, 0, 4, 0]), zstd.subarray(6)]);
const lz4 = compressFrameSync(samples);

/** A copy with some bytes changed. */
function patched(bytes: Uint8Array, changes: Readonly<Record<number, number>>): Buffer {
  const copy = Buffer.from(bytes);
  for (const [at, value] of Object.entries(changes)) copy[Number(at)] = value;
  return copy;
}

/** An LZ4 block that is a literal and a match of itself, over and over: 255 bytes for each of its own. */
function lz4Bomb(blocks: number, blockCode: number, lengthBytes: number): Buffer {
  const block = Buffer.concat([
    Buffer.from([0x1f, 0, 1, 0]),
    Buffer.alloc(lengthBytes, 255),
    Buffer.from([0, 0x50, 1, 2, 3, 4, 5]),
  ]);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(block.length);
  // Version 1, blocks independent; the checksum of the header is never reached.
  const header = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, blockCode << 4, HEADER_CHECKSUMS[blockCode] ?? 0]);
  return Buffer.concat([header, ...Array.from({ length: blocks }, () => [size, block]).flat(), Buffer.alloc(4)]);
}

/** Second byte of the xxHash-32 of 0x60 and the block descriptor, by block code; those of the lz4 program. */
const HEADER_CHECKSUMS: Readonly<Record<number, number>> = { 4: 0x82, 7: 0x73 };

describe('decompress', () => {
  it.each([
    ['Zstandard', zstd, undefined],
    ['Zstandard, as announced', zstd, 'ZSTD'],
    ['LZ4', lz4, undefined],
    ['LZ4, as announced', lz4, 'LZ4'],
    ['LZ4 with checksums', compressFrameSync(samples, { blockChecksums: true, contentChecksum: true }), undefined],
  ] as const)('gives what was compressed by %s', (_, compressed, expected) => {
    // At an odd address, as it comes out of a message.
    const shifted = Buffer.concat([Buffer.alloc(1), compressed]).subarray(1);
    expect(samples.equals(decompress(shifted, expected))).toBe(true);
  });

  it('takes as much as a message holds when it is not compressed, and not a byte more', () => {
    const most = Buffer.alloc(MAX_BATCH_BYTES, 1);
    const more = Buffer.alloc(MAX_BATCH_BYTES + 1, 1);
    for (const compress of [zstdCompressSync, compressFrameSync]) {
      expect(decompress(compress(most), undefined).length).toBe(MAX_BATCH_BYTES);
      expect(() => decompress(compress(more), undefined)).toThrow(/must hold 4194304 bytes of samples at most/);
    }
  });

  test.each<readonly [string, Uint8Array, 'ZSTD' | 'LZ4' | undefined, RegExp]>([
    ['nothing known', Buffer.from('no compression at all'), undefined, /begins like neither/],
    ['three bytes', zstd.subarray(0, 3), undefined, /begins like neither/],
    ['another compression than announced', lz4, 'ZSTD', /is LZ4, and StartStream has announced ZSTD/],
    ['another compression than announced', zstd, 'LZ4', /is ZSTD, and StartStream has announced LZ4/],
    [
      'half a Zstandard frame',
      zstd.subarray(0, zstd.length / 2),
      undefined,
      /damaged Zstandard frame, or not the whole/,
    ],
    ['a changed Zstandard frame', patched(zstd, { 4: 0xff, 9: 0xff, 10: 0xff }), undefined, /damaged Zstandard frame/],
    ['a window of 128 MiB', wideZstd, undefined, /a window above 8 MiB; use a lower level/],
    ['a frame that says it holds a petabyte', lyingZstd, undefined, /a window above 8 MiB/],
    ['half an LZ4 frame', lz4.subarray(0, lz4.length / 2), undefined, /no LZ4 frame: it ends early/],
    ['an LZ4 header alone', lz4.subarray(0, 7), undefined, /no LZ4 frame: it ends early/],
    ['two LZ4 frames', Buffer.concat([lz4, lz4]), undefined, /no LZ4 frame: something follows it/],
    ['LZ4 with a dictionary', patched(lz4, { 4: 0x61 }), undefined, /dictionaries are not taken/],
    ['LZ4 of another version', patched(lz4, { 4: 0x20 }), undefined, /its version is not 1/],
    ['LZ4 with a reserved bit', patched(lz4, { 4: 0x62 }), undefined, /a reserved bit is set/],
    ['LZ4 with a block size that is none', patched(lz4, { 5: 0x30 }), undefined, /its block size is not known/],
    ['LZ4 with a wrong checksum of its header', patched(lz4, { 6: 0 }), undefined, /damaged LZ4 frame/],
    ['LZ4 with a block larger than it says', patched(lz4, { 9: 0xff }), undefined, /larger than its frame says/],
    ['legacy LZ4', patched(lz4, { 0: 0x02, 1: 0x21, 2: 0x4c }), undefined, /begins like neither/],
  ])('refuses %s', (_, compressed, expected, reason) => {
    expect(() => decompress(compressed, expected)).toThrow(reason);
  });

  // Each of these makes far more than it is; nothing may be made of it beyond the bound.
  test.each([
    ['Zstandard: 64 MiB of zeros', zstdCompressSync(Buffer.alloc(64 * 1024 * 1024))],
    ['LZ4: 16 KiB for each 4 MiB', lz4Bomb(60, 7, 16_400)],
    ['LZ4: many small blocks', lz4Bomb(4000, 4, 250)],
  ])('a bomb is refused, and costs little memory: %s', (_, bomb) => {
    expect(bomb.length).toBeLessThan(4 * 1024 * 1024);
    decompressOnce(bomb);
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 4; i++) decompressOnce(bomb);
    expect(process.memoryUsage().rss - before).toBeLessThan(128 * 1024 * 1024);
  });
});

function decompressOnce(bomb: Uint8Array): void {
  expect(() => decompress(bomb, undefined)).toThrow(/4194304 bytes of samples at most/);
}
