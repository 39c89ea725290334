import { PassbandError } from '../errors.ts';
import { auditDenial, auditShadow } from '../observability/audit.ts';
import type { Caller } from './callers.ts';
import type { Exchange } from './exchange.ts';
import type { Gateway } from './gateway.ts';
import { type Decision, decide } from './guard/decide.ts';

/** A decision that lets a caller in. */
export type Allowed = Extract<Decision, { allow: true }>;

/**
 * Asks the policy and keeps a record: an audit line for a denial and for what a rule in shadow mode would have denied.
 *
 * @param message the request message, or undefined before there is one.
 * @throws PassbandError PERMISSION_DENIED
 */
export function authorize(
  gateway: Gateway,
  exchange: Exchange,
  { identity, peer }: Caller,
  method: string,
  message: Readonly<Record<string, unknown>> | undefined,
): Allowed {
  const decision = decide(gateway.policy(), identity, method, message, Date.now());
  const facts = { requestId: exchange.requestId, identity, remote: peer.address, rpc: method };
  if (decision.shadowed.length > 0) auditShadow(gateway.log, facts, decision.shadowed);
  if (decision.allow) {
    exchange.rule = decision.rule;
    exchange.grant = { method, request: message, decision };
    return decision;
  }
  gateway.metrics.denied(method);
  auditDenial(gateway.log, facts, { code: 'PERMISSION_DENIED', rule: decision.rule, reason: decision.reason });
  throw new PassbandError('PERMISSION_DENIED', decision.reason);
}
