import { Metadata } from '@grpc/grpc-js';
import { appendBytesFields } from './protobuf-bytes.ts';
import { messageType } from './protos.ts';

/** Field number of google.api.HttpBody.data. */
const DATA_FIELD = 2;

/** What a gateway that finds metadata of this prefix sends on as response headers of a body. */
const HEADER_PREFIX = 'http-header-';

const HTTP_BODY = messageType('google.api.HttpBody');

/**
 * A part of a body as google.api.HttpBody, its data written straight into the message.
 *
 * @param contentType counts in the first part only; empty in those that follow.
 * @param fill writes `byteLength` bytes; the target begins at a multiple of 8.
 * @param allocate memory of so many bytes for the message, from a multiple of 8 on; new unless told.
 */
export function httpBodyPart(
  contentType: string,
  byteLength: number,
  fill: (target: Uint8Array) => void,
  allocate?: (byteLength: number) => Buffer,
): Buffer {
  const head = HTTP_BODY.serialize({ content_type: contentType });
  return appendBytesFields(head, [{ fieldNumber: DATA_FIELD, byteLength, fill }], allocate);
}

/** A part of a body from bytes that are there already. */
export function httpBodyBytes(contentType: string, bytes: Uint8Array): Buffer {
  return httpBodyPart(contentType, bytes.length, (target) => target.set(bytes));
}

/** Metadata that becomes response headers of a body at the gateway (docs/protos.md). */
export function httpHeaders(headers: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(`${HEADER_PREFIX}${name}`, value);
  return metadata;
}
