import { PassbandError } from '../../errors.ts';

/** Bytes of a path and query together; RFC 9110 section 4.1 asks for 8000 at least. A longer one is answered 414. */
export const MAX_URL_BYTES = 8192;

/** RFC 3986 allows far less; what must not pass raw are bytes beyond ASCII, spaces and what some readers split at. */
const RAW_TARGET = /^[\x21\x22\x24-\x5b\x5d-\x7e]*$/;

/** A request target, split and checked but not decoded. */
export interface RequestPath {
  /** Segments between the slashes, percent-encoded as they came. */
  readonly segments: readonly string[];
  /** What follows `?`, without it; empty when there is none. */
  readonly query: string;
}

/**
 * Splits a request target in origin form. Dot segments are refused instead of resolved, and so are an encoded NUL,
 * malformed encodings and empty segments: a path that two readers could read differently is nobody's path. A slash at the
 * end is clear enough: it leads to something below, and there is nothing.
 *
 * @throws PassbandError 414 when too long, 404 for a slash at the end, 400 otherwise.
 */
export function parseRequestTarget(target: string): RequestPath {
  if (target.length > MAX_URL_BYTES) {
    throw new PassbandError('INVALID_ARGUMENT', `the URL is longer than ${MAX_URL_BYTES} bytes`, { status: 414 });
  }
  if (!RAW_TARGET.test(target)) {
    throw new PassbandError(
      'INVALID_ARGUMENT',
      'the URL holds a space, "#", "\\", or a character beyond ASCII; percent-encode it',
    );
  }
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  const query = mark === -1 ? '' : target.slice(mark + 1);
  if (!path.startsWith('/')) throw new PassbandError('INVALID_ARGUMENT', 'the request target must begin with "/"');
  if (path === '/') return { segments: [], query };
  const segments = path.slice(1).split('/');
  const isBelow = segments.at(-1) === '';
  for (const segment of isBelow ? segments.slice(0, -1) : segments) {
    const decoded = decodeSegment(segment);
    if (decoded === '') throw new PassbandError('INVALID_ARGUMENT', 'the path has an empty segment');
    if (decoded === '.' || decoded === '..') {
      throw new PassbandError('INVALID_ARGUMENT', 'the path must not contain "." or ".." as a segment');
    }
    if (decoded.includes('\0')) throw new PassbandError('INVALID_ARGUMENT', 'the path must not contain %00');
  }
  if (isBelow) throw new PassbandError('NOT_FOUND', 'nothing is found at this path');
  return { segments, query };
}

/** A segment with every percent-encoding resolved. */
export function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (cause) {
    throw new PassbandError('INVALID_ARGUMENT', 'the URL has a malformed percent-encoding or is not UTF-8', { cause });
  }
}

/** Segments of a multi-segment variable, joined; `%2F` and `%2f` stay as they are, all else is resolved (http.proto). */
export function decodeMultiSegment(segments: readonly string[]): string {
  return segments
    .map((segment) =>
      segment
        .split(/(%2[Ff])/)
        .map((part, index) => (index % 2 === 1 ? part : decodeSegment(part)))
        .join(''),
    )
    .join('/');
}
