import type { RequestView } from '../../request-view.ts';
import { type Decision, decide, judgeEntry } from './decide.ts';
import type { Identity } from './identity.ts';
import { matchesMethod } from './pattern.ts';
import type { Entry, FieldCondition, Policy, Rule } from './policy.ts';
import { unmetCondition } from './request-match.ts';
import { isSubject, subjectText } from './subject-match.ts';

/** What one entry says of a request. */
export interface EntryFinding {
  readonly entry: Entry;
  /** `trial` is what only shadow mode lets pass. */
  readonly answer: 'allow' | 'trial' | 'no';
  /** Why it allows, or why not: for whoever may read the policy, since it tells what stands in it. */
  readonly why: string;
}

/** What one rule says of a request. */
export interface RuleFinding {
  readonly rule: Rule;
  /** Why it says nothing at all; undefined when it names the caller. */
  readonly notNamed: string | undefined;
  /** Empty when it does not name the caller. */
  readonly entries: readonly EntryFinding[];
}

/** A decision with all that led to it. */
export interface Explanation {
  readonly decision: Decision;
  /** The entry that allows; undefined for a denial. */
  readonly entry: Entry | undefined;
  /** Every rule, in the order of the policy. */
  readonly findings: readonly RuleFinding[];
}

/** Decides as {@link decide} does, and says of every rule why it allowed or did not. */
export function explain(
  policy: Policy,
  identity: Identity,
  method: string,
  request: RequestView | undefined,
  nowMs: number,
): Explanation {
  const decision = decide(policy, identity, method, request, nowMs);
  const findings = policy.rules.map((rule): RuleFinding => {
    if (!isSubject(rule.subjects, identity)) {
      const notNamed = `its subjects are others: ${rule.subjects.map(subjectText).join(', ')}`;
      return { rule, notNamed, entries: [] };
    }
    const entries = rule.allow.map((entry) => ({ entry, ...judge(rule, entry, method, request, nowMs) }));
    return { rule, notNamed: undefined, entries };
  });
  const deciding = decision.allow ? findings.find(({ rule }) => rule.name === decision.rule) : undefined;
  const first = (answer: EntryFinding['answer']): Entry | undefined =>
    deciding?.entries.find((finding) => finding.answer === answer)?.entry;
  return { decision, entry: first('allow') ?? first('trial'), findings };
}

/** What each rule says of a request whoever calls: for the question who can. */
export function findingsForAnyone(
  policy: Policy,
  method: string,
  request: RequestView | undefined,
  nowMs: number,
): readonly RuleFinding[] {
  return policy.rules.map((rule) => ({
    rule,
    notNamed: undefined,
    entries: rule.allow.map((entry) => ({ entry, ...judge(rule, entry, method, request, nowMs) })),
  }));
}

function judge(
  rule: Rule,
  entry: Entry,
  method: string,
  request: RequestView | undefined,
  nowMs: number,
): Omit<EntryFinding, 'entry'> {
  if (!entry.methods.some((pattern) => matchesMethod(pattern, method))) {
    return { answer: 'no', why: `its methods are others: ${entry.methods.join(', ')}` };
  }
  const unmet = request === undefined ? undefined : unmetCondition(entry, request);
  const verdict = judgeEntry(entry, rule.shadow, method, request, nowMs);
  switch (verdict) {
    case 'allow':
      return {
        answer: 'allow',
        why: dependsOnRequest(entry, request) ? 'allows it, depending on the request' : 'allows it',
      };
    case 'shadow':
      return {
        answer: 'trial',
        why: `lets it pass on trial (mode: shadow); enforced, ${conditionText(unmet)} would not hold`,
      };
    case 'where':
      return { answer: 'no', why: `${conditionText(unmet)} does not hold` };
    case 'when':
      return { answer: 'no', why: 'none of its time windows is open' };
    case 'rate':
      return { answer: 'no', why: `more than ${entry.limits.maxSampleRateHz} samples a second are asked for` };
    default:
      return verdict satisfies never;
  }
}

function dependsOnRequest({ where, limits }: Entry, request: RequestView | undefined): boolean {
  return request === undefined && (where.length > 0 || limits.maxSampleRateHz !== undefined);
}

/** A condition as a policy writes it. */
function conditionText(condition: FieldCondition | undefined): string {
  if (condition === undefined) return 'where';
  const { path, test } = condition;
  const name = `where ${path.join('.')}`;
  switch (test.kind) {
    case 'patterns':
      return `${name}: [${test.patterns.join(', ')}]`;
    case 'values':
      return `${name}: [${test.values.join(', ')}]`;
    case 'bounds':
      return `${name}: {min: ${test.min}, max: ${test.max}}`;
    default:
      return test satisfies never;
  }
}
