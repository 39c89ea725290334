import type { ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';

/** A response of either HTTP version. */
export type EdgeResponse = ServerResponse | Http2ServerResponse;

/**
 * Ends a response so that its client sees that it is not whole. A stream of HTTP/2 that is destroyed without an error is reset
 * with NO_ERROR, which clients take for an end in good order; one that is only closed stays open for as long as its client's
 * socket takes nothing.
 */
export function breakOff(response: EdgeResponse): void {
  if ('stream' in response) response.stream.destroy(new Error('the answer is broken off'));
  else response.destroy();
}
