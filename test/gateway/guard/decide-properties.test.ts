import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decide, names, nextChangeMs } from '../../../src/gateway/guard/decide.ts';
import { explain } from '../../../src/gateway/guard/explain.ts';
import type { Identity } from '../../../src/gateway/guard/identity.ts';
import {
  type Entry,
  type FieldCondition,
  type Policy,
  type Rule,
  SUBJECT_KINDS,
  type Subject,
} from '../../../src/gateway/guard/policy.ts';
import { DAYS, type TimeWindow } from '../../../src/gateway/guard/time-window.ts';
import { knownMethods } from './known-methods.ts';

type Request = Readonly<Record<string, unknown>> | undefined;

const METHODS = [...knownMethods.names()];
const START = 'sdr.oran.IQStreamService/StartStream';
/** A Monday, 00:00 UTC, and the two weeks in which these properties play. */
const MONDAY = Date.UTC(2026, 0, 5);
const HOUR_MS = 3_600_000;

const anySubject: fc.Arbitrary<Subject> = fc.letrec<{ subject: Subject; name: Subject }>((tie) => ({
  name: fc.record({
    kind: fc.constantFrom(...SUBJECT_KINDS),
    pattern: fc.constantFrom('a', 'b', 'a*', '*', '**', 'x/y', 'x/*', 'c.*'),
  }),
  subject: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    tie('name'),
    fc.record({
      kind: fc.constantFrom('all' as const, 'any' as const),
      subjects: fc.array(tie('subject'), { minLength: 1, maxLength: 3 }),
    }),
    fc.record({ kind: fc.constant('not' as const), subject: tie('subject') }),
  ),
})).subject;

const anyWindow: fc.Arbitrary<TimeWindow> = fc.oneof(
  fc.record({ from: fc.nat(200), hours: fc.nat(100) }).map(({ from, hours }) => ({
    days: DAYS,
    fromMinute: 0,
    toMinute: 1440,
    timezone: 'UTC',
    notBeforeMs: MONDAY + from * HOUR_MS,
    notAfterMs: MONDAY + (from + hours) * HOUR_MS,
  })),
  fc
    .record({
      days: fc.subarray([...DAYS], { minLength: 1 }),
      hours: fc.uniqueArray(fc.nat(23), { minLength: 2, maxLength: 2 }),
    })
    .map(({ days, hours: [from = 0, to = 1] }) => ({
      days,
      fromMinute: from * 60,
      toMinute: to * 60,
      timezone: 'UTC',
      notBeforeMs: Number.NEGATIVE_INFINITY,
      notAfterMs: Number.POSITIVE_INFINITY,
    })),
);

const anyCondition: fc.Arbitrary<FieldCondition> = fc.oneof(
  fc.record({
    path: fc.constantFrom(['station_id'], ['device', 'id']),
    test: fc.record({
      kind: fc.constant('patterns' as const),
      patterns: fc.array(fc.constantFrom('a', 'b*', '*'), { minLength: 1, maxLength: 2 }),
    }),
    absent: fc.constant(undefined),
  }),
  fc.record({
    path: fc.constant(['sample_rate']),
    test: fc.record({
      kind: fc.constant('bounds' as const),
      min: fc.constantFrom(Number.NEGATIVE_INFINITY, 0, 5),
      max: fc.constantFrom(Number.POSITIVE_INFINITY, 5, 9),
    }),
    absent: fc.constant('0'),
  }),
);

const anyEntry: fc.Arbitrary<Entry> = fc.record({
  id: fc.constant('1 r'),
  methods: fc.array(fc.constantFrom('*', ...METHODS, 'sdr.oran.*/Get*', 'sdr.oran.IQStreamService/*'), {
    minLength: 1,
    maxLength: 3,
  }),
  where: fc.array(anyCondition, { maxLength: 2 }),
  when: fc.array(anyWindow, { maxLength: 2 }),
  limits: fc.constantFrom({}, { maxSampleRateHz: 6 }),
  sampleRates: fc.constant(new Map([[START, [['sample_rate']]]])),
  line: fc.constant(1),
});
const anyRule: fc.Arbitrary<Rule> = fc.record({
  name: fc.string({ minLength: 1 }),
  shadow: fc.boolean(),
  subjects: fc.array(anySubject, { minLength: 1, maxLength: 3 }),
  allow: fc.array(anyEntry, { minLength: 1, maxLength: 3 }),
  line: fc.constant(1),
});
const anyPolicy: fc.Arbitrary<Policy> = fc.record({
  delegates: fc.array(anySubject, { maxLength: 2 }),
  rules: fc.uniqueArray(anyRule, { minLength: 1, maxLength: 5, selector: ({ name }) => name }),
});
const anyIdentity = fc
  .record({
    cn: fc.constantFrom('a', 'ab', 'b', 'c.d'),
    organizations: fc.array(fc.constantFrom('a', 'b'), { maxLength: 2 }),
    organizationalUnits: fc.array(fc.constantFrom('a', 'b'), { maxLength: 2 }),
    dns: fc.array(fc.constantFrom('a', 'c.d'), { maxLength: 2 }),
    emails: fc.array(fc.constantFrom('a', 'b'), { maxLength: 2 }),
    uris: fc.array(fc.constantFrom('x/y', 'x/y/z'), { maxLength: 2 }),
    sha256: fc.constantFrom('a', 'f'),
  })
  .map(
    (parts): Identity => ({
      serial: '01',
      issuer: 'CN=ca',
      notBeforeMs: 0,
      notAfterMs: 1,
      ...parts,
    }),
  );
