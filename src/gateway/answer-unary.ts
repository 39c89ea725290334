import type { Exchange } from './exchange.ts';
import { readHttpBody } from './http-body.ts';
import { printField, printMessage } from './routes/message-to-json.ts';
import { HTTP_BODY } from './routes/request.ts';
import type { Route } from './routes/table.ts';
import { negotiateUnary, type UnaryFormat } from './writers/negotiate.ts';

/** What the caller takes as an answer; google.api.HttpBody has its own type and is not negotiated. */
export function acceptUnary(route: Route, accept: string | undefined): UnaryFormat | 'raw' {
  if (route.response.fullName === HTTP_BODY) return 'raw';
  return negotiateUnary(accept, route.responseBody === undefined).format;
}

/** Answers with one message. */
export function answerUnary(exchange: Exchange, route: Route, format: UnaryFormat | 'raw', bytes: Uint8Array): void {
  if (format === 'raw') {
    const body = readHttpBody(bytes);
    send(exchange, body.contentType, body.data);
  } else if (format === 'protobuf') send(exchange, 'application/x-protobuf', bytes);
  else {
    const { responseBody, response } = route;
    const json = responseBody === undefined ? printMessage(response, bytes) : printField(response, responseBody, bytes);
    send(exchange, 'application/json', Buffer.from(json));
  }
}

function send(exchange: Exchange, contentType: string, body: Uint8Array): void {
  const { response } = exchange;
  exchange.bytesOut = body.length;
  response.statusCode = 200;
  response.setHeader('content-type', contentType);
  response.setHeader('content-length', body.length);
  response.setHeader('cache-control', 'no-store');
  // Node leaves the body of an answer to HEAD out by itself.
  exchange.finish(body);
}
