import * as grpc from '@grpc/grpc-js';
import type { MethodDescriptor } from '../../descriptors.ts';
import { PassbandError } from '../../errors.ts';
import { connected } from './connected.ts';
import { type ResponseHeaders, responseHeaders } from './response-headers.ts';
import { type CallStatus, callStatus, type ReadDetails } from './status.ts';

/** What every call needs besides its messages. */
export interface CallOptions {
  readonly metadata: grpc.Metadata;
  /** When the call must be over, milliseconds since 1970; undefined for streams without an end. */
  readonly deadlineMs: number | undefined;
  /** Cancels the call when the caller goes away. */
  readonly signal: AbortSignal;
}

/** The answering side of a streaming call. Messages are bytes as they came. */
export interface StreamCall {
  /**
   * Resolves when the backend accepts the call (its initial metadata), with the response headers that it asks for; rejects
   * with the status of a refused one.
   */
  readonly accepted: Promise<ResponseHeaders>;
  onMessage(listener: (bytes: Uint8Array) => void): void;
  /** Called once, after the last message. */
  onEnd(listener: (status: CallStatus) => void): void;
  pause(): void;
  resume(): void;
  cancel(): void;
}

/** A call whose request is a stream, too. */
export interface DuplexCall extends StreamCall {
  /** Sends a message; resolves when the next may follow, or the call is over. */
  send(bytes: Buffer): Promise<void>;
  endInput(): void;
}

/** The backend as the gateway calls it: bytes in, bytes out. */
export interface Upstream {
  unary(method: MethodDescriptor, request: Buffer, options: CallOptions): Promise<Buffer>;
  serverStream(method: MethodDescriptor, request: Buffer, options: CallOptions): Promise<StreamCall>;
  duplex(method: MethodDescriptor, options: CallOptions): Promise<DuplexCall>;
  /** Calls any method by its gRPC path; for health checks. */
  probe(path: string, request: Buffer, options: CallOptions): Promise<Buffer>;
  /** Ends the calls that are still open with UNAVAILABLE and closes the channel. */
  close(): void;
}

/** The calls of one channel, which can be left to come to their ends. */
export interface ChannelCalls extends Upstream {
  /** Takes no call any more, and closes the channel when the last one is over. */
  retire(onClosed: () => void): void;
}

/** Is told of calls that may have failed for a fault of this gateway's own. */
export interface OwnFaults {
  /** The backend refuses a call since it does not accept this gateway: why, in its words. */
  refused(reason: string): void;
  /** A call waited for a connection, and there is none. */
  unconnected(): void;
}

const asIs = (bytes: Buffer): Buffer => bytes;

