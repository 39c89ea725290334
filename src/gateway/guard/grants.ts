import type { Identity } from './identity.ts';
import { MAX_PATTERN_CHARACTERS, matchesMethod } from './pattern.ts';
import type { Entry, Policy, Rule } from './policy.ts';
import type { Subject, SubjectKind } from './subject.ts';
import { isSubject, subjectText } from './subject-match.ts';

/** A rule that names the caller, with its entries that are about the method. */
export interface Grant {
  readonly rule: Rule;
  /** At least one. */
  readonly entries: readonly [Entry, ...Entry[]];
}

/** Methods whose grants are kept for one caller: as many as a backend has; a caller may make names up. */
const MAX_METHODS_KEPT = 256;

/** What a policy comes to for one caller. */
interface CallerGrants {
  readonly rules: readonly Rule[];
  readonly byMethod: Map<string, readonly Grant[]>;
}

/** A policy, looked through once: which rules can be about whom. Numbers are places in `policy.rules`. */
interface Index {
  /** Rules that only a caller with this exact name can be meant by, under `kind:name`. */
  readonly exact: ReadonlyMap<string, readonly number[]>;
  /** All others. */
  readonly open: readonly number[];
  readonly callers: WeakMap<Identity, CallerGrants>;
}

/** A pure function's memory, as long as policy and identity live: both are frozen values. */
const indexes = new WeakMap<Policy, Index>();

/** The rules that name a caller, in the order of the policy. */
export function rulesFor(policy: Policy, identity: Identity): readonly Rule[] {
  return callerGrants(policy, identity).rules;
}

/** What the rules that name a caller say of a method, in the order of the policy. */
export function grantsFor(policy: Policy, identity: Identity, method: string): readonly Grant[] {
  const { rules, byMethod } = callerGrants(policy, identity);
  const known = byMethod.get(method);
  if (known !== undefined) return known;
  const grants = rules.flatMap((rule): Grant[] => {
    const [first, ...others] = rule.allow.filter(({ methods }) =>
      methods.some((pattern) => matchesMethod(pattern, method)),
    );
    return first === undefined ? [] : [{ rule, entries: [first, ...others] }];
  });
  // No pattern is as long, so that such a name is nobody's.
  if (method.length > MAX_PATTERN_CHARACTERS) return grants;
  if (byMethod.size >= MAX_METHODS_KEPT) byMethod.clear();
  byMethod.set(method, grants);
  return grants;
}

function callerGrants(policy: Policy, identity: Identity): CallerGrants {
  const index = indexOf(policy);
  const known = index.callers.get(identity);
  if (known !== undefined) return known;
  const places = new Set(index.open);
  for (const key of namesOf(identity)) for (const place of index.exact.get(key) ?? []) places.add(place);
  const rules = [...places]
    .sort((a, b) => a - b)
    .flatMap((place) => policy.rules[place] ?? [])
    .filter(({ subjects }) => isSubject(subjects, identity));
  const made: CallerGrants = { rules, byMethod: new Map() };
  index.callers.set(identity, made);
  return made;
}

function indexOf(policy: Policy): Index {
  const known = indexes.get(policy);
  if (known !== undefined) return known;
  const exact = new Map<string, number[]>();
  const open: number[] = [];
  for (const [place, { subjects }] of policy.rules.entries()) {
    const keys = exactNames({ kind: 'any', subjects });
    if (keys === undefined) open.push(place);
    for (const key of keys ?? []) exact.set(key, [...(exact.get(key) ?? []), place]);
  }
  const made: Index = { exact, open, callers: new WeakMap() };
  indexes.set(policy, made);
  return made;
}

/** Exact names of which a caller must have one to be meant; undefined when it can be meant without. */
function exactNames(subject: Subject): readonly string[] | undefined {
  switch (subject.kind) {
    case 'all':
      return subject.subjects.map(exactNames).find((names) => names !== undefined);
    case 'any': {
      const names = subject.subjects.map(exactNames);
      return names.includes(undefined) ? undefined : names.flatMap((each) => each ?? []);
    }
    case 'not':
      return undefined;
    default:
      return subject.kind !== 'sha256' && subject.pattern.includes('*') ? undefined : [subjectText(subject)];
  }
}

/** Every name of a caller, as an exact subject would have it. */
function namesOf(identity: Identity): string[] {
  const { cn, organizations, organizationalUnits, dns, uris, emails, sha256 } = identity;
  const of = (kind: SubjectKind, values: readonly string[]): string[] => values.map((value) => `${kind}:${value}`);
  return [
    ...of('cn', [cn]),
    ...of('o', organizations),
    ...of('ou', organizationalUnits),
    ...of('dns', dns),
    ...of('uri', uris),
    ...of('email', emails),
    ...of('sha256', [sha256]),
  ];
}
