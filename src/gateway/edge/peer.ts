import type { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { PassbandError } from '../../errors.ts';
import { connectionOf, type EdgeConnection } from './connection.ts';

/** A request of either HTTP version, as the listener hands it on. */
export type EdgeRequest = IncomingMessage | Http2ServerRequest;

/** What a connection proves about its other end. */
export interface Peer {
  /** The verified leaf certificate. */
  readonly certificate: X509Certificate;
  /** Address without port. */
  readonly address: string;
  /** The connection itself: alive as long as this object is, and the key for what is remembered of it. */
  readonly connection: EdgeConnection;
}

/**
 * The peer of a request, from its TLS connection and nothing else.
 *
 * @throws PassbandError UNAUTHENTICATED without a verified certificate.
 */
export function peerOf(request: EdgeRequest): Peer {
  const connection = connectionOf(request);
  if (connection?.certificate === undefined) {
    throw new PassbandError('UNAUTHENTICATED', 'a verified client certificate is needed');
  }
  return { certificate: connection.certificate, address: connection.address, connection };
}
