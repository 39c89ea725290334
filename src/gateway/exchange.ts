import { randomUUID } from 'node:crypto';
import type { Audit, AuditFacts } from '../audit/audit.ts';
import { type Code, httpStatus } from '../errors.ts';
import { afterRunning } from '../expiry.ts';
import type { GatewayMetrics } from '../observability/gateway-metrics.ts';
import type { Log } from '../observability/log.ts';
import { isRequestId } from '../request-id.ts';
import { breakOff, type EdgeResponse, takeAway } from './edge/break-off.ts';
import { connectionOf } from './edge/connection.ts';
import type { EdgeRequest } from './edge/peer.ts';
import { leaveUnreadBody } from './edge/unread-body.ts';
import type { Identity } from './guard/identity.ts';
import { type Grant, LAST_WORD_MS, type LiveCall } from './guard/live-connections.ts';
import type { StreamEnd } from './guard/live-streams.ts';
import { STALL_LIMIT_MS } from './writers/pump.ts';

/** One request and its answer, and what has become known of them: the source of the log line and the metrics. */
export class Exchange implements LiveCall {
  readonly request: EdgeRequest;
  readonly response: EdgeResponse;
  readonly requestId: string;
  /** Aborted when nobody wants the answer any more: the client went away, or the gateway stopped the exchange. */
  readonly gone = new AbortController();
  /** Why the gateway itself ends this exchange, once it does. */
  stopped: StreamEnd | undefined;
  /** Whether its caller has lost the right to it. */
  private isLost = false;
  /** Ends an answer that has begun; before that, cancelling is all there is to do. */
  private endAnswer: ((status: StreamEnd) => void) | undefined;
  /** What its caller was let in for, once it was; decided on again whenever that may have changed. */
  grant: Grant | undefined;
  identity: Identity | undefined;
  address = '';
  /** `package.Service/Method`, or the name of a page of the gateway's own. */
  rpc = '';
  /** Path template; empty while none is known, so that no client can make a label up. */
  route = '';
  /** What audit lines of the exchange say allowed it: as many as there are rules at most, however many messages come. */
  readonly allowedBy = new Set<string>();
  /** Whether messages come or go one by one, so that its end is something to be told of. */
  isStream = false;
  format = '';
  code: Code = 'OK';
  /** Why it ended with that code, in words that the caller may see. */
  reason = '';
  /** For the log only. */
  cause: unknown;
  bytesOut = 0;
  frames = 0;
  dropped = 0;
  private readonly startedNs = process.hrtime.bigint();

  constructor(request: EdgeRequest, response: EdgeResponse) {
    this.request = request;
    this.response = response;
    const given = request.headers['x-request-id'];
    this.requestId = isRequestId(given) ? given : randomUUID();
    response.setHeader('x-request-id', this.requestId);
  }

  /** Whom and what an audit line of this exchange is about. The query may hold what is nobody's business. */
  facts(): AuditFacts {
    const { requestId, identity, address: remote, rpc, request } = this;
    const [resource] = (request.url ?? '').split('?');
    return { requestId, identity, remote, rpc, resource };
  }

  /** Name of the rule that lets it go on; empty while none does. */
  get rule(): string {
    return this.grant?.decision.rule ?? '';
  }

  /** Ends the exchange from inside: an answer that has begun says why in its own way, any other becomes a problem. */
  stop(status: StreamEnd): void {
    this.stopped ??= status;
    if (this.endAnswer === undefined) this.gone.abort();
    else this.endAnswer(status);
  }

  /** Ends the exchange since its caller has lost the right to it. A reader that does not take the end in time is cut off. */
  end(status: StreamEnd): void {
    this.isLost = true;
    this.stop(status);
    // HTTP/2 has a word for it that no more of a body is wanted; said later, the end of the connection would come before it.
    if ('stream' in this.response) leaveUnreadBody(this.request, this.response, 0);
    this.response.once(
      'close',
      afterRunning(LAST_WORD_MS, () => this.breakOff()),
    );
  }

  /** Ends an answer that is not whole so that its client sees that. */
  breakOff(): void {
    if (this.isLost) takeAway(this.response);
    else breakOff(this.response);
  }

  /** Names what ends the answer from now on. */
  onStop(endAnswer: (status: StreamEnd) => void): void {
    this.endAnswer = endAnswer;
    if (this.stopped !== undefined) endAnswer(this.stopped);
  }

  /** Ends the response. A reader that does not take it within the stall limit is cut off: it must not hold a place. */
  finish(body?: string | Uint8Array): void {
    const { response } = this;
    const cut = setTimeout(() => this.breakOff(), STALL_LIMIT_MS);
    cut.unref();
    response.once('close', () => clearTimeout(cut));
    if (body === undefined) response.end();
    else response.end(body);
  }

  /** Begins to watch the response: one log line, one observation and, of a stream, one audit line when it is over. */
  observe({ log, metrics, audit }: Observers): void {
    this.response.once('close', () => {
      // An HTTP/2 stream that was reset calls itself finished; whether we ended it is what tells.
      if (!this.response.writableEnded || !this.response.writableFinished) {
        const { fault } = connectionOf(this.request) ?? {};
        if (this.code === 'OK') {
          this.code = fault?.code ?? 'CANCELLED';
          this.reason = fault?.publicMessage ?? '';
        }
        this.gone.abort();
      }
      const seconds = Number(process.hrtime.bigint() - this.startedNs) / 1e9;
      const method = this.request.method ?? '';
      // Nobody was there to be sent a status; what is noted is the one that says so.
      const status = this.response.headersSent ? this.response.statusCode : httpStatus('CANCELLED');
      metrics.request({ method, route: this.route, status, code: this.code }, seconds);
      log.info(
        {
          requestId: this.requestId,
          cn: this.identity?.cn,
          remote: this.address,
          rpc: this.rpc || undefined,
          method,
          route: this.route || undefined,
          status,
          code: this.code,
          rule: this.rule || undefined,
          format: this.format || undefined,
          durationMs: Math.round(seconds * 1e6) / 1000,
          bytes: this.bytesOut,
          frames: this.frames || undefined,
          dropped: this.dropped || undefined,
          cause: causeText(this.cause),
        },
        'request',
      );
      // A call that answers once has an end of its own when it was let in and then stopped from inside.
      const isTold = this.isStream || this.stopped !== undefined;
      if (isTold && this.allowedBy.size > 0) this.auditEnd(audit, seconds * 1000);
    });
  }

  private auditEnd(audit: Audit, durationMs: number): void {
    const { code, rule, bytesOut: bytes, frames } = this;
    const reason = this.stopped?.message ?? (this.reason || END_REASONS[code]) ?? '';
    audit.streamEnd(this.facts(), { code, rule, reason, bytes, frames, durationMs });
  }
}

/** What is said of ends that nobody gave a reason for. */
const END_REASONS: Partial<Readonly<Record<Code, string>>> = { OK: 'it was over', CANCELLED: 'the client went away' };

/** Where exchanges are told of. */
interface Observers {
  readonly log: Log;
  readonly metrics: GatewayMetrics;
  readonly audit: Audit;
}

/** Characters of a cause in the log: enough for a message and the top of its stack. */
const MAX_CAUSE_CHARACTERS = 2000;

function causeText(cause: unknown): string | undefined {
  if (cause === undefined) return undefined;
  return (cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)).slice(0, MAX_CAUSE_CHARACTERS);
}
