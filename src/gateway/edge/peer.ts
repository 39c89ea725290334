import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { PassbandError } from '../../errors.ts';

/** A request of either HTTP version, as the listener hands it on. */
export type EdgeRequest = IncomingMessage | Http2ServerRequest;

/** What a connection proves about its other end. */
export interface Peer {
  /** The verified leaf certificate, DER. */
  readonly certificate: Uint8Array;
  /** Address without port. */
  readonly address: string;
  /** The connection itself: alive as long as this object is, and the key for what is remembered of it. */
  readonly connection: object;
}

/** The connection of a request; undefined once an HTTP/2 session is over. */
export function socketOf(request: EdgeRequest): Partial<TLSSocket> | undefined {
  // An HTTP/2 session shows its socket through a proxy that hides which members there are, not their values.
  return ('stream' in request ? request.stream.session?.socket : request.socket) as Partial<TLSSocket> | undefined;
}

/**
 * The peer of a request, from its TLS connection and nothing else.
 *
 * @throws PassbandError UNAUTHENTICATED without a verified certificate. A resumed TLS 1.3 session has been seen to call
 * itself authorized with none, hence both checks.
 */
export function peerOf(request: EdgeRequest): Peer {
  const socket = socketOf(request);
  const certificate = socket?.getPeerX509Certificate?.();
  if (socket === undefined || certificate === undefined || socket.authorized !== true) {
    throw new PassbandError('UNAUTHENTICATED', 'a verified client certificate is needed');
  }
  const connection = 'stream' in request ? (request.stream.session ?? socket) : socket;
  return { certificate: certificate.raw, address: socket.remoteAddress ?? '', connection };
}
