import { PassbandError } from '../../../errors.ts';
import { checkEnum } from '../../field-checks.ts';
import { PushSource } from '../sources/push.ts';
import type { Source } from '../sources/source.ts';
import type { Compression } from './compression.ts';

/** What StreamConfig says of compression. */
export interface CompressionRequest {
  readonly enable_compression: boolean;
  /** Name of a CompressionType; a number that none has. */
  readonly compression: string | number;
}

/**
 * What StartStream announces about the batches that a producer will push: `enable_compression` that they are compressed as
 * `compression` says. Without it each batch may be compressed or not, for it can be told by its first bytes.
 *
 * @returns how to put it into effect, once all else in the request is in order.
 * @throws PassbandError INVALID_ARGUMENT for a compression that is none, FAILED_PRECONDITION where nobody pushes batches.
 */
export function announcedCompression(source: Source, request: CompressionRequest): () => void {
  const expected = request.enable_compression ? compressionOf(request) : undefined;
  if (source instanceof PushSource) {
    return () => {
      source.expectedCompression = expected;
    };
  }
  if (expected === undefined) return () => {};
  throw new PassbandError(
    'FAILED_PRECONDITION',
    `a ${source.kind} source takes no batches that could be compressed; set enable_compression to false`,
  );
}

function compressionOf({ compression }: CompressionRequest): Compression {
  const named = checkEnum<Compression | 'NONE'>('compression', compression, { NONE: 'NONE', ZSTD: 'ZSTD', LZ4: 'LZ4' });
  if (named !== 'NONE') return named;
  throw new PassbandError('INVALID_ARGUMENT', 'compression must be ZSTD or LZ4 where enable_compression is true');
}
