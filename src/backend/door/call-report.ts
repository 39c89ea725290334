import type { Metadata } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { Audit, AuditFacts } from '../../audit/audit.ts';
import { type Code, codeName, type PassbandError } from '../../errors.ts';
import { isRequestId } from '../../request-id.ts';
import type { CallMetrics } from '../metrics.ts';
import type { Caller } from './door.ts';

/** Where calls are told of. */
export interface CallRecords {
  readonly log: Logger;
  readonly metrics: CallMetrics;
  /** Decisions and ends of streams; it sees to it that denials are in the log, too. */
  readonly audit: Audit;
}

/** What is said of ends for which nobody gave a reason. */
const ENDS: Readonly<Partial<Record<Code, string>>> = {
  OK: 'it was over',
  CANCELLED: 'the client went away',
  DEADLINE_EXCEEDED: "the caller's deadline has passed",
};

/** Metrics have no label that a caller can make up. */
const UNKNOWN = 'unknown';

/** The method of a call, as it is told. */
export interface ReportedMethod {
  /** gRPC path, `/package.Service/Method`. */
  readonly path: string;
  readonly streaming: boolean;
  /** Whether the server has it. */
  readonly isKnown: boolean;
}

/** What is told of one call: to the metrics, the log and the audit journal. */
export class CallReport {
  readonly #records: CallRecords;
  readonly #rpc: string;
  readonly #service: string;
  readonly #method: string;
  readonly #streaming: boolean;
  readonly #remote: string;
  readonly #startedMs = performance.now();
  #requestId: string | undefined;
  #caller: Caller | undefined;
  #resource: string | undefined;
  #rule: string | undefined;
  /** What its lines say allowed it: as many as there are rules at most, however many messages come. */
  readonly #allowed = new Set<string>();
  #isDenied = false;
  #messagesIn = 0;
  #messagesOut = 0;
  #bytesOut = 0;

  constructor({ path, streaming, isKnown }: ReportedMethod, remote: string, records: CallRecords) {
    this.#rpc = path.slice(1);
    [this.#service = '', this.#method = ''] = isKnown ? this.#rpc.split('/') : [UNKNOWN, UNKNOWN];
    this.#streaming = streaming;
    this.#remote = remote;
    this.#records = records;
    records.metrics.started(this.#service, this.#method);
    if (streaming) records.metrics.streams(this.#service, this.#method, 1);
  }

  /** The headers have come. */
  headers(metadata: Metadata): void {
    const [requestId] = metadata.get('x-request-id');
    if (isRequestId(requestId)) this.#requestId = requestId;
  }

  calledBy(caller: Caller): void {
    this.#caller = caller;
  }

  received(message: Readonly<Record<string, unknown>>): void {
    this.#messagesIn++;
    const { station_id: station } = message;
    this.#resource = typeof station === 'string' && station !== '' ? station : undefined;
  }

  sent(bytes: number): void {
    this.#messagesOut++;
    this.#bytesOut += bytes;
  }

  /** The rule under which the call goes on; undefined for what needs none. */
  ruledBy(rule: string | undefined): void {
    this.#rule = rule;
  }

  /** A message was allowed: leaves a line for the first, and for another that is allowed by something else. */
  allowed(rule: string | undefined, shadowed: readonly string[]): boolean {
    const how = JSON.stringify([rule, shadowed]);
    if (this.#allowed.has(how)) return false;
    this.#allowed.add(how);
    this.#records.audit.decision(this.#facts(), {
      outcome: 'allow',
      code: 'OK',
      rule,
      reason: rule === undefined ? 'a delegate may ask for health' : `rule "${rule}" allows it`,
      shadowed,
    });
    return true;
  }

  /** Whether there is a line of what was decided. */
  get isDecided(): boolean {
    return this.#isDenied || this.#allowed.size > 0;
  }

  denied({ code, publicMessage: reason, cause }: PassbandError, rule: string | undefined): void {
    this.#rule = rule;
    this.#isDenied = true;
    this.#records.audit.decision(this.#facts(), { outcome: 'deny', code, rule, reason, cause });
  }

  /** The call is over. */
  over(codeNumber: number, given?: string): void {
    const { log, metrics, audit } = this.#records;
    const code: Code = codeName(codeNumber);
    const reason = given ?? ENDS[code] ?? 'the call failed';
    const durationMs = Math.round(performance.now() - this.#startedMs);
    if (this.#streaming) {
      metrics.streams(this.#service, this.#method, -1);
      // Of one that was never let in, the denial is the end.
      if (this.#allowed.size > 0) {
        const [bytes, frames] = [this.#bytesOut, this.#messagesOut];
        audit.streamEnd(this.#facts(), { code, reason, rule: this.#rule, bytes, frames, durationMs });
      }
    }
    metrics.handled(this.#service, this.#method, code);
    const { requestId, identity, peerCn, remote, rpc } = this.#facts();
    log.info(
      {
        requestId,
        cn: identity?.cn,
        peerCn,
        remote,
        rpc,
        rule: this.#rule,
        code,
        durationMs,
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
      remote: this.#remote,
      rpc: this.#rpc,
      resource: this.#resource,
    };
  }
}
