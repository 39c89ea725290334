import {
  type handleBidiStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  type ServerWritableStream,
} from '@grpc/grpc-js';
import { codeNumber, PassbandError } from '../errors.ts';

/** A gRPC status as grpc-js wants it from a handler. */
export interface StatusError extends Error {
  readonly code: number;
  readonly details: string;
}

/** Any thrown value as a gRPC status: the message is the public one, the cause stays here. */
export function statusError(error: unknown): StatusError {
  const { code, publicMessage } = PassbandError.from(error);
  return Object.assign(new Error(publicMessage, { cause: error }), { code: codeNumber(code), details: publicMessage });
}

/** A unary handler from a function of the request; the signal aborts when the caller is gone. */
export function unary<Request, Response>(
  answer: (request: Request, gone: AbortSignal) => Response | Promise<Response>,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    const gone = new AbortController();
    call.once('cancelled', () => gone.abort());
    // async: so that a throw and a rejection come out alike.
    const respond = async (): Promise<Response> => answer(call.request, gone.signal);
    respond().then(
      (response) => callback(null, response),
      (error: unknown) => callback(statusError(error)),
    );
  };
}

/**
 * A server-streaming handler. What `open` throws is the call's status; when it returns, the headers go out at once, so
 * that the caller knows it was accepted before there is a first message.
 */
export function serverStream<Request>(
  open: (call: ServerWritableStream<Request, Buffer>) => () => void,
): handleServerStreamingCall<Request, Buffer> {
  return (call) => {
    try {
      const begin = open(call);
      call.sendMetadata(new Metadata());
      begin();
    } catch (error) {
      call.emit('error', statusError(error));
    }
  };
}

/** Ends a stream: in good order, or with an error's status. */
export function endStream(
  call: Pick<ServerWritableStream<object, Buffer>, 'end' | 'emit'>,
  reason: 'stopped' | PassbandError,
): void {
  if (reason === 'stopped') call.end();
  else call.emit('error', statusError(reason));
}

/** A handler of a bidirectional call that is not offered: refuses with a sentence. */
export function unimplementedStream(sentence: string): handleBidiStreamingCall<object, object> {
  return (call) => {
    call.emit('error', statusError(new PassbandError('UNIMPLEMENTED', sentence)));
  };
}

/** What a handler throws for a call that is not offered. */
export function unimplemented(sentence: string): () => never {
  return () => {
    throw new PassbandError('UNIMPLEMENTED', sentence);
  };
}
