import type { Metadata } from '@grpc/grpc-js';
import { codeNumber, PassbandError } from '../../errors.ts';
import { afterMoment } from '../../expiry.ts';
import { sampleRateReason } from '../../gateway/guard/decide.ts';
import type { Identity } from '../../gateway/guard/identity.ts';
import type { Turns } from '../../gateway/guard/turns.ts';
import { isRecord } from '../../is-record.ts';
import type { CallReport } from './call-report.ts';
import type { Connection } from './connections.ts';
import type { Admitted, Caller } from './door.ts';
import type { CallRules, LiveCall, Transport } from './live-call.ts';

/** One call from its headers to its end: who may, for how long, and how much. */
export class GuardedCall implements LiveCall {
  readonly streaming: boolean;
  readonly connection: Connection | undefined;
  mayTake: readonly string[] = [];
  readonly #transport: Transport;
  readonly #rules: CallRules;
  readonly #report: CallReport;
  #caller: Caller | undefined;
  /** The latest message of the caller: what is judged again. */
  #request: Readonly<Record<string, unknown>> | undefined;
  #allowed: Admitted | undefined;
  #admitted = false;
  #noMessage: NodeJS.Timeout | undefined;
  #disarm = (): void => {};
  #giveUpTurn = (): void => {};
  #over = false;

  constructor(transport: Transport, rules: CallRules, report: CallReport) {
    this.streaming = transport.streaming;
    this.connection = transport.connection;
    this.#transport = transport;
    this.#rules = rules;
    this.#report = report;
  }

  get holder(): Identity | undefined {
    const caller = this.#caller;
    return caller === undefined || caller.identity !== caller.peer ? undefined : caller.identity;
  }

  get callerCn(): string {
    return this.#caller?.identity.cn ?? '';
  }

  get entry(): string | undefined {
    return this.#admitted ? this.#allowed?.entry : undefined;
  }

