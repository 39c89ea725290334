import type { IncomingHttpHeaders } from 'node:http';
import * as grpc from '@grpc/grpc-js';
import { PassbandError } from '../../errors.ts';
import { IDENTITY_METADATA } from '../../identity-metadata.ts';
import { isReservedName } from './reserved-names.ts';

/** Headers that go on as they are. */
const PASSED_ON = ['traceparent', 'tracestate'] as const;
/** Headers with this prefix go on without it. */
const PREFIX = 'grpc-metadata-';
/** Bytes of names and values that go on in all; a backend's own limit for metadata is 8 KiB. */
const MAX_METADATA_BYTES = 4096;
/** Characters of a metadata name; longer ones are nobody's. */
const MAX_NAME_CHARACTERS = 64;
const NAME = /^[a-z0-9_.-]+$/;
/** gRPC metadata values are printable ASCII. */
const VALUE = /^[\x20-\x7e]*$/;
/** Both alphabets, padded or not (RFC 4648). A group of one character has no bytes. */
const BASE64 = /^(?:[A-Za-z0-9+/_-]{4})*(?:[A-Za-z0-9+/_-]{2}(?:==)?|[A-Za-z0-9+/_-]{3}=?)?$/;

/**
 * The metadata of an upstream call: an allow-list of the caller's headers, the request's id, and the caller's identity
 * as this gateway verified it. Names that are kept from callers are left out, whatever their values.
 *
 * @throws PassbandError INVALID_ARGUMENT for a `Grpc-Metadata-*` that gRPC cannot carry, RESOURCE_EXHAUSTED (431) for more of
 * them than go on.
 */
export function upstreamMetadata(headers: IncomingHttpHeaders, requestId: string, identityJson: string): grpc.Metadata {
  const metadata = new grpc.Metadata();
  let bytes = 0;
  for (const [name, given] of Object.entries(headers)) {
    if (!name.startsWith(PREFIX) || given === undefined) continue;
    const stripped = name.slice(PREFIX.length);
    if (isReservedName(stripped)) continue;
    refuseName(stripped);
    for (const text of Array.isArray(given) ? given : [given]) {
      bytes += stripped.length + text.length;
      if (bytes > MAX_METADATA_BYTES)
        throw tooLarge(`the Grpc-Metadata-* headers have more than ${MAX_METADATA_BYTES} bytes`);
      for (const value of valuesOf(stripped, text)) metadata.add(stripped, value);
    }
  }
  for (const name of PASSED_ON) {
    const value = headers[name];
    // Who traces leaves out what is broken or too long, and refuses nothing for it (W3C Trace Context, section 3).
    if (typeof value !== 'string' || !VALUE.test(value) || bytes + name.length + value.length > MAX_METADATA_BYTES)
      continue;
    bytes += name.length + value.length;
    metadata.set(name, value);
  }
  metadata.set('x-request-id', requestId);
  metadata.set(IDENTITY_METADATA, identityJson);
  return metadata;
}

function refuseName(name: string): void {
  if (name.length > MAX_NAME_CHARACTERS) {
    throw tooLarge(`a header Grpc-Metadata-NAME has a NAME of more than ${MAX_NAME_CHARACTERS} characters`);
  }
  if (NAME.test(name)) return;
  const message = `Grpc-Metadata-${name} cannot be passed on; letters, digits, "_", "." and "-" may follow the prefix`;
  throw new PassbandError('INVALID_ARGUMENT', message);
}

/** Binary values are base64, and several of them may be joined by commas ("gRPC over HTTP/2", Custom-Metadata). */
function valuesOf(name: string, text: string): (string | Buffer)[] {
  const isBinary = name.endsWith('-bin');
  const values = isBinary ? text.split(',').map((part) => part.trim()) : [text];
  if (!values.every((value) => (isBinary ? BASE64 : VALUE).test(value))) {
    const remedy = isBinary
      ? 'its value must be base64'
      : 'its value must be printable ASCII, or base64 under a NAME-bin';
    throw new PassbandError('INVALID_ARGUMENT', `Grpc-Metadata-${name} cannot be passed on; ${remedy}`);
  }
  return isBinary ? values.map((value) => Buffer.from(value, 'base64')) : values;
}

function tooLarge(message: string): PassbandError {
  return new PassbandError('RESOURCE_EXHAUSTED', message, { status: 431 });
}

/** Of the gateway's own making, or only said of a call that is traced: no answer depends on them. */
const NOT_ANSWERING: readonly string[] = [...PASSED_ON, 'x-request-id', IDENTITY_METADATA];

/** What of a call's metadata its answer may depend on, the caller's identity left out; the same text for the same. */
export function answeringMetadata(metadata: grpc.Metadata): string {
  const entries = Object.entries(metadata.toJSON()).filter(([name]) => !NOT_ANSWERING.includes(name));
  return JSON.stringify(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
