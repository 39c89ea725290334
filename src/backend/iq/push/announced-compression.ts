import { PassbandError } from '../../../errors.ts';
import { checkEnum } from '../../field-checks.ts';
import { PushSource } from '../sources/push.ts';
import { aSource, type Source } from '../sources/source.ts';
import type { Compression } from './compression.ts';

/** What StreamConfig says of compression. */
export interface CompressionRequest {
  readonly enable_compression: boolean;
  /** Name of a CompressionType; a number that none has. */
  readonly compression: string | number;
}

/** What was announced, once it has been found in order. */
export interface CompressionAnnouncement {
  /** Puts it into effect, once all else in the request is in order. */
  readonly takeEffect: () => void;
  /** What the answer adds about it, with a semicolon in front; empty where there is nothing to say. */
  readonly remark: string;
}

/**
 * What StartStream announces about the batches that a producer will push: `enable_compression` that they are compressed as
 * `compression` says. Without it each batch may be compressed or not, for it can be told by its first bytes.
 *
 * @throws PassbandError INVALID_ARGUMENT for a compression that is none, FAILED_PRECONDITION where nobody pushes batches.
 */
export function announcedCompression(source: Source, request: CompressionRequest): CompressionAnnouncement {
  const expected = request.enable_compression ? compressionOf(request) : undefined;
  if (expected !== undefined && !(source instanceof PushSource)) throw takesNone(source);
  return {
    takeEffect: () => {
      if (source instanceof PushSource) source.expectedCompression = expected;
    },
    remark: remarkOn(request),
  };
}

/** Clients of the fleet may name their compression with every stream: it is no mistake, and must not look like a promise. */
function remarkOn({ enable_compression: isEnabled, compression }: CompressionRequest): string {
  if (isEnabled || compression === 'NONE') return '';
  return `; compression ${compression} has no effect without enable_compression`;
}

function takesNone(source: Source): PassbandError {
  return new PassbandError(
    'FAILED_PRECONDITION',
    `${aSource(source.kind)} takes no batches that could be compressed; set enable_compression to false`,
  );
}

function compressionOf({ compression }: CompressionRequest): Compression {
  const named = checkEnum<Compression | 'NONE'>('compression', compression, { NONE: 'NONE', ZSTD: 'ZSTD', LZ4: 'LZ4' });
  if (named !== 'NONE') return named;
  throw new PassbandError('INVALID_ARGUMENT', 'compression must be ZSTD or LZ4 where enable_compression is true');
}
