import { PassbandError } from '../../errors.ts';

/** Bytes of all headers of a request; a URL of 8 KiB fits in, cookies are not used. */
export const MAX_HEADER_BYTES = 16 * 1024;
/** Headers of a request; browsers and proxies together send some thirty. */
export const MAX_HEADERS = 100;

/**
 * What makes the headers of a request too many or too large; undefined when they are neither.
 *
 * The parsers' own caps do not do: HTTP/1.1 has none on the number, and an HTTP/2 client need not heed ours before it has
 * acknowledged our settings (RFC 9113 section 6.5.3), which it may put off for ever.
 *
 * @param rawHeaders names and values in turn, the pseudo-headers of HTTP/2 included.
 */
export function headerExcess(rawHeaders: readonly string[]): PassbandError | undefined {
  let bytes = 0;
  let headers = 0;
  for (const [index, text] of rawHeaders.entries()) {
    bytes += text.length;
    if (index % 2 === 0 && !text.startsWith(':')) headers++;
  }
  if (headers > MAX_HEADERS) return tooMuch(`the request has more than ${MAX_HEADERS} headers`);
  if (bytes > MAX_HEADER_BYTES) return tooMuch('the request line and the headers are too large');
  return undefined;
}

function tooMuch(message: string): PassbandError {
  return new PassbandError('RESOURCE_EXHAUSTED', message, { status: 431 });
}
