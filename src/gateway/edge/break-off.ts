import type { ServerResponse } from 'node:http';
import { constants, type Http2ServerResponse } from 'node:http2';
import { dropUnsent } from '../../unsent.ts';

/** A response of either HTTP version. */
export type EdgeResponse = ServerResponse | Http2ServerResponse;

/**
 * Ends a response so that its client sees that it is not whole; where it is whole, only what is left of the request ends. A
 * stream of HTTP/2 that is destroyed without an error is reset with NO_ERROR, which clients take for an end in good order; one
 * that is only closed stays open for as long as its client's socket takes nothing.
 */
export function breakOff(response: EdgeResponse): void {
  if (!('stream' in response)) response.destroy();
  // An error would take a whole answer back from a client that still sends (RFC 9113 section 8.1).
  else if (response.stream.writableFinished) response.stream.close(constants.NGHTTP2_NO_ERROR);
  else response.stream.destroy(new Error('the answer is broken off'));
}

/**
 * Ends a response that its client has no right to any more. Where the connection carries no other, all that it still holds goes
 * as well.
 */
export function takeAway(response: EdgeResponse): void {
  if (!('stream' in response) && response.socket !== null) dropUnsent(response.socket);
  breakOff(response);
}
