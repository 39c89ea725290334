import type * as grpc from '@grpc/grpc-js';

/** Response headers that a backend asks for, by lower-case name. */
export type ResponseHeaders = Readonly<Record<string, string>>;

/** Metadata `http-header-NAME` of a backend asks for the response header NAME. */
const PREFIX = 'http-header-';

/** Bytes of names and values in all: what clients and proxies take without being asked. */
const MAX_HEADER_BYTES = 4096;

/**
 * What a backend may ask for: how a body is called, and facts about it under names of its own. Everything else steers
 * caches, browsers or proxies, and is the gateway's.
 */
const ALLOWED = /^(content-disposition|x-[a-z0-9]+(-[a-z0-9]+)*)$/;

/** Words to proxies: nginx and others fetch files by these. */
const STEERS_PROXIES =
  /^x-(accel|sendfile|lighttpd|litespeed|envoy|forwarded|original|rewrite|http-method|proxy|passband)/;

/** The response headers that a call's initial metadata asks for. What may not be one is left out. */
export function responseHeaders(metadata: grpc.Metadata): ResponseHeaders {
  const headers: Record<string, string> = {};
  let bytes = 0;
  for (const [given, value] of Object.entries(metadata.getMap())) {
    if (!given.startsWith(PREFIX) || typeof value !== 'string') continue;
    const name = given.slice(PREFIX.length);
    bytes += name.length + value.length;
    const isAllowed = ALLOWED.test(name) && !STEERS_PROXIES.test(name) && bytes <= MAX_HEADER_BYTES;
    // Printable ASCII: neither a line end nor anything that clients read in different ways.
    if (isAllowed && /^[\x20-\x7e]+$/.test(value)) headers[name] = value;
  }
  return headers;
}
