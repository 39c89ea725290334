import { constants, zstdDecompressSync } from 'node:zlib';
import { decompressFrameSync } from 'lz4-napi';
import { PassbandError } from '../../../errors.ts';
import { LZ4_FRAME_MAGIC, MAX_BLOCKS_BYTES, mostBytesOfLz4Frame } from './lz4-frame.ts';

/** How batches may be compressed, as sdr.oran.CompressionType names it. */
export type Compression = 'ZSTD' | 'LZ4';

/** Bytes of the samples of one batch, compressed or not: a message holds them beside its other fields. */
export const MAX_BATCH_BYTES = 4 * 1024 * 1024;
/** Samples of one batch: of eight bytes each. */
export const MAX_BATCH_SAMPLES = 524_288;

/** First bytes of a Zstandard frame, little-endian (RFC 8878, 3.1.1). */
const ZSTD_MAGIC = 0xfd2fb528;

/** Log2 of the window that a decoder makes room for: 8 MiB, what RFC 8878 (3.1.1.1.2) asks every decoder to support. */
const ZSTD_WINDOW_LOG = 23;

const refuse = (message: string, cause?: unknown): never => {
  throw new PassbandError('INVALID_ARGUMENT', message, { cause });
};

/** What a compressed field is, by its first bytes. @throws PassbandError INVALID_ARGUMENT when it is neither. */
function recognise(compressed: Uint8Array): Compression {
  const magic = compressed.length < 4 ? 0 : new DataView(compressed.buffer, compressed.byteOffset).getUint32(0, true);
  if (magic === ZSTD_MAGIC) return 'ZSTD';
  if (magic === LZ4_FRAME_MAGIC) return 'LZ4';
  return refuse('compressed_samples must be a Zstandard frame (RFC 8878) or an LZ4 frame; it begins like neither');
}

/**
 * The samples of `compressed_samples`, by its own first bytes: Zstandard or an LZ4 frame.
 *
 * What it says of its size counts for nothing: no more than MAX_BATCH_BYTES are made of a Zstandard frame, and no more than
 * MAX_BLOCKS_BYTES, by the headers of its blocks, of an LZ4 frame.
 *
 * @param expected the compression that StartStream has announced; undefined takes either.
 * @throws PassbandError INVALID_ARGUMENT when it is damaged, too large, or another compression than was announced.
 */
export function decompress(compressed: Uint8Array, expected: Compression | undefined): Uint8Array {
  const compression = recognise(compressed);
  if (expected !== undefined && compression !== expected) {
    refuse(`compressed_samples is ${compression}, and StartStream has announced ${expected}; send what was announced`);
  }
  const bytes = compression === 'ZSTD' ? unpackZstd(compressed) : unpackLz4(compressed);
  return bytes.length > MAX_BATCH_BYTES ? tooLarge() : bytes;
}

function tooLarge(): never {
  return refuse(
    `compressed_samples must hold ${MAX_BATCH_BYTES} bytes of samples at most when unpacked; send smaller batches`,
  );
}

function unpackZstd(frame: Uint8Array): Uint8Array {
  try {
    return zstdDecompressSync(frame, {
      maxOutputLength: MAX_BATCH_BYTES,
      params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG },
    });
  } catch (error) {
    const code: unknown = Reflect.get(Object(error), 'code');
    if (code === 'ERR_BUFFER_TOO_LARGE') return tooLarge();
    if (code === 'ZSTD_error_frameParameter_windowTooLarge') {
      return refuse(
        `compressed_samples needs a window above ${2 ** (ZSTD_WINDOW_LOG - 20)} MiB; use a lower level`,
        error,
      );
    }
    return refuse('compressed_samples is a damaged Zstandard frame, or not the whole of it', error);
  }
}

function unpackLz4(frame: Uint8Array): Uint8Array {
  if (mostBytesOfLz4Frame(frame) > MAX_BLOCKS_BYTES) return tooLarge();
  try {
    return decompressFrameSync(Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength));
  } catch (error) {
    return refuse('compressed_samples is a damaged LZ4 frame', error);
  }
}
