import protobuf from 'protobufjs';
import { PassbandError } from '../errors.ts';

/** A google.api.HttpBody. */
export interface HttpBody {
  readonly contentType: string;
  readonly data: Uint8Array;
}

/** Field numbers of google/api/httpbody.proto. */
const CONTENT_TYPE = 1;
const DATA = 2;

/** Reads a google.api.HttpBody without copying its data. A type that could not stand in a header is refused. */
export function readHttpBody(bytes: Uint8Array): HttpBody {
  let contentType = '';
  let data = new Uint8Array();
  try {
    const reader = protobuf.Reader.create(bytes);
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag >>> 3 === CONTENT_TYPE) contentType = reader.string();
      else if (tag >>> 3 === DATA) data = reader.bytes() as Uint8Array<ArrayBuffer>;
      else reader.skipType(tag & 7);
    }
  } catch (cause) {
    throw new PassbandError('INTERNAL', 'the backend sent a malformed message', { cause });
  }
  if (!/^[\x20-\x7e]*$/.test(contentType))
    throw new PassbandError('INTERNAL', 'the backend sent a malformed content type');
  return { contentType: contentType === '' ? 'application/octet-stream' : contentType, data };
}
