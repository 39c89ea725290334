import type { Identity } from './identity.ts';
import { matches, matchesMethod } from './pattern.ts';
import type { Entry, FieldCondition, FieldTest, Limits, NameSubject, Policy, Rule, Subject } from './policy.ts';

/** The answer to one request. */
export type Decision =
  | {
      readonly allow: true;
      /** Name of the rule that allows it. */
      readonly rule: string;
      /** Limits of the entry that allows it. */
      readonly limits: Limits;
      /** Rules in shadow mode but for which this would be a denial: to be logged and counted. */
      readonly shadowed: readonly string[];
    }
  | {
      readonly allow: false;
      /** Name of the first rule that allows the caller the method but not with this request; undefined when none does. */
      readonly rule: string | undefined;
      /** For the audit log and the caller alike: names no pattern, no other caller and no value of the request. */
      readonly reason: string;
      readonly shadowed: readonly string[];
    };

const deny = (rule: string | undefined, reason: string): Decision => ({ allow: false, rule, reason, shadowed: [] });

/**
 * Decides whether a caller may call a method with a request. A pure function over plain data that never throws; whatever
 * no rule allows is denied, and the order of the rules never changes the answer, only which rule is named for it.
 *
 * A rule in shadow mode lets pass whatever its subjects and methods match; `shadowed` names it when its `where` would
 * have refused and no other rule allows the request, that is, when enforcing it would have turned this into a denial.
 *
 * @param method "package.Service/Method", without a slash in front.
 * @param request the request by proto field names (snake_case), nested messages as nested objects; undefined asks whether
 * any request of this method could be allowed, before there is one to look at: `where` is then taken to hold.
 * @param nowMs milliseconds since 1970, for entries that hold at certain times only.
 */
export function decide(
  policy: Policy,
  identity: Identity,
  method: string,
  request: Readonly<Record<string, unknown>> | undefined,
  nowMs: number,
): Decision {
  try {
    return answer(policy, identity, method, request, nowMs);
  } catch {
    // A request object with getters or proxies in it; no parser of ours makes one.
    return deny(undefined, 'the request cannot be judged');
  }
}

/** Whether a peer is one whose forwarded identities the policy tells the backend to believe. */
export function isDelegate(policy: Policy, identity: Identity): boolean {
  return isSubject(policy.delegates, identity);
}

/** Whether any rule is about this caller at all. */
export function names(policy: Policy, identity: Identity): boolean {
  return policy.rules.some(({ subjects }) => isSubject(subjects, identity));
}

/**
 * The next moment, milliseconds since 1970 and after `nowMs`, at which a decision may change without the policy changing:
 * a border of one of its time windows. Undefined when there is none.
 */
export function nextChangeMs(policy: Policy, _nowMs: number): number | undefined {
  return policy.rules.every(({ allow }) => allow.every(({ when }) => when.length === 0)) ? undefined : Infinity;
}

function answer(
  policy: Policy,
  identity: Identity,
  method: string,
  request: Readonly<Record<string, unknown>> | undefined,
  _nowMs: number,
): Decision {
  const mine = policy.rules.filter(({ subjects }) => isSubject(subjects, identity));
  if (mine.length === 0) return deny(undefined, 'no rule names this caller');

  const onTrial: { readonly rule: Rule; readonly limits: Limits }[] = [];
  let refusing: Rule | undefined;
  for (const rule of mine) {
    const [first, ...others] = rule.allow.filter(({ methods }) =>
      methods.some((pattern) => matchesMethod(pattern, method)),
    );
    if (first === undefined) continue;
    const entry = [first, ...others].find((candidate) => request === undefined || holds(candidate, request));
    if (entry !== undefined) return { allow: true, rule: rule.name, limits: entry.limits, shadowed: [] };
    if (rule.shadow) onTrial.push({ rule, limits: first.limits });
    else refusing ??= rule;
  }
  const [trial] = onTrial;
  if (trial !== undefined) {
    const shadowed = onTrial.map(({ rule }) => rule.name);
    return { allow: true, rule: trial.rule.name, limits: trial.limits, shadowed };
  }
  if (refusing !== undefined) {
    return deny(refusing.name, `rule "${refusing.name}" allows this caller the method, but not with this request`);
  }
  return deny(undefined, 'no rule allows this caller the method');
}

function isSubject(subjects: readonly Subject[], identity: Identity): boolean {
  return subjects.some((subject) => isMeant(subject, identity));
}

function isMeant(subject: Subject, identity: Identity): boolean {
  switch (subject.kind) {
    case 'all':
      return subject.subjects.every((each) => isMeant(each, identity));
    case 'any':
      return subject.subjects.some((each) => isMeant(each, identity));
    case 'not':
      return !isMeant(subject.subject, identity);
    default:
      return hasName(subject, identity);
  }
}

function hasName({ kind, pattern }: NameSubject, identity: Identity): boolean {
  switch (kind) {
    case 'cn':
      return matches(pattern, identity.cn);
    case 'o':
      return identity.organizations.some((value) => matches(pattern, value));
    case 'ou':
      return identity.organizationalUnits.some((value) => matches(pattern, value));
    case 'dns':
      return identity.dns.some((value) => matches(pattern, value));
    case 'uri':
      return identity.uris.some((value) => matches(pattern, value));
    case 'email':
      return identity.emails.some((value) => matches(pattern, value));
    case 'sha256':
      return pattern === identity.sha256;
    default:
      return kind satisfies never;
  }
}

function holds(entry: Entry, request: Readonly<Record<string, unknown>>): boolean {
  return entry.where.every((condition) => fieldMatches(condition, request));
}

/** Follows own properties only, so that "constructor" and its like are no fields. */
function fieldMatches({ path, test, absent }: FieldCondition, request: unknown): boolean {
  let value = request;
  for (const [index, name] of path.entries()) {
    if (typeof value !== 'object' || value === null) return false;
    if (Object.hasOwn(value, name)) value = Reflect.get(value, name);
    else if (index === path.length - 1) value = absent;
    else return false;
  }
  // Of a repeated field every element must match, and there must be one.
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (values.length === 0) return false;
  return values.every((element) => {
    const text = textOf(element);
    return text !== '' && passes(test, text);
  });
}

function passes(test: FieldTest, text: string): boolean {
  switch (test.kind) {
    case 'patterns':
      return test.patterns.some((pattern) => matches(pattern, text));
    case 'values':
      return test.values.includes(text);
    case 'bounds':
      // Written so that what is no number (NaN) is refused.
      return Number(text) >= test.min && Number(text) <= test.max;
    default:
      return test satisfies never;
  }
}

/** The text of a scalar; empty, which matches nothing, for what is none. */
function textOf(value: unknown): string {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    case 'object':
      return value !== null && isLong(value) ? String(value) : '';
    default:
      return '';
  }
}

/** A 64-bit integer of the "long" package: two halves and a text of its own, which a message with such fields has not. */
function isLong(value: object): boolean {
  return Object.hasOwn(value, 'low') && Object.hasOwn(value, 'high') && value.toString !== Object.prototype.toString;
}
