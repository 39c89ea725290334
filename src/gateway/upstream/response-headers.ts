import type * as grpc from '@grpc/grpc-js';
import { isResponseHeaderName } from '../../response-header-name.ts';

/** Response headers that a backend asks for, by lower-case name. */
export type ResponseHeaders = Readonly<Record<string, string>>;

/** Metadata `http-header-NAME` of a backend asks for the response header NAME. */
const PREFIX = 'http-header-';

/** Bytes of names and values in all: what clients and proxies take without being asked. */
const MAX_HEADER_BYTES = 4096;

/** The response headers that a call's initial metadata asks for. What may not be one is left out. */
export function responseHeaders(metadata: grpc.Metadata): ResponseHeaders {
  const headers: Record<string, string> = {};
  let bytes = 0;
  for (const [given, value] of Object.entries(metadata.getMap())) {
    if (!given.startsWith(PREFIX) || typeof value !== 'string') continue;
    const name = given.slice(PREFIX.length);
    bytes += name.length + value.length;
    const isAllowed = isResponseHeaderName(name) && bytes <= MAX_HEADER_BYTES;
    // Printable ASCII: neither a line end nor anything that clients read in different ways.
    if (isAllowed && /^[\x20-\x7e]+$/.test(value)) headers[name] = value;
  }
  return headers;
}
