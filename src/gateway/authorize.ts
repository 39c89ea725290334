import type { Audit, AuditFacts } from '../audit/audit.ts';
import { PassbandError } from '../errors.ts';
import type { Caller } from './callers.ts';
import type { Exchange } from './exchange.ts';
import type { Gateway } from './gateway.ts';
import { type Decision, decide, names } from './guard/decide.ts';
import type { LiveStream } from './guard/live-streams.ts';
import type { Extent } from './guard/request-match.ts';

/** A decision that lets a caller in. */
export type Allowed = Extract<Decision, { allow: true }>;

/**
 * Finds what a request is for. Whoever no rule names learns that alone, and nothing of what there is, and leaves an audit line.
 *
 * @throws PassbandError PERMISSION_DENIED for such a caller whatever `find` throws; else what it throws.
 */
export function findForTheNamed<T>(gateway: Gateway, exchange: Exchange, { identity }: Caller, find: () => T): T {
  try {
    return find();
  } catch (error) {
    if (names(gateway.policy(), identity)) throw error;
    gateway.metrics.denied('');
    throw denied(gateway, exchange, new PassbandError('PERMISSION_DENIED', 'no rule names this caller'), undefined);
  }
}

/**
 * Asks the policy; a denial leaves its audit line. What is allowed leaves one when it takes effect: see {@link admit}.
 *
 * @param message the request message, or undefined before anything is known of one.
 * @param extent `part` when messages are still to come, and what their path says is known.
 * @throws PassbandError PERMISSION_DENIED
 */
export function authorize(
  gateway: Gateway,
  exchange: Exchange,
  { identity }: Caller,
  method: string,
  message: Readonly<Record<string, unknown>> | undefined,
  extent: Extent = 'whole',
): Allowed {
  const decision = decide(gateway.policy(), identity, method, message, Date.now(), extent);
  if (decision.allow) {
    exchange.grant = { method, request: message, extent, decision };
    return decision;
  }
  gateway.metrics.denied(method);
  throw denied(gateway, exchange, new PassbandError('PERMISSION_DENIED', decision.reason), decision.rule);
}

/**
 * Asks the policy about the next message of a stream. When it is another entry that allows it, the stream needs a
 * place there.
 *
 * @throws PassbandError PERMISSION_DENIED, or RESOURCE_EXHAUSTED when there is no place.
 */
export function authorizeNext(
  gateway: Gateway,
  exchange: Exchange,
  caller: Caller,
  stream: LiveStream,
  message: Readonly<Record<string, unknown>>,
): Allowed {
  const before = exchange.grant;
  const allowed = authorize(gateway, exchange, caller, stream.method, message);
  if (before?.decision.entry === allowed.entry) return allowed;
  try {
    gateway.admission.requirePlace(stream, allowed);
  } catch (error) {
    exchange.grant = before;
    throw denied(gateway, exchange, PassbandError.from(error), allowed.rule);
  }
  return allowed;
}

/**
 * Counts an allowed call against the rates of its entry, and leaves its audit line. To be awaited before anything is done
 * for the caller.
 *
 * @throws PassbandError RESOURCE_EXHAUSTED; UNAVAILABLE when the line cannot be kept and calls must not go on without.
 */
export async function admit(gateway: Gateway, exchange: Exchange, caller: Caller, allowed: Allowed): Promise<void> {
  try {
    if (!exchange.isStream) gateway.admission.requireBytes(caller.identity, allowed);
    await gateway.admission.request(caller.identity, allowed);
  } catch (error) {
    throw denied(gateway, exchange, PassbandError.from(error), allowed.rule);
  }
  // A body may end long after its head was let in: nothing takes effect while its line cannot be kept.
  gateway.audit.assertWritable();
  await recorded(gateway, exchange, allowed);
}

/**
 * Leaves the audit line of what is allowed: one for a call, and one more for each other rule that messages of its
 * caller's are allowed by. A promise, when the line must be durable before the call goes on.
 */
export function recorded({ audit }: Gateway, exchange: Exchange, allowed: Allowed): Promise<void> | undefined {
  const how = JSON.stringify([allowed.rule, allowed.shadowed]);
  if (exchange.allowedBy.has(how)) return undefined;
  exchange.allowedBy.add(how);
  leaveAllowed(audit, exchange.facts(), allowed);
  return audit.settled();
}

/**
 * Lets the gateway itself make a call for whoever looks at one of its pages, as the caller could: by the policy and within
 * its limits, with an audit line. Undefined, and no line, where the caller could not: looking at a page is no attempt.
 *
 * @param method of a request without any field.
 * @throws PassbandError UNAVAILABLE when the line cannot be kept and calls must not go on without.
 */
export async function admitForPage(
  gateway: Gateway,
  exchange: Exchange,
  { identity }: Caller,
  method: string,
): Promise<Allowed | undefined> {
  const { admission, audit } = gateway;
  const decision = decide(gateway.policy(), identity, method, {}, Date.now());
  if (!decision.allow) return undefined;
  try {
    admission.requireBytes(identity, decision);
    await admission.request(identity, decision);
  } catch (error) {
    if (PassbandError.from(error).code === 'RESOURCE_EXHAUSTED') return undefined;
    throw error;
  }
  audit.assertWritable();
  leaveAllowed(audit, { ...exchange.facts(), rpc: method }, decision);
  await audit.settled();
  return decision;
}

function leaveAllowed(audit: Audit, facts: AuditFacts, { rule, shadowed }: Allowed): void {
  audit.decision(facts, { outcome: 'allow', code: 'OK', rule, reason: `rule "${rule}" allows it`, shadowed });
}

/**
 * Takes a place for a stream; the function that is returned gives it back.
 *
 * @throws PassbandError RESOURCE_EXHAUSTED
 */
export function takePlace(gateway: Gateway, exchange: Exchange, stream: LiveStream, allowed: Allowed): () => void {
  try {
    return gateway.admission.stream(stream, allowed);
  } catch (error) {
    throw denied(gateway, exchange, PassbandError.from(error), allowed.rule);
  }
}

/** Leaves the audit line of a refusal, and gives the error back. */
function denied({ audit }: Gateway, exchange: Exchange, error: PassbandError, rule: string | undefined): PassbandError {
  const { code, publicMessage: reason, cause } = error;
  audit.decision(exchange.facts(), { outcome: 'deny', code, rule, reason, cause });
  return error;
}