const anyRequest: fc.Arbitrary<Request> = fc.option(
  fc.record(
    {
      station_id: fc.constantFrom('', 'a', 'b', 'bb', 'c.d'),
      device: fc.record({ id: fc.constantFrom('a', 'c') }),
      sample_rate: fc.constantFrom(0, 5, 6, 7, 9, 10, Number.NaN),
    },
    { requiredKeys: [] },
  ),
  { nil: undefined },
);
const anyMethod = fc.constantFrom(START, ...METHODS);
const anyMoment = fc.nat(14 * 24).map((hours) => MONDAY + hours * HOUR_MS);
const anyQuestion = fc.tuple(anyIdentity, anyMethod, anyRequest, anyMoment);

/** The rules of policies once more, as plainly as can be: nothing remembered, nothing indexed, patterns as regular expressions. */
const plain = {
  matches: (pattern: string, value: string): boolean => {
    const source = pattern
      .split(/(\*\*|\*)/)
      .map((part) => (part === '**' ? '.*' : part === '*' ? '[^./]*' : part.replace(/[.*+?^$\\{}()|[\]]/g, '\\$&')));
    return new RegExp(`^${source.join('')}$`, 's').test(value);
  },
  means: (subject: Subject, identity: Identity): boolean => {
    if ('subjects' in subject) {
      const met = subject.subjects.filter((each) => plain.means(each, identity)).length;
      return subject.kind === 'all' ? met === subject.subjects.length : met > 0;
    }
    if ('subject' in subject) return !plain.means(subject.subject, identity);
    if (subject.kind === 'sha256') return subject.pattern === identity.sha256;
    const values = {
      cn: [identity.cn],
      ou: identity.organizationalUnits,
      uri: identity.uris,
      o: identity.organizations,
      dns: identity.dns,
      email: identity.emails,
    };
    return values[subject.kind].some((value) => plain.matches(subject.pattern, value));
  },
  isOpen: (window: TimeWindow, nowMs: number): boolean => {
    if (nowMs < window.notBeforeMs || nowMs > window.notAfterMs) return false;
    const day = (offset: number): boolean =>
      window.days.includes(DAYS[(new Date(nowMs).getUTCDay() + 6 + offset) % 7] ?? 'mon');
    const minute = new Date(nowMs).getUTCHours() * 60 + new Date(nowMs).getUTCMinutes();
    if (window.fromMinute < window.toMinute) {
      return day(0) && window.fromMinute <= minute && minute < window.toMinute;
    }
    return (day(0) && minute >= window.fromMinute) || (day(6) && minute < window.toMinute);
  },
  holds: ({ path, test }: FieldCondition, request: Record<string, unknown>): boolean => {
    if (test.kind === 'bounds') {
      const rate = (request.sample_rate as number | undefined) ?? 0;
      return test.min <= rate && rate <= test.max;
    }
    const device = request.device as { id: string } | undefined;
    const text = path[0] === 'device' ? device?.id : (request.station_id as string | undefined);
    if (text === undefined || text === '' || test.kind !== 'patterns') return false;
    return test.patterns.some((pattern) => plain.matches(pattern, text));
  },
  allows: ({ rules }: Policy, identity: Identity, method: string, request: Request, nowMs: number): boolean =>
    rules.some(
      ({ subjects, allow, shadow }) =>
        subjects.some((subject) => plain.means(subject, identity)) &&
        allow.some(({ methods, where, when, limits }) => {
          if (!methods.some((pattern) => pattern === '*' || plain.matches(pattern, method))) return false;
          if (when.length > 0 && !when.some((window) => plain.isOpen(window, nowMs))) return false;
          if (request === undefined) return true;
          const rate = (request.sample_rate as number | undefined) ?? 0;
          const cap = method === START ? (limits.maxSampleRateHz ?? Number.POSITIVE_INFINITY) : undefined;
          if (cap !== undefined && limits.maxSampleRateHz !== undefined && !(rate <= cap)) return false;
          return shadow || where.every((condition) => plain.holds(condition, request));
        }),
    ),
};

