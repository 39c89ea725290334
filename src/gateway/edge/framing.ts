import { PassbandError } from '../../errors.ts';
import type { EdgeRequest } from './peer.ts';

/**
 * What makes a request one that two readers could read differently, and that Node's parsers let through; undefined when
 * nothing does. Where a proxy in front finds another end of the body than we do, the rest of it is somebody's next request
 * (request smuggling, RFC 9112 section 11.2), so that the connection of such a request must not be read any further.
 */
export function framingFault(request: EdgeRequest): PassbandError | undefined {
  return 'stream' in request ? http2Fault(request) : http1Fault(request);
}

function http1Fault({ httpVersion, headers }: EdgeRequest): PassbandError | undefined {
  // The parser takes 0.9 and 2.0 as well, and reads them as if they were 1.1.
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return invalid('over this connection, speak HTTP/1.1');
  const coding = headers['transfer-encoding'];
  if (coding === undefined) return undefined;
  if (httpVersion === '1.0') return invalid('HTTP/1.0 has no transfer-encoding');
  // Codings in front of "chunked" pass the parser, and nobody would undo them (RFC 9112 section 6.1).
  if (coding.toLowerCase() === 'chunked') return undefined;
  return new PassbandError('UNIMPLEMENTED', 'the only transfer-encoding taken is "chunked"');
}

function http2Fault({ headers }: EdgeRequest): PassbandError | undefined {
  const authority = headers[':authority'];
  const { host } = headers;
  // RFC 9113 section 8.3.1; a proxy may have gone by the other one of them.
  if (authority === undefined || host === undefined || host === authority) return undefined;
  return invalid('host and :authority differ; send one of them');
}

function invalid(message: string): PassbandError {
  return new PassbandError('INVALID_ARGUMENT', message);
}
