import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { PassbandError } from '../../errors.ts';
import { remoteAddress } from '../../remote-address.ts';
import { connectionAt, connectionOf } from './connection.ts';
import type { EdgeRequest } from './peer.ts';
import { leaveUnreadBody } from './unread-body.ts';

/** The answer to a request that could not be read far enough to become one. */
export interface UnreadableAnswer {
  readonly contentType: string;
  readonly body: string;
}

/** Takes such a request down, and says what its answer is. */
export type OnUnreadable = (error: PassbandError, address: string) => UnreadableAnswer;

/**
 * Answers what Node's HTTP/1.1 parser gives up on, and what should not have got past a parser, with the same kind of
 * document as everything else.
 */
export class UnreadableRequests {
  private readonly onUnreadable: OnUnreadable;

  constructor(onUnreadable: OnUnreadable) {
    this.onUnreadable = onUnreadable;
  }

  /** Answers a request that was read but is not fit to be handled; HTTP/1.1 loses its connection by it. */
  answer(refusal: PassbandError, request: EdgeRequest, response: ServerResponse | Http2ServerResponse): void {
    leaveUnreadBody(request, response);
    const { contentType, body } = this.onUnreadable(refusal, connectionOf(request)?.address ?? '');
    response.statusCode = refusal.status;
    response.setHeader('content-type', contentType);
    response.setHeader('content-length', Buffer.byteLength(body));
    response.setHeader('cache-control', 'no-store');
    // Not by its version, which may be what is wrong with it.
    if (!('stream' in request)) response.setHeader('connection', 'close');
    response.end(body);
  }

  /**
   * Takes down a connection that has sent more requests ahead than may wait. There is no answer: those to the requests
   * before it come first, and may take for ever. What it breaks off of them ends for the same reason.
   */
  tooMany(socket: Socket): void {
    const refusal = new PassbandError('RESOURCE_EXHAUSTED', 'too many requests were sent ahead of their answers');
    const connection = connectionAt(socket);
    this.onUnreadable(refusal, connection?.address ?? '');
    if (connection !== undefined) connection.fault = refusal;
  }

  /**
   * Answers and closes, by the parser's error.
   *
   * @param owesAnswer whether another answer has begun or comes first, which must not be mixed up with this one.
   */
  refuse(error: Error & { readonly code?: string }, socket: TLSSocket, owesAnswer: boolean): void {
    if (owesAnswer || !socket.writable || !isParserError(error.code)) {
      socket.destroy();
      return;
    }
    const refusal = refusalOf(error);
    const { contentType, body } = this.onUnreadable(refusal, remoteAddress(socket.remoteAddress));
    const head = [
      `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}`,
      `content-type: ${contentType}`,
      `content-length: ${Buffer.byteLength(body)}`,
      'cache-control: no-store',
      'connection: close',
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
    socket.destroySoon();
  }
}

/** False for what befalls the connection itself (reset, broken pipe): nobody is left to answer. */
function isParserError(code: string | undefined): boolean {
  return code !== undefined && (code.startsWith('HPE_') || code === 'ERR_HTTP_REQUEST_TIMEOUT');
}

function refusalOf(cause: Error & { readonly code?: string }): PassbandError {
  switch (cause.code) {
    case 'HPE_HEADER_OVERFLOW':
      return new PassbandError('RESOURCE_EXHAUSTED', 'the request line and the headers are too large', {
        status: 431,
        cause,
      });
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new PassbandError('RESOURCE_EXHAUSTED', 'the chunk extensions are too large', { status: 413, cause });
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new PassbandError('DEADLINE_EXCEEDED', 'the request did not arrive in time', { status: 408, cause });
    default:
      return new PassbandError('INVALID_ARGUMENT', 'this is no valid HTTP/1.1 request', { cause });
  }
}
