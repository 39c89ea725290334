import type { IncomingHttpHeaders } from 'node:http';
import * as grpc from '@grpc/grpc-js';
import { IDENTITY_METADATA } from '../../identity-metadata.ts';
import { isReservedName } from './reserved-names.ts';

/** Headers that go on as they are. */
const PASSED_ON: readonly string[] = ['traceparent', 'tracestate'];
/** Headers with this prefix go on without it. */
const PREFIX = 'grpc-metadata-';
/** Bytes of header values that go on in all; a backend's own limit for metadata is 8 KiB. */
const MAX_METADATA_BYTES = 4096;
/** Characters of a metadata name; longer ones are nobody's. */
const MAX_NAME_CHARACTERS = 64;
const NAME = /^[a-z0-9_.-]+$/;

/**
 * The metadata of an upstream call: an allow-list of the caller's headers, the request's id, and the caller's identity
 * as this gateway verified it.
 */
export function upstreamMetadata(headers: IncomingHttpHeaders, requestId: string, identityJson: string): grpc.Metadata {
  const metadata = new grpc.Metadata();
  let bytes = 0;
  const add = (name: string, value: string): void => {
    bytes += name.length + value.length;
    if (bytes > MAX_METADATA_BYTES || name.length > MAX_NAME_CHARACTERS || !NAME.test(name)) return;
    if (name.endsWith('-bin')) metadata.add(name, Buffer.from(value, 'base64'));
    // gRPC metadata values are printable ASCII.
    else if (/^[\x20-\x7e]*$/.test(value)) metadata.add(name, value);
  };
  for (const [name, given] of Object.entries(headers)) {
    const stripped = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : undefined;
    const allowed = stripped === undefined ? PASSED_ON.includes(name) : !isReservedName(stripped);
    if (!allowed || given === undefined) continue;
    for (const value of Array.isArray(given) ? given : [given]) add(stripped ?? name, value);
  }
  metadata.set('x-request-id', requestId);
  metadata.set(IDENTITY_METADATA, identityJson);
  return metadata;
}

/** Of the gateway's own making, or only said of a call that is traced: no answer depends on them. */
const NOT_ANSWERING: readonly string[] = [...PASSED_ON, 'x-request-id', IDENTITY_METADATA];

/** What of a call's metadata its answer may depend on, the caller's identity left out; the same text for the same. */
export function answeringMetadata(metadata: grpc.Metadata): string {
  const entries = Object.entries(metadata.toJSON()).filter(([name]) => !NOT_ANSWERING.includes(name));
  return JSON.stringify(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