describe('for any policy', () => {
  it('a request is allowed exactly when the rules, read plainly, say so', () => {
    fc.assert(
      fc.property(anyPolicy, fc.array(anyQuestion, { minLength: 1, maxLength: 5 }), (policy, questions) => {
        for (const [identity, method, request, nowMs] of questions) {
          const expected = plain.allows(policy, identity, method, request, nowMs);
          // Twice: what is remembered must not change the answer.
          expect(decide(policy, identity, method, request, nowMs).allow).toBe(expected);
          expect(decide(policy, identity, method, request, nowMs).allow).toBe(expected);
          expect(names(policy, identity)).toBe(
            policy.rules.some(({ subjects }) => subjects.some((subject) => plain.means(subject, identity))),
          );
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('rules allow together what one of them allows alone, and no more, in whichever order', () => {
    const shuffled = anyPolicy.chain((made) =>
      fc.tuple(fc.constant(made), fc.shuffledSubarray([...made.rules], { minLength: made.rules.length })),
    );
    fc.assert(
      fc.property(shuffled, anyQuestion, ([made, rules], question) => {
        const together = decide(made, ...question);
        const reordered = decide({ ...made, rules }, ...question);
        const alone = made.rules.map((rule) => decide({ ...made, rules: [rule] }, ...question).allow);
        expect(together.allow).toBe(alone.includes(true));
        expect(reordered.allow).toBe(together.allow);
        expect([...reordered.shadowed].sort()).toEqual([...together.shadowed].sort());
      }),
      { numRuns: 1000 },
    );
  });

  it('another rule never takes away, and a request never gets more than its method could', () => {
    fc.assert(
      fc.property(anyPolicy, anyRule, anyQuestion, (made, rule, [identity, method, request, nowMs]) => {
        if (!decide(made, identity, method, request, nowMs).allow) return;
        expect(decide(made, identity, method, undefined, nowMs).allow).toBe(true);
        expect(decide({ ...made, rules: [rule, ...made.rules] }, identity, method, request, nowMs).allow).toBe(true);
        expect(decide({ ...made, rules: [...made.rules, rule] }, identity, method, request, nowMs).allow).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('nothing changes before the next change', () => {
    fc.assert(
      fc.property(anyPolicy, anyQuestion, (made, [identity, method, request, nowMs]) => {
        const next = nextChangeMs(made, nowMs) ?? nowMs + 14 * 24 * HOUR_MS;
        expect(next).toBeGreaterThan(nowMs);
        const { allow } = decide(made, identity, method, request, nowMs);
        for (const at of [nowMs + 1, Math.floor((nowMs + next) / 2), next - 1]) {
          if (at < next) expect(decide(made, identity, method, request, at).allow).toBe(allow);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('an explanation says what the decision says, and names the entry of the rule that allows', () => {
    fc.assert(
      fc.property(anyPolicy, anyQuestion, (made, question) => {
        const { decision, entry, findings } = explain(made, ...question);
        expect(decision).toEqual(decide(made, ...question));
        expect(findings.some(({ entries }) => entries.some(({ answer }) => answer !== 'no'))).toBe(decision.allow);
        expect(entry !== undefined).toBe(decision.allow);
        if (decision.allow) expect(entry?.limits).toEqual(decision.limits);
      }),
      { numRuns: 500 },
    );
  });

  it('nothing makes it throw, and what cannot be judged is denied', () => {
    const anyThing = fc.object({ withNullPrototype: true, withBigInt: true, withDate: true, withMap: true });
    fc.assert(
      fc.property(
        anyPolicy,
        anyIdentity,
        fc.string(),
        anyThing,
        fc.double(),
        (made, identity, method, request, nowMs) => {
          expect(typeof decide(made, identity, method, request, nowMs).allow).toBe('boolean');
        },
      ),
    );
    const [open] = [{ ...BARE, rules: [{ ...RULE, allow: [{ ...ENTRY, where: [ANY_STATION] }] }] }];
    const identity: Identity = { ...(fc.sample(anyIdentity, 1)[0] as Identity), cn: 'a' };
    expect(decide(open, identity, START, { station_id: 'a' }, MONDAY).allow).toBe(true);
    const trap = (): never => {
      throw new Error('trapped');
    };
    const hostile: readonly Record<string, unknown>[] = [
      Object.defineProperty({}, 'station_id', { get: trap, enumerable: true }),
      new Proxy({}, { getOwnPropertyDescriptor: trap, has: trap, get: trap }),
      { station_id: { low: 1, high: 0, toString: trap } },
      { station_id: { low: 1, high: 0, toString: () => ({}) } },
      { station_id: { low: 1, high: 0 } },
      { station_id: { toString: () => 'a' } },
    ];
    for (const request of hostile) expect(decide(open, identity, START, request, MONDAY).allow).toBe(false);
  });
});

const ENTRY: Entry = {
  id: '1 r',
  methods: ['*'],
  where: [],
  when: [],
  limits: {},
  sampleRates: new Map(),
  line: 1,
};
const RULE: Rule = { name: 'r', shadow: false, subjects: [{ kind: 'cn', pattern: 'a' }], allow: [ENTRY], line: 1 };
const BARE: Policy = { delegates: [], rules: [RULE] };
const ANY_STATION: FieldCondition = {
  path: ['station_id'],
  test: { kind: 'patterns', patterns: ['*'] },
  absent: undefined,
};
