import { PassbandError, UsageError } from '../errors.ts';
import type { FileEnd } from './file-end.ts';
import { type Body, journalBody } from './line.ts';

/** What a journal says when it cannot be opened: naming --audit, unless the error is clear enough by itself. */
export function unusable(folder: string, cause: unknown): UsageError {
  if (cause instanceof UsageError) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new UsageError(
    `--audit: ${folder} cannot be written to (${why}); name another folder with --audit DIR, or keep no journal with --audit off`,
    { cause },
  );
}

/** What a request is refused with while no line can be kept. */
export function unavailable(): PassbandError {
  return new PassbandError('UNAVAILABLE', 'the audit journal cannot be written, and nothing is done without it', {
    headers: { 'retry-after': '1' },
  });
}

/** The line that owns up to the beginning of a line, which a crash left. */
export function recovered({ bytes, sha256 }: NonNullable<FileEnd['torn']>): Body {
  return journalBody('recovered', { tornBytes: bytes, tornSha256: sha256 });
}
