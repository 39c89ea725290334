import type { RequestView } from '../../request-view.ts';
import { type Grant, grantsFor, rulesFor } from './grants.ts';
import type { Identity } from './identity.ts';
import type { Allowance, Entry, Policy, Rule } from './policy.ts';
import { type Extent, exceedsSampleRate, unmetCondition } from './request-match.ts';
import { isSubject } from './subject-match.ts';
import { isOpen, nextBorderMs } from './time-window.ts';

/** The answer to one request. */
export type Decision =
  | (Allowance & {
      readonly allow: true;
      /** Name of the rule that allows it. */
      readonly rule: string;
      /** Rules in shadow mode but for which this would be a denial: to be logged and counted. */
      readonly shadowed: readonly string[];
    })
  | {
      readonly allow: false;
      /** Name of the first rule that allows the caller the method but not with this request; undefined when none does. */
      readonly rule: string | undefined;
      /** For the audit log and the caller alike: names no pattern, no other caller and no value of the request. */
      readonly reason: string;
      readonly shadowed: readonly string[];
    };

const NO_RULES: readonly string[] = Object.freeze([]);

const deny = (rule: string | undefined, reason: string): Decision => ({
  allow: false,
  rule,
  reason,
  shadowed: NO_RULES,
});

/**
 * Decides whether a caller may call a method with a request. A pure function over plain data that never throws; whatever
 * no rule allows is denied, and the order of the rules never changes the answer, only which rule is named for it.
 *
 * A rule in shadow mode lets pass whatever its subjects and methods match; `shadowed` names it when its `where` would
 * have refused and no other rule allows the request, that is, when enforcing it would have turned this into a denial.
 * Its time windows and its cap on the sample rate hold as in any rule.
 *
 * What a policy comes to for an identity is worked out once and kept as long as both objects live: neither may be changed.
 *
 * @param method "package.Service/Method", without a slash in front.
 * @param request the request by proto field names (snake_case), nested messages as nested objects; undefined asks whether
 * any request of this method could be allowed, before there is one to look at: `where` is then taken to hold.
 * @param nowMs milliseconds since 1970, for entries that hold at certain times only.
 * @param extent `part` when the request is what is known of it so far, as what a path says of messages that are still to
 * come: conditions on fields that it does not have are taken to hold.
 */
export function decide(
  policy: Policy,
  identity: Identity,
  method: string,
  request: RequestView | undefined,
  nowMs: number,
  extent: Extent = 'whole',
): Decision {
  try {
    return answer(policy, identity, method, request, nowMs, extent);
  } catch {
    // A request object with getters or proxies in it, or a time that is none; no parser of ours makes one.
    return deny(undefined, 'the request cannot be judged');
  }
}

/** Whether a peer is one whose forwarded identities the policy tells the backend to believe. */
export function isDelegate(policy: Policy, identity: Identity): boolean {
  return isSubject(policy.delegates, identity);
}

/** Whether any rule is about this caller at all, at whatever time and for whatever method. */
export function names(policy: Policy, identity: Identity): boolean {
  return rulesFor(policy, identity).length > 0;
}

/**
 * The next moment, milliseconds since 1970 and after `nowMs`, at which a decision may change without the policy changing:
 * a border of one of its time windows. At times it is one at which nothing changes, never one that is too late; undefined
 * when there is none. It may lie further ahead than a timer can wait.
 */
export function nextChangeMs(policy: Policy, nowMs: number): number | undefined {
  const windows = new Set(policy.rules.flatMap(({ allow }) => allow.flatMap(({ when }) => when)));
  let next = Number.POSITIVE_INFINITY;
  for (const window of windows) next = Math.min(next, nextBorderMs(window, nowMs) ?? next);
  return next === Number.POSITIVE_INFINITY ? undefined : next;
}

/** How far an entry went along with a request. */
export type Verdict = 'allow' | 'shadow' | 'rate' | 'where' | 'when';

/** What an entry says of a request; methods and subjects are taken to match. */
export function judgeEntry(
  entry: Entry,
  shadow: boolean,
  method: string,
  request: RequestView | undefined,
  nowMs: number,
  extent: Extent = 'whole',
): Verdict {
  if (entry.when.length > 0 && !entry.when.some((window) => isOpen(window, nowMs))) return 'when';
  if (request === undefined) return 'allow';
  const holds = entry.where.length === 0 || unmetCondition(entry, request, extent) === undefined;
  if (!holds && !shadow) return 'where';
  if (exceedsSampleRate(entry, method, request)) return 'rate';
  return holds ? 'allow' : 'shadow';
}

/** Reasons for a denial, the nearest to being allowed last. */
const NEARNESS = ['when', 'where', 'rate'] as const;

type Refusal = (typeof NEARNESS)[number];

function answer(
  policy: Policy,
  identity: Identity,
  method: string,
  request: RequestView | undefined,
  nowMs: number,
  extent: Extent,
): Decision {
  const grants = grantsFor(policy, identity, method);
  if (grants.length === 0) {
    const named = names(policy, identity);
    return deny(undefined, named ? 'no rule allows this caller the method' : 'no rule names this caller');
  }
  const onTrial: (Allowance & { readonly rule: string })[] = [];
  let refusing: Decision | undefined;
  for (const grant of grants) {
    const { rule, entries } = grant;
    let trial: Entry | undefined;
    let nearest: Refusal = 'when';
    let cap = 0;
    for (const entry of entries) {
      const verdict = judgeEntry(entry, rule.shadow, method, request, nowMs, extent);
      if (verdict === 'allow') return { allow: true, ...granted(rule, entry), shadowed: NO_RULES };
      if (verdict === 'shadow') {
        trial ??= entry;
        continue;
      }
      if (NEARNESS.indexOf(verdict) > NEARNESS.indexOf(nearest)) nearest = verdict;
      if (verdict === 'rate') cap = Math.max(cap, entry.limits.maxSampleRateHz ?? 0);
    }
    if (trial !== undefined) onTrial.push(granted(rule, trial));
    else refusing ??= deny(rule.name, reasonOf(grant, nearest, cap));
  }
  const [trial] = onTrial;
  if (trial !== undefined) return { allow: true, ...trial, shadowed: onTrial.map(({ rule }) => rule) };
  return refusing ?? deny(undefined, 'no rule allows this caller the method');
}

function granted({ name }: Rule, { id, limits }: Entry): Allowance & { readonly rule: string } {
  return { rule: name, entry: id, limits };
}

function reasonOf({ rule }: Grant, refusal: Refusal, capHz: number): string {
  switch (refusal) {
    case 'when':
      return `rule "${rule.name}" allows this caller the method, but not at this time`;
    case 'where':
      return `rule "${rule.name}" allows this caller the method, but not with this request`;
    case 'rate':
      return sampleRateReason(rule.name, capHz);
    default:
      return refusal satisfies never;
  }
}

/** What is told a caller that asks for, or is about to be sent, more samples a second than a rule lets it have. */
export function sampleRateReason(rule: string, capHz: number): string {
  return `rule "${rule}" allows this caller no more than ${capHz} samples a second`;
}
