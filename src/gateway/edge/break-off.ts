import type { ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';

/** A response of either HTTP version. */
export type EdgeResponse = ServerResponse | Http2ServerResponse;

/** RFC 9113 section 7. */
const HTTP2_INTERNAL_ERROR = 2;

/**
 * Ends a response so that its client sees that it is not whole. A stream of HTTP/2 that is only destroyed is reset with
 * NO_ERROR, which clients take for an end in good order.
 */
export function breakOff(response: EdgeResponse): void {
  if ('stream' in response) response.stream.close(HTTP2_INTERNAL_ERROR);
  else response.destroy();
}
