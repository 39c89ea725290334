import type { ServerResponse } from 'node:http';
import { constants, type Http2ServerResponse } from 'node:http2';
import type { EdgeRequest } from './peer.ts';

/** Milliseconds that a client has to end its body after the answer: the rest of a small one is on its way already. */
export const LINGER_MS = 1_000;

/**
 * Lets go of a request whose answer is out while its body is not in: nobody reads it any more, and nothing else would
 * ever end it. HTTP/1.1 loses the connection, HTTP/2 the one stream.
 */
export function leaveUnreadBody(
  request: EdgeRequest,
  response: ServerResponse | Http2ServerResponse,
  lingerMs = LINGER_MS,
): void {
  // The compatibility response of HTTP/2 calls itself finished only when its stream is closed.
  const answered = 'stream' in response ? response.stream : response;
  answered.once('finish', () => {
    if (request.complete) return;
    const timer = setTimeout(() => {
      if ('stream' in request) request.stream.close(constants.NGHTTP2_NO_ERROR);
      // And the connection with it. Once it is answered, Node does not tell the request when its connection closes.
      else request.destroy();
    }, lingerMs);
    timer.unref();
    for (const event of ['end', 'close']) request.once(event, () => clearTimeout(timer));
    request.resume();
  });
}
