import { parse as parseContentType } from 'content-type';
import { PassbandError } from '../errors.ts';
import { type BodyLimits, delimitedMessages, lines, readBody } from './edge/body.ts';
import type { EdgeRequest } from './edge/peer.ts';
import { parseJson } from './routes/json-text.ts';
import type { BoundRequest, RequestBinder } from './routes/request.ts';

/** The forms in which a request body can come. */
export type BodyKind = 'none' | 'json' | 'protobuf' | 'raw';

const UNARY_TYPES: Readonly<Record<string, BodyKind>> = {
  'application/json': 'json',
  'application/x-protobuf': 'protobuf',
};
const STREAM_TYPES: Readonly<Record<string, BodyKind>> = {
  'application/x-ndjson': 'json',
  'application/jsonl': 'json',
  'application/json': 'json',
  'application/x-protobuf': 'protobuf',
};

/**
 * The form of a request's body, by its content type.
 *
 * @throws PassbandError 415 that names what this call takes.
 */
export function bodyKind(request: EdgeRequest, binder: RequestBinder, streaming: boolean): BodyKind {
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new PassbandError('INVALID_ARGUMENT', 'content-encoding is not supported; send the body as it is', {
      status: 415,
    });
  }
  if (binder.rawBody) return 'raw';
  const header = request.headers['content-type'];
  if (header === undefined) return hasBody(request) || streaming ? 'json' : 'none';
  const types = streaming ? STREAM_TYPES : UNARY_TYPES;
  const refuse = (): PassbandError =>
    new PassbandError('INVALID_ARGUMENT', `the content type must be one of ${Object.keys(types).join(', ')}`, {
      status: 415,
    });
  let parsed: ReturnType<typeof parseContentType>;
  try {
    parsed = parseContentType(header);
  } catch {
    throw refuse();
  }
  const kind = types[parsed.type];
  const charset = parsed.parameters.charset;
  if (kind === undefined || (charset !== undefined && charset.toLowerCase() !== 'utf-8')) {
    // A call without a body may name any type for it.
    if (!hasBody(request) && !streaming) return 'none';
    throw refuse();
  }
  return kind;
}

function hasBody(request: EdgeRequest): boolean {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (request.httpVersionMajor >= 2) return length === undefined ? !request.complete : length !== '0';
  return encoding !== undefined || (length !== undefined && length !== '0');
}

/** Reads the one message of a call that takes one; the limits' signal ends the reading. */
export async function readRequest(
  request: EdgeRequest,
  binder: RequestBinder,
  limits: BodyLimits,
): Promise<BoundRequest> {
  const kind = binder.takesBody || hasBody(request) ? bodyKind(request, binder, false) : 'none';
  if (kind === 'none') return binder.fromNothing();
  const body = await readBody(request, limits);
  if (!binder.takesBody) {
    if (body.length > 0) throw new PassbandError('INVALID_ARGUMENT', 'this call takes no body');
    return binder.fromNothing();
  }
  if (kind === 'raw') return binder.fromRaw({ contentType: request.headers['content-type'] ?? '', data: body });
  if (kind === 'protobuf') return binder.fromProtobuf(body);
  return body.length === 0 ? binder.fromNothing() : binder.fromJson(parseJson(utf8(body)));
}

/** Reads the messages of a call that takes a stream, as they come; the limits' signal ends the reading. */
export async function* readRequests(
  request: EdgeRequest,
  binder: RequestBinder,
  limits: BodyLimits,
): AsyncGenerator<BoundRequest> {
  const kind = bodyKind(request, binder, true);
  if (kind === 'raw') {
    throw new PassbandError('UNIMPLEMENTED', 'streams of raw bodies are not supported; send NDJSON or protobuf');
  }
  if (kind === 'protobuf') {
    for await (const message of delimitedMessages(request, limits)) yield binder.fromProtobuf(message);
    return;
  }
  let number = 0;
  for await (const line of lines(request, limits)) {
    number++;
    try {
      yield binder.fromJson(parseJson(utf8(line)));
    } catch (error) {
      if (!(error instanceof PassbandError)) throw error;
      throw new PassbandError(error.code, `message ${number}: ${error.publicMessage}`, {
        details: error.details,
        cause: error.cause,
      });
    }
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function utf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new PassbandError('INVALID_ARGUMENT', 'the body is not valid UTF-8', { cause });
  }
}
