import type { ServerResponse } from 'node:http';
import { PassbandError } from '../errors.ts';
import { paceOf, sampleRateCheck } from './answer-limits.ts';
import type { Exchange } from './exchange.ts';
import type { Gateway } from './gateway.ts';
import { readHttpBody } from './http-body.ts';
import { fieldTexts } from './routes/field-text.ts';
import { printField, printMessageText } from './routes/message-to-json.ts';
import { HTTP_BODY } from './routes/request.ts';
import type { Route } from './routes/table.ts';
import type { StreamControls } from './stream-controls.ts';
import type { StreamCall } from './upstream/call.ts';
import type { SharedStream } from './upstream/shared-streams.ts';
import { delimitedWriter } from './writers/delimited.ts';
import { eventId } from './writers/event-id.ts';
import { jsonArrayWriter, jsonLinesWriter } from './writers/json-lines.ts';
import { contiguousLossMeter, countingLossMeter } from './writers/loss.ts';
import { negotiateStream, type StreamFormat } from './writers/negotiate.ts';
import { type MessageSource, startPump } from './writers/pump.ts';
import { rawBodyWriter } from './writers/raw-body.ts';
import { sseWriter } from './writers/sse.ts';
import type { EndStatus, OutgoingMessage, StreamWriter } from './writers/stream-writer.ts';

/** What the caller takes as a stream; a stream of google.api.HttpBody has its own type and is not negotiated. */
export interface AcceptedStream {
  readonly format: StreamFormat | 'raw';
  readonly mediaType: string;
}

/** Chooses the form of a stream. */
export function acceptStream(route: Route, accept: string | undefined): AcceptedStream {
  if (route.response.fullName === HTTP_BODY) return { format: 'raw', mediaType: '' };
  return negotiateStream(accept);
}

/** A stream that is about to be answered. */
export interface StreamAnswer {
  readonly route: Route;
  readonly accept: AcceptedStream;
  readonly controls: StreamControls;
  /** The id after which the caller goes on. */
  readonly resumeAfter: string | undefined;
  readonly call: StreamCall | SharedStream;
  /** Rejects when the caller's own stream of requests has a fault; undefined when there is none. */
  readonly feeding: Promise<void> | undefined;
}

const WRITERS: Readonly<Record<StreamFormat | 'raw', () => StreamWriter>> = {
  sse: sseWriter,
  ndjson: jsonLinesWriter,
  'json-array': jsonArrayWriter,
  protobuf: delimitedWriter,
  raw: () => rawBodyWriter((bytes) => readHttpBody(bytes).data),
};

/**
 * Gives a stream out. Headers go out when the backend accepts the call, so that a refusal is a real status; what fails
 * later is told in the stream.
 */
export async function answerStream(gateway: Gateway, exchange: Exchange, answer: StreamAnswer): Promise<void> {
  const { route, accept, call, controls, feeding } = answer;
  const { response } = exchange;
  const { method } = route;
  const refusedInput = feeding?.then(() => new Promise<never>(() => {})) ?? new Promise<never>(() => {});
  const headers = await Promise.race([call.accepted, refusedInput]);
  const source =
    accept.format === 'raw' ? await Promise.race([peekFirst(call), refusedInput]) : { ...call, first: undefined };
  if (exchange.gone.signal.aborted) {
    call.cancel();
    throw new PassbandError('CANCELLED', 'the call was cancelled');
  }
  const writer = sharing(WRITERS[accept.format](), call, accept.format, route);
  exchange.format = accept.format;
  response.statusCode = 200;
  response.setHeader(
    'content-type',
    source.first === undefined ? accept.mediaType : readHttpBody(source.first).contentType,
  );
  for (const [name, value] of Object.entries(writer.headers)) response.setHeader(name, value);
  // Only a body is the backend's own to describe, and never by a header that the gateway has set itself.
  for (const [name, value] of accept.format === 'raw' ? Object.entries(headers) : []) {
    if (!response.hasHeader(name)) response.setHeader(name, value);
  }
  (response as ServerResponse).flushHeaders();

  const resumable = method.stream.contiguousIds;
  const pump = startPump({
    source,
    sink: response,
    breakOff: () => exchange.breakOff(),
    writer,
    outgoing: outgoingOf(route, call),
    loss: resumable
      ? contiguousLossMeter(answer.resumeAfter, method.stream.epochField !== undefined)
      : countingLossMeter(),
    overflow: controls.overflow,
    pace: () => paceOf(gateway, exchange),
    inspect: sampleRateCheck(method, exchange),
    observer: {
      wrote: (bytes) => {
        exchange.bytesOut += bytes;
      },
      frame: (bytes) => {
        exchange.frames++;
        gateway.metrics.frame(method.name, accept.format, bytes);
      },
      dropped: (messages) => {
        exchange.dropped += messages;
        gateway.metrics.dropped(method.name, messages);
      },
    },
  });
  feeding?.catch((error: unknown) => {
    const { code, publicMessage, details } = PassbandError.from(error);
    pump.finish({ code, message: publicMessage, details });
  });
  exchange.onStop((status) => pump.finish({ ...status, details: [] }));
  gateway.metrics.streamStarted(method.name, accept.format);
  try {
    const { code, message } = await pump.done;
    exchange.code = code;
    // Of a good end gRPC says "OK" at most.
    exchange.reason = code === 'OK' ? '' : message;
  } finally {
    gateway.metrics.streamEnded(method.name, accept.format);
  }
}

