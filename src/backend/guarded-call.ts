import { type Metadata, ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { codeName, codeNumber, PassbandError } from '../errors.ts';
import { afterMoment } from '../expiry.ts';
import { IDENTITY_METADATA } from '../identity-metadata.ts';
import { type AuditFacts, auditDenial, auditShadow } from '../observability/audit.ts';
import { isRequestId } from '../request-id.ts';
import type { Caller, Door } from './door.ts';
import type { CallMetrics } from './metrics.ts';

/** A call that is going on. */
export interface LiveCall {
  readonly streaming: boolean;
  /** Ends it with a status of the server's own; nothing its handler still sends gets out. */
  end(error: PassbandError): void;
}

/** What every call passes through. */
export interface CallGuard {
  readonly interceptor: ServerInterceptor;
  readonly liveCalls: ReadonlySet<LiveCall>;
}

/**
 * The one place through which every call of every service goes, health and reflection included: the door's decision
 * (before the request, and again on each message of it), the end with the certificate's validity, metrics, and one log
 * line when it is over.
 */
export function guardCalls(door: Door, log: Logger, metrics: CallMetrics): CallGuard {
  const liveCalls = new Set<LiveCall>();
  const interceptor: ServerInterceptor = (method, call) => {
    const guarded = new GuardedCall(method.path, method.requestStream || method.responseStream, door, log, metrics, {
      end: (error) => call.sendStatus({ code: codeNumber(error.code), details: error.publicMessage }),
      over: () => liveCalls.delete(guarded),
      remote: call.getConnectionInfo().remoteAddress ?? '',
    });
    liveCalls.add(guarded);
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, proceed) => {
            if (guarded.admit(metadata, () => door.identify(call.getAuthContext(), metadata, Date.now()))) {
              proceed(withoutIdentity(metadata));
            }
          },
          onReceiveMessage: (message: unknown, proceed) => {
            if (guarded.request(message)) proceed(message);
          },
          onCancel: () => guarded.cancelled(Number(call.getDeadline())),
        }),
      sendMessage: (message: object, next) => {
        const encoded = Buffer.isBuffer(message) ? message : method.responseSerialize(message);
        if (guarded.response(encoded.length)) next(encoded);
      },
      sendStatus: (status, next) => {
        if (guarded.finish(status.code ?? 0)) next(status);
      },
    });
  };
  return { interceptor, liveCalls };
}

/** Handlers have no business with it: who calls is settled here. */
function withoutIdentity(metadata: Metadata): Metadata {
  metadata.remove(IDENTITY_METADATA);
  return metadata;
}

/** The call as gRPC carries it. */
interface Transport {
  /** Address of the other end, without port. */
  readonly remote: string;
  end(error: PassbandError): void;
  /** Is told that the call is over, however it ended. */
  over(): void;
}

class GuardedCall implements LiveCall {
  readonly streaming: boolean;
  readonly #path: string;
  readonly #service: string;
  readonly #method: string;
  readonly #door: Door;
  readonly #log: Logger;
  readonly #metrics: CallMetrics;
  readonly #transport: Transport;
  readonly #startedMs = performance.now();
  #caller: Caller | undefined;
  #requestId: string | undefined;
  #rule: string | undefined;
  #disarm = (): void => {};
  #over = false;
  #messagesIn = 0;
  #messagesOut = 0;
  #bytesOut = 0;

  constructor(path: string, streaming: boolean, door: Door, log: Logger, metrics: CallMetrics, transport: Transport) {
    this.streaming = streaming;
    this.#path = path;
    [this.#service = '', this.#method = ''] = path.slice(1).split('/');
    this.#door = door;
    this.#log = log;
    this.#metrics = metrics;
    this.#transport = transport;
    metrics.started(this.#service, this.#method);
    if (streaming) metrics.streams(this.#service, this.#method, 1);
  }

  /** The call's headers have come; false when it is refused and over. */
  admit(metadata: Metadata, identify: () => Caller): boolean {
    const [requestId] = metadata.get('x-request-id');
    if (isRequestId(requestId)) this.#requestId = requestId;
    try {
      this.#caller = identify();
    } catch (error) {
      this.#refuse(PassbandError.from(error));
      return false;
    }
    if (this.streaming) this.#endWithCertificate(this.#caller);
    return this.#allowed(undefined);
  }

  /** A message of the caller has come; false when it is not to be handled. */
  request(message: unknown): boolean {
    this.#messagesIn++;
    if (this.#over) return false;
    return this.#allowed(isRecord(message) ? message : {});
  }

  /** A message is to be sent; false when the call is over. */
  response(bytes: number): boolean {
    if (this.#over) return false;
    this.#messagesOut++;
    this.#bytesOut += bytes;
    return true;
  }

  /** The handler has ended the call; false when it is over already. */
  finish(code: number): boolean {
    if (this.#over) return false;
    this.#close(code);
    return true;
  }

  /** The caller is gone, its deadline (milliseconds since 1970) has passed, or the status has been sent. */
  cancelled(deadlineMs: number): void {
    if (!this.#over) this.#close(codeNumber(Date.now() >= deadlineMs ? 'DEADLINE_EXCEEDED' : 'CANCELLED'));
  }

  end(error: PassbandError): void {
    if (this.#over) return;
    this.#close(codeNumber(error.code));
    this.#transport.end(error);
  }

  #allowed(request: Readonly<Record<string, unknown>> | undefined): boolean {
    const caller = this.#caller;
    if (this.#over || caller === undefined) return false;
    const decision = this.#door.decide(caller, this.#path, request);
    if (decision.shadowed.length > 0) auditShadow(this.#log, this.#facts(), decision.shadowed);
    this.#rule = decision.rule;
    if (decision.allow) return true;
    this.#refuse(new PassbandError('PERMISSION_DENIED', decision.reason), decision.rule);
    return false;
  }

  #refuse(error: PassbandError, rule?: string): void {
    const { code, publicMessage: reason, cause } = error;
    auditDenial(this.#log, this.#facts(), { code, reason, rule, cause });
    this.end(error);
  }

  #endWithCertificate({ peer, identity }: Caller): void {
    const endMs = Math.min(peer.notAfterMs, identity.notAfterMs);
    this.#disarm = afterMoment(endMs, () => {
      this.#refuse(new PassbandError('UNAUTHENTICATED', 'the client certificate has expired'));
    });
  }

  #close(code: number): void {
    this.#over = true;
    this.#disarm();
    this.#transport.over();
    if (this.streaming) this.#metrics.streams(this.#service, this.#method, -1);
    this.#metrics.handled(this.#service, this.#method, codeName(code));
    const { identity, peerCn, remote, rpc } = this.#facts();
    this.#log.info(
      {
        requestId: this.#requestId,
        cn: identity?.cn,
        peerCn,
        remote,
        rpc,
        rule: this.#rule,
        code: codeName(code),
        durationMs: Math.round(performance.now() - this.#startedMs),
        messagesIn: this.#messagesIn,
        messagesOut: this.#messagesOut,
        bytesOut: this.#bytesOut,
      },
      'call',
    );
  }

  #facts(): AuditFacts {
    const caller = this.#caller;
    return {
      requestId: this.#requestId,
      identity: caller?.identity,
      peerCn: caller === undefined || caller.peer === caller.identity ? undefined : caller.peer.cn,
      remote: this.#transport.remote,
      rpc: `${this.#service}/${this.#method}`,
    };
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
