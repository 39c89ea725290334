import type { Code } from '../errors.ts';
import type { Log } from './log.ts';

/** Whom and what an audit line is about. What is not known, or not so, is left out of the line. */
export interface AuditFacts {
  readonly requestId: string | undefined;
  /** Whoever is judged; undefined when the certificate names nobody. */
  readonly identity: { readonly cn: string; readonly serial: string; readonly sha256: string } | undefined;
  /** Common name of the delegate that speaks for them. */
  readonly peerCn?: string | undefined;
  /** Address of the other end of the connection, without port. */
  readonly remote: string;
  /** `package.Service/Method` */
  readonly rpc: string;
}

/** Why a call was denied. */
export interface Denial {
  readonly code: Code;
  readonly reason: string;
  /** The rule that allows the method but not this request, if there is one. */
  readonly rule?: string | undefined;
  /** What went wrong inside. */
  readonly cause?: unknown;
}

/** Leaves the line of a denial. Gateway and backend write the same, so that one query finds both. */
export function auditDenial(log: Log, facts: AuditFacts, { code, reason, rule, cause }: Denial): void {
  log.warn(
    { audit: 'deny', ...line(facts), code, rule, reason, cause: cause === undefined ? undefined : String(cause) },
    'denied',
  );
}

/** Leaves the line of a call that passed only because rules are in shadow mode. */
export function auditShadow(log: Log, facts: AuditFacts, rules: readonly string[]): void {
  log.warn({ audit: 'shadow', ...line(facts), rules }, 'a rule in shadow mode would have denied this');
}

function line({ requestId, identity, peerCn, remote, rpc }: AuditFacts): Readonly<Record<string, string | undefined>> {
  return { requestId, cn: identity?.cn, peerCn, serial: identity?.serial, sha256: identity?.sha256, remote, rpc };
}