/** Formats whose messages are written alike for every reader. */
const ALIKE: ReadonlySet<AcceptedStream['format']> = new Set(['sse', 'ndjson', 'protobuf']);

/** A writer that encodes each message of a shared call once for all of its readers. */
function sharing(
  writer: StreamWriter,
  call: StreamCall | SharedStream,
  format: AcceptedStream['format'],
  route: Route,
): StreamWriter {
  if (!('once' in call) || !ALIKE.has(format)) return writer;
  const form = `${format} ${route.template.text} ${route.responseBody?.name ?? ''}`;
  return {
    ...writer,
    message: (message) => call.once(form, message.bytes, () => ({ chunk: writer.message(message) })).chunk,
  };
}

/** The position of a message of this method, worked out once for all readers of a shared call. */
function idOf({ method, response }: Route, call: StreamCall | SharedStream): (bytes: Uint8Array) => string | undefined {
  const { idField, epochField } = method.stream;
  if (idField === undefined) return () => undefined;
  const positionOf = fieldTexts(response, epochField === undefined ? [idField] : [idField, epochField]);
  const read = (bytes: Uint8Array): string => {
    const [id = '', epoch] = positionOf(bytes);
    return eventId({ epoch, id });
  };
  return 'once' in call ? (bytes) => call.once('id', bytes, () => ({ id: read(bytes) })).id : read;
}

function outgoingOf(route: Route, call: StreamCall | SharedStream): (bytes: Uint8Array) => OutgoingMessage {
  const { response, responseBody } = route;
  const read = idOf(route, call);
  const json =
    responseBody === undefined
      ? (bytes: Uint8Array) => printMessageText(response, bytes)
      : (bytes: Uint8Array) => ({ head: printField(response, responseBody, bytes), ascii: '', tail: '' });
  return (bytes) => {
    let id: { readonly text: string | undefined } | undefined;
    return {
      bytes,
      json: () => json(bytes),
      // The meter of losses asks, and the writer asks again.
      id: () => {
        id ??= { text: read(bytes) };
        return id.text;
      },
    };
  };
}

/** Waits for the first message, which names the content type, and gives a source that begins with it. */
async function peekFirst(call: StreamCall): Promise<MessageSource & { readonly first: Uint8Array | undefined }> {
  let first: Uint8Array | undefined;
  let onMessage: (bytes: Uint8Array) => void = () => {};
  let ended: EndStatus | undefined;
  let onEnd: (status: EndStatus) => void = () => {};
  await new Promise<void>((resolve) => {
    let waiting = true;
    call.onMessage((bytes) => {
      if (!waiting) return onMessage(bytes);
      waiting = false;
      first = bytes;
      call.pause();
      resolve();
    });
    call.onEnd((status) => {
      ended = status;
      resolve();
      onEnd(status);
    });
  });
  if (first === undefined && ended !== undefined && ended.code !== 'OK') {
    throw new PassbandError(ended.code, ended.message, { details: ended.details });
  }
  const begin = first;
  return {
    first: begin ?? new Uint8Array(),
    pause: call.pause,
    resume: call.resume,
    cancel: call.cancel,
    onMessage: (listener) => {
      onMessage = listener;
      if (begin !== undefined) queueMicrotask(() => listener(begin));
    },
    onEnd: (listener) => {
      onEnd = listener;
      if (ended !== undefined) listener(ended);
      else queueMicrotask(call.resume);
    },
  };
}