/** Calls over a channel. */
export function upstreamCalls(
  client: grpc.Client,
  readDetails: ReadDetails,
  own: OwnFaults = { refused: () => {}, unconnected: () => {} },
): ChannelCalls {
  const closing = new AbortController();
  let running = 0;
  let onIdle = (): void => {};
  /** Counts a call; the function that is returned says, once or more, that it is over. */
  const begin = (): (() => void) => {
    let isRunning = true;
    running++;
    return () => {
      if (isRunning) running--;
      isRunning = false;
      if (running === 0) onIdle();
    };
  };
  const close = (): void => {
    onIdle = () => {};
    closing.abort();
    client.close();
  };
  /** Cancelled by its caller, or with all others when the channel is closed. */
  const withClosing = (options: CallOptions): CallOptions => ({
    ...options,
    signal: AbortSignal.any([options.signal, closing.signal]),
  });
  /** What the channel itself cancels is no wish of the caller's. */
  const statusReader =
    (given: CallOptions): ReadStatus =>
    (status) => {
      const isOurs = closing.signal.aborted && !given.signal.aborted && status.code === grpc.status.CANCELLED;
      const read = callStatus(isOurs ? { ...status, code: grpc.status.UNAVAILABLE } : status, readDetails);
      if (read.isOfGateway) own.refused(read.internal);
      return read;
    };
  const connection = async (options: CallOptions): Promise<void> => {
    if (!(await connected(client, options))) own.unconnected();
  };
  const unary = async (path: string, request: Buffer, given: CallOptions): Promise<Buffer> => {
    const options = withClosing(given);
    const over = begin();
    try {
      await connection(options);
      return await new Promise((resolve, reject) => {
        const answered: grpc.requestCallback<Buffer> = (error, value) => {
          options.signal.removeEventListener('abort', cancel);
          if (error === null && value !== undefined) resolve(value);
          else reject(failure(statusReader(given)(error ?? NO_ANSWER)));
        };
        const call = client.makeUnaryRequest(path, asIs, asIs, request, options.metadata, deadline(options), answered);
        const cancel = (): void => call.cancel();
        options.signal.addEventListener('abort', cancel, { once: true });
        if (options.signal.aborted) cancel();
      });
    } finally {
      over();
    }
  };
  /** Makes a call that is over with its status. */
  const streaming = async <C extends Answer>(options: CallOptions, make: () => C): Promise<C> => {
    const over = begin();
    try {
      await connection(options);
      const call = make();
      call.on('status', over);
      return call;
    } catch (error) {
      over();
      throw error;
    }
  };
  return {
    unary: (method, request, options) => unary(method.path, request, options),
    probe: unary,
    serverStream: async (method, request, given) => {
      const options = withClosing(given);
      const call = await streaming(options, () =>
        client.makeServerStreamRequest(method.path, asIs, asIs, request, options.metadata, deadline(options)),
      );
      return answering(call, options.signal, statusReader(given));
    },
    duplex: async (method, given) => {
      const options = withClosing(given);
      const call = await streaming(options, () =>
        client.makeBidiStreamRequest(method.path, asIs, asIs, options.metadata, deadline(options)),
      );
      let over = false;
      call.on('status', () => {
        over = true;
      });
      return {
        ...answering(call, options.signal, statusReader(given)),
        send: (bytes) =>
          new Promise((resolve) => {
            if (over || call.write(bytes)) return resolve();
            const go = (): void => {
              call.off('drain', go).off('status', go);
              resolve();
            };
            call.on('drain', go).on('status', go);
          }),
        endInput: () => {
          if (!over) call.end();
        },
      };
    },
    close,
    retire: (onClosed) => {
      onIdle = () => {
        close();
        onClosed();
      };
      if (running === 0) onIdle();
    },
  };
}

type ReadStatus = (status: grpc.StatusObject) => CallStatus;

const NO_ANSWER = { code: grpc.status.INTERNAL, details: 'no answer', metadata: new grpc.Metadata() };

function deadline(options: CallOptions): grpc.CallOptions {
  return options.deadlineMs === undefined ? {} : { deadline: options.deadlineMs };
}

/** The error that stands for a status. */
export function failure(status: CallStatus): PassbandError {
  return new PassbandError(status.code, status.message, { details: status.details, cause: status.internal });
}

type Answer = grpc.ClientReadableStream<Buffer> | grpc.ClientDuplexStream<Buffer, Buffer>;

function answering(call: Answer, signal: AbortSignal, readStatus: ReadStatus): StreamCall {
  let status: CallStatus | undefined;
  let ended = false;
  let onEnd: ((status: CallStatus) => void) | undefined;
  // The status may overtake messages that still wait in the stream; the end is when both are through.
  const settle = (): void => {
    if (status !== undefined && ended) onEnd?.(status);
  };
  const cancel = (): void => call.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  let isAccepted = false;
  const accepted = new Promise<ResponseHeaders>((resolve, reject) => {
    call.on('metadata', (metadata: grpc.Metadata) => {
      isAccepted = true;
      resolve(responseHeaders(metadata));
    });
    call.on('status', (given: grpc.StatusObject) => {
      signal.removeEventListener('abort', cancel);
      status = readStatus(given);
      if (status.code === 'OK') resolve({});
      // An error costs the taking of a stack, a thousand times when a thousand streams end together.
      else if (!isAccepted) reject(failure(status));
      settle();
    });
  });
  // Whoever waits for it hears of a refusal; nobody waiting is no fault.
  accepted.catch(() => {});
  call.on('end', () => {
    ended = true;
    settle();
  });
  // The status says the same.
  call.on('error', () => {});
  if (signal.aborted) cancel();
  return {
    accepted,
    onMessage: (listener) => {
      call.on('data', listener);
    },
    onEnd: (listener) => {
      onEnd = listener;
      settle();
    },
    pause: () => void call.pause(),
    resume: () => void call.resume(),
    cancel,
  };
}
