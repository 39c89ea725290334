import type { Code } from '../errors.ts';
import type { Identity } from '../gateway/guard/identity.ts';

/** Whom and what a line is about. What is not known, or not so, is left out of the line. */
export interface AuditFacts {
  readonly requestId: string | undefined;
  /** Whoever is judged; undefined when the certificate names nobody. */
  readonly identity: Pick<Identity, 'cn' | 'serial' | 'sha256' | 'issuer'> | undefined;
  /** Common name of the delegate that speaks for them. */
  readonly peerCn?: string | undefined;
  /** Address of the other end of the connection, without port. */
  readonly remote: string;
  /** `package.Service/Method`, or empty while none is known. */
  readonly rpc: string;
  /** What the call is about: the resource that the request names, such as a path or a station; undefined while unknown. */
  readonly resource?: string | undefined;
}

/** What was decided. */
export interface AuditDecision {
  readonly outcome: 'allow' | 'deny';
  /** PERMISSION_DENIED, UNAUTHENTICATED, RESOURCE_EXHAUSTED …; OK for allow. */
  readonly code: Code;
  /** The rule that allowed or refused, if one did. */
  readonly rule?: string | undefined;
  readonly reason: string;
  /** Rules in shadow mode but for which this would have been a denial; with any, the line's outcome is `shadow`. */
  readonly shadowed?: readonly string[];
  /** What went wrong inside; it goes to the program's log and never into the journal. */
  readonly cause?: unknown;
}

/** How a stream ended. */
export interface AuditEnd {
  readonly code: Code;
  readonly reason: string;
  readonly rule?: string | undefined;
  readonly bytes: number;
  readonly frames: number;
  readonly durationMs: number;
}

/** The record of who did what. */
export interface Audit {
  /**
   * To be asked before anything is decided.
   *
   * @throws PassbandError UNAVAILABLE when lines cannot be kept and calls must not go on without.
   */
  assertWritable(): void;
  /** Leaves a line for a decision. */
  decision(facts: AuditFacts, decision: AuditDecision): void;
  /** Leaves a line for the end of a stream. */
  streamEnd(facts: AuditFacts, end: AuditEnd): void;
  /**
   * Resolves when the lines so far are as durable as the operator asked for; undefined when they are already. To be
   * awaited before a decision takes effect.
   */
  settled(): Promise<void> | undefined;
  /** Writes what waits and closes the file. */
  close(): Promise<void>;
}

/** Keeps nothing. */
export const noAudit: Audit = {
  assertWritable: () => {},
  decision: () => {},
  streamEnd: () => {},
  settled: () => undefined,
  close: async () => {},
};
