import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  type ServerWritableStream,
} from '@grpc/grpc-js';
import { codeNumber, PassbandError } from '../errors.ts';
import type { EndReason } from './iq/frames/frame-origin.ts';
import { statusTrailers } from './public-status.ts';

/** What begins the sending of a stream, to be called when the call's headers have been sent. */
export type StreamOpening = (() => void) | undefined;

/** A gRPC status as grpc-js wants it from a handler. */
export interface StatusError extends Error {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

/** Any thrown value as a gRPC status: the message is the public one, the cause stays here. */
export function statusError(error: unknown): StatusError {
  const fault = PassbandError.from(error);
  const { code, publicMessage: details } = fault;
  const metadata = statusTrailers(fault);
  return Object.assign(new Error(details, { cause: error }), { code: codeNumber(code), details, metadata });
}

/** A unary handler from a function of the request and the call's metadata; the signal aborts when the caller is gone or its deadline passes. */
export function unary<Request, Response>(
  answer: (request: Request, gone: AbortSignal, metadata: Metadata) => Response | Promise<Response>,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    const gone = new AbortController();
    call.once('cancelled', () => gone.abort(new PassbandError('CANCELLED', 'the caller has gone')));
    // async: so that a throw and a rejection come out alike.
    const respond = async (): Promise<Response> => answer(call.request, gone.signal, call.metadata);
    respond().then(
      (response) => callback(null, response),
      (error: unknown) => callback(statusError(error)),
    );
  };
}

/**
 * A server-streaming handler. What `open` throws is the call's status; when it is done, the headers go out at once, so
 * that the caller knows it was accepted before there is a first message. `open` gives nothing for a call that has ended
 * meanwhile.
 */
export function serverStream<Request>(
  open: (call: ServerWritableStream<Request, Buffer>) => StreamOpening | Promise<StreamOpening>,
): handleServerStreamingCall<Request, Buffer> {
  return (call) => {
    // async: so that a throw and a rejection come out alike.
    const begin = async (): Promise<void> => {
      const start = await open(call);
      if (start === undefined || call.cancelled) return;
      call.sendMetadata(new Metadata());
      start();
    };
    begin().catch((error: unknown) => call.emit('error', statusError(error)));
  };
}

/** Ends a stream: in good order, or with an error's status. */
export function endStream(
  call: { end(): unknown; emit(event: 'error', error: Error): boolean },
  reason: EndReason,
): void {
  if (reason instanceof PassbandError) call.emit('error', statusError(reason));
  else call.end();
}