  /** The call's headers have come; they are handed on at once or in a moment, or the call is over. */
  admit(metadata: Metadata, proceed: () => void): void {
    this.#report.headers(metadata);
    const nowMs = Date.now();
    try {
      this.#rules.audit.assertWritable();
      const caller = this.#rules.door.identify(this.connection, metadata, nowMs);
      this.#caller = caller;
      this.#report.calledBy(caller);
      // That of the peer is looked after with its connection.
      if (caller.identity !== caller.peer) {
        this.#disarm = afterMoment(caller.identity.notAfterMs, () => this.judgeAgain(Date.now()));
      }
    } catch (error) {
      this.#refuse(error);
      return;
    }
    if (!this.#judge(nowMs) || !this.#hasRoom(nowMs)) return;
    const { firstMessageMs } = this.#transport;
    const late = new PassbandError('DEADLINE_EXCEEDED', `no message came within ${firstMessageMs / 1000} s`);
    this.#noMessage = setTimeout(() => this.#refuse(late, this.#allowed?.rule), firstMessageMs).unref();
    this.#goOn(this.#asked(nowMs), proceed);
  }

  /** A message of the caller has come; it is handed on at once or in a moment, or the call is over. */
  request(message: unknown, proceed: () => void): void {
    if (this.#over) return;
    clearTimeout(this.#noMessage);
    const request = isRecord(message) ? message : {};
    this.#request = request;
    this.#report.received(request);
    const before = this.#admitted ? this.#allowed : undefined;
    if (this.#judge(Date.now())) this.#goOn(this.#takeIn(before), proceed);
  }

  /** The caller sends no message any more, or none at all: that is allowed by what is known without one. */
  requestEnded(proceed: () => void): void {
    if (this.#over) return;
    clearTimeout(this.#noMessage);
    this.#goOn(this.#admitted ? undefined : this.#takeIn(), proceed);
  }

  /** A message is to be sent: it goes at once, when the caller's pace allows, or not at all. */
  response(message: Buffer, go: () => void): void {
    if (this.#over || !this.#isSlowEnough(message)) return;
    const pace = this.#pace();
    const send = (): void => {
      if (this.#over) return;
      pace?.spend(message.length);
      this.#report.sent(message.length);
      go();
    };
    // What is answered once was asked for its pace before.
    if (pace === undefined || !this.streaming || pace.mayGo()) send();
    else this.#giveUpTurn = pace.wait(send);
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
    this.#close(codeNumber(error.code), error.publicMessage);
    this.#transport.end(error);
  }

  judgeAgain(nowMs: number): void {
    const caller = this.#caller;
    if (this.#over || caller === undefined) return;
    try {
      this.#rules.door.requireStanding(caller, nowMs);
    } catch (error) {
      this.#refuse(error);
      return;
    }
    this.#judge(nowMs);
  }

  /** Asks the policy, with what is known of the request; false when the call is refused and over. */
  #judge(nowMs: number): boolean {
    const caller = this.#caller;
    if (this.#over || caller === undefined) return false;
    const decision = this.#rules.door.decide(caller, this.#transport.path, this.#request, nowMs);
    if (!decision.allow) {
      this.#refuse(new PassbandError('PERMISSION_DENIED', decision.reason), decision.rule);
      return false;
    }
    this.#allowed = decision;
    this.#report.ruledBy(decision.rule);
    return true;
  }

  /** Whether the caller may have one more stream, whatever its request; the call is refused and over when it may not. */
  #hasRoom(nowMs: number): boolean {
    const { holder } = this;
    const caller = this.#caller;
    if (!this.streaming || holder === undefined || caller === undefined) return true;
    const { door, limits } = this.#rules;
    try {
      this.mayTake = limits.requireRoom(holder, door.places(caller, this.#transport.path, nowMs));
      return true;
    } catch (error) {
      this.#refuse(error, this.#allowed?.rule);
      return false;
    }
  }

  /** Goes on when there is nothing to wait for, or when it is over and has not failed; unless the call is over then. */
  #goOn(wait: Promise<void> | undefined, proceed: () => void): void {
    const unlessOver = (): void => {
      if (!this.#over) proceed();
    };
    if (wait === undefined) unlessOver();
    else wait.then(unlessOver, (error: unknown) => this.#refuse(error));
  }

  /** What the certificate's OCSP responder says, where one is asked. */
  #asked(nowMs: number): Promise<void> | undefined {
    return this.connection && this.#rules.door.requireGoodAnswer(this.connection, nowMs);
  }

  /** A message is allowed: takes its place among the caller's calls where it had none `before`, and leaves its line. */
  #takeIn(before?: Admitted): Promise<void> | undefined {
    const { holder } = this;
    const allowed = this.#allowed;
    if (allowed === undefined) return undefined;
    try {
      if (holder !== undefined && this.streaming) this.#rules.limits.requirePlace(this, holder, allowed, before);
      else if (holder !== undefined) this.#rules.limits.requireBytes(holder, allowed);
      // Perhaps long after the headers: nothing takes effect while its line cannot be kept.
      if (before === undefined) this.#rules.audit.assertWritable();
    } catch (error) {
      this.#refuse(error, allowed.rule);
      return undefined;
    }
    if (before !== undefined) return this.#recorded();
    this.#admitted = true;
    this.mayTake = [];
    const counted = holder === undefined ? undefined : this.#rules.limits.request(holder, allowed);
    return counted === undefined ? this.#recorded() : counted.then(() => this.#recorded());
  }

  /** Whether a message states no rate of samples above the caller's cap; the call is refused and over when it does. */
  #isSlowEnough(message: Buffer): boolean {
    const { rule, limits } = this.#allowed ?? {};
    const capHz = limits?.maxSampleRateHz;
    if (rule === undefined || capHz === undefined) return true;
    // Written so that a rate that is no number is refused.
    if ((this.#transport.sampleRateHz?.(message) ?? 0) <= capHz) return true;
    this.#refuse(new PassbandError('PERMISSION_DENIED', sampleRateReason(rule, capHz)), rule);
    return false;
  }

  #pace(): Turns | undefined {
    const { holder } = this;
    return holder === undefined || this.#allowed === undefined
      ? undefined
      : this.#rules.limits.pace(holder, this.#allowed);
  }

  /** Leaves the line of what is allowed; a promise when it must be durable before anything happens. */
  #recorded(): Promise<void> | undefined {
    const allowed = this.#allowed;
    if (this.#over || allowed === undefined) return undefined;
    const isNew = this.#report.allowed(allowed.rule, allowed.shadowed);
    return isNew ? this.#rules.audit.settled() : undefined;
  }

  #refuse(cause: unknown, rule?: string): void {
    if (this.#over) return;
    const error = PassbandError.from(cause);
    this.#report.denied(error, rule);
    this.end(error);
  }

  #close(code: number, reason?: string): void {
    this.#over = true;
    clearTimeout(this.#noMessage);
    this.#disarm();
    this.#giveUpTurn();
    this.#transport.over();
    // One that was let in by its headers, and has come to no message.
    if (this.#allowed !== undefined && !this.#report.isDecided) {
      this.#report.allowed(this.#allowed.rule, this.#allowed.shadowed);
    }
    this.#report.over(code, reason);
  }
}
