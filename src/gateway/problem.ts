import { STATUS_CODES } from 'node:http';
import { PassbandError } from '../errors.ts';
import type { Exchange } from './exchange.ts';

/** Media type of RFC 9457. */
export const PROBLEM_TYPE = 'application/problem+json';

/** The problem document of an error. */
export function problemBody(error: PassbandError, requestId: string): string {
  return JSON.stringify({
    type: 'about:blank',
    title: STATUS_CODES[error.status] ?? 'Client Closed Request',
    status: error.status,
    detail: error.publicMessage,
    instance: `urn:passband:request:${requestId}`,
    code: error.code,
    requestId,
    details: error.details,
  });
}

/** The error for a path that exists, but not with this method (RFC 9110 section 15.5.6). */
export function methodNotAllowed(allow: readonly string[]): PassbandError {
  return new PassbandError('UNIMPLEMENTED', `this path takes ${allow.join(', ')}`, {
    status: 405,
    headers: { allow: allow.join(', ') },
  });
}

/** Answers a request that failed before its answer began; where it had begun, the connection is broken off. */
export function sendProblem(exchange: Exchange, thrown: unknown): void {
  const { request, response } = exchange;
  const { stopped } = exchange;
  const error = stopped === undefined ? PassbandError.from(thrown) : new PassbandError(stopped.code, stopped.message);
  exchange.code = error.code;
  exchange.reason = error.publicMessage;
  exchange.cause ??= error.cause ?? (error === thrown ? undefined : thrown);
  if (response.headersSent) {
    exchange.breakOff();
    return;
  }
  const body = problemBody(error, exchange.requestId);
  exchange.bytesOut = Buffer.byteLength(body);
  const headers: Record<string, string | number> = {
    'content-type': PROBLEM_TYPE,
    'content-length': exchange.bytesOut,
    'cache-control': 'no-store',
    ...error.headers,
  };
  // A body that nobody will read would otherwise be read to its end first; HTTP/2 has its own way to stop it.
  if (!request.complete && request.httpVersionMajor < 2) headers.connection = 'close';
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.statusCode = error.status;
  exchange.finish(body);
}
