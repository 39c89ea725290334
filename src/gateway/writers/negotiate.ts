import Negotiator from 'negotiator';
import { PassbandError } from '../../errors.ts';

/** The forms in which a stream of messages can leave. */
export type StreamFormat = 'sse' | 'ndjson' | 'json-array' | 'protobuf';

/** The forms in which one message can leave. */
export type UnaryFormat = 'json' | 'protobuf';

const STREAM_TYPES: Readonly<Record<string, StreamFormat>> = {
  // The first is the answer to a request that asks for nothing in particular.
  'text/event-stream': 'sse',
  'application/x-ndjson': 'ndjson',
  'application/jsonl': 'ndjson',
  'application/json': 'json-array',
  'application/x-protobuf': 'protobuf',
};

const UNARY_TYPES: Readonly<Record<string, UnaryFormat>> = {
  'application/json': 'json',
  'application/x-protobuf': 'protobuf',
};

/** A chosen form and the media type to name it by. */
export interface Negotiated<Format> {
  readonly format: Format;
  readonly mediaType: string;
}

/** Chooses the form of a stream by the Accept header (RFC 9110 section 12.5.1, q-values included). */
export function negotiateStream(accept: string | undefined): Negotiated<StreamFormat> {
  return negotiate(accept, STREAM_TYPES);
}

/** Chooses the form of a single message. `binary` is false where only JSON can tell the answer (response_body). */
export function negotiateUnary(accept: string | undefined, binary: boolean): Negotiated<UnaryFormat> {
  return negotiate(accept, binary ? UNARY_TYPES : { 'application/json': 'json' });
}

function negotiate<Format>(accept: string | undefined, types: Readonly<Record<string, Format>>): Negotiated<Format> {
  const offered = Object.keys(types);
  const mediaType = new Negotiator({ headers: { accept: accept ?? '*/*' } }).mediaType(offered);
  const format = mediaType === undefined ? undefined : types[mediaType];
  if (mediaType === undefined || format === undefined) {
    throw new PassbandError('INVALID_ARGUMENT', `nothing acceptable; this call answers ${offered.join(', ')}`, {
      status: 406,
    });
  }
  return { format, mediaType };
}
