import {
  type Metadata,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from '@grpc/grpc-js';
import { codeNumber } from '../../errors.ts';
import { IDENTITY_METADATA } from '../../identity-metadata.ts';
import { remoteAddress } from '../../remote-address.ts';
import { statusTrailers } from '../public-status.ts';
import { type CallRecords, CallReport } from './call-report.ts';
import { CallerLimits } from './caller-limits.ts';
import { noteCaller } from './caller-metadata.ts';
import type { Connection, Connections } from './connections.ts';
import type { Door } from './door.ts';
import { GuardedCall } from './guarded-call.ts';
import type { LiveCall, Transport } from './live-call.ts';
import { isUnknown } from './unknown-methods.ts';

/** Milliseconds from a call's headers to its request: as many as the gateway gives a whole body. */
const FIRST_MESSAGE_MS = 30_000;
/**
 * Milliseconds from the headers to the first of many messages: a gateway's stream of requests may be silent for 300 s, and
 * what the gateway says of it then is clearer.
 */
const FIRST_OF_MANY_MS = 330_000;

/** What every call passes through. */
export interface CallGuard {
  readonly interceptor: ServerInterceptor;
  readonly liveCalls: ReadonlySet<LiveCall>;
  /**
   * Begins a call: of gRPC, or of another protocol that stands for one. It is decided on (admit, request), held to its
   * limits, counted, told of and judged again like any other, until it is over.
   */
  begin(call: BegunCall): GuardedCall;
}

/** A call as its protocol carries it. */
export interface BegunCall extends Omit<Transport, 'over' | 'firstMessageMs'> {
  /** Milliseconds from its headers until its first message must have come; 30 s unless told. */
  readonly firstMessageMs?: number;
  /** Whether the server has the method. */
  readonly isKnown: boolean;
  /** Address of the other end, without port. */
  readonly remote: string;
}

/** What calls are judged by, and told to. */
export interface GuardOptions {
  readonly door: Door;
  readonly connections: Connections;
  readonly records: CallRecords;
  /** Readers of the highest rate of samples that an answer states, by gRPC path. */
  readonly sampleRates: ReadonlyMap<string, (answer: Buffer) => number>;
  /** Milliseconds from a call's headers to its request; 30 s unless told. */
  readonly firstMessageMs?: number | undefined;
}

/**
 * The one place through which every call goes, those of health, reflection and methods that do not exist included: the
 * door's decision (before the request, on each message of it, and again when the answer may have changed), limits, metrics,
 * the audit journal, and one log line when it is over.
 */
export function guardCalls(options: GuardOptions): CallGuard {
  const { door, connections, records, sampleRates, firstMessageMs = FIRST_MESSAGE_MS } = options;
  const liveCalls = new Set<LiveCall>();
  const rules = { door, audit: records.audit, limits: new CallerLimits(liveCalls) };
  const begin = (call: BegunCall): GuardedCall => {
    const { isKnown, remote, path, streaming } = call;
    const transport = { firstMessageMs, ...call, over: () => liveCalls.delete(guarded) };
    const guarded = new GuardedCall(transport, rules, new CallReport({ path, streaming, isKnown }, remote, records));
    liveCalls.add(guarded);
    return guarded;
  };
  const interceptor: ServerInterceptor = (method, call) => {
    const isKnown = !isUnknown(method);
    const guarded = begin({
      path: method.path,
      isKnown,
      streaming: isKnown && (method.requestStream || method.responseStream),
      remote: remoteAddress(call.getConnectionInfo().remoteAddress),
      connection: connectionOf(call, connections),
      ...(isKnown && method.requestStream ? { firstMessageMs: FIRST_OF_MANY_MS } : {}),
      sampleRateHz: sampleRates.get(method.path),
      end: (error) =>
        call.sendStatus({
          code: codeNumber(error.code),
          details: error.publicMessage,
          metadata: statusTrailers(error),
        }),
    });
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, proceed) => {
            guarded.admit(metadata, () => proceed(forHandlers(metadata, guarded.callerCn)));
          },
          onReceiveMessage: (message: unknown, proceed) => guarded.request(message, () => proceed(message)),
          onReceiveHalfClose: (proceed) => guarded.requestEnded(proceed),
          onCancel: () => guarded.cancelled(Number(call.getDeadline())),
        }),
      sendMessage: (message: object, next) => {
        const encoded = Buffer.isBuffer(message) ? message : method.responseSerialize(message);
        guarded.response(encoded, () => next(encoded));
      },
      sendStatus: (status, next) => {
        if (guarded.finish(status.code ?? 0)) next(status);
      },
    });
  };
  return { interceptor, liveCalls, begin };
}

/** What a call came over, by grpc-js's own word of it: the ends of the connection, and the certificate that TLS verified. */
function connectionOf(call: ServerInterceptingCallInterface, connections: Connections): Connection | undefined {
  const certificate = call.getAuthContext().sslPeerCertificate;
  return certificate === undefined ? undefined : connections.of(call.getConnectionInfo(), certificate.raw);
}

/** Who calls is settled here: handlers learn the name, and nothing that a caller says of itself. */
function forHandlers(metadata: Metadata, cn: string): Metadata {
  metadata.remove(IDENTITY_METADATA);
  noteCaller(metadata, cn);
  return metadata;
}
