import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { decide, isDelegate } from '../../../src/gateway/guard/decide.ts';
import type { Identity } from '../../../src/gateway/guard/identity.ts';
import { type Policy, parsePolicy } from '../../../src/gateway/guard/policy.ts';
import { knownMethods } from './known-methods.ts';

const nobody: Identity = {
  cn: 'nobody',
  organizations: [],
  organizationalUnits: [],
  dns: [],
  uris: [],
  emails: [],
  sha256: '00'.repeat(32),
  serial: '01',
  issuer: 'CN=ca',
  notBeforeMs: 0,
  notAfterMs: 1,
};
const named = (cn: string): Identity => ({ ...nobody, cn });
const NOW = Date.UTC(2026, 0, 1);
const policyOf = (text: string): Policy => parsePolicy(text, 'policy.yaml', knownMethods);

const policy = policyOf(`
version: 1
delegates: ["cn:passband-gateway"]
rules:
  - name: operators
    subjects: ["cn:oran-client", "ou:O-RAN-DU", "uri:spiffe://ran.example/ops/**", "sha256:${'ab'.repeat(32)}", "o:ACME", "dns:*.ops.example", "email:ops@*"]
    allow:
      - methods: ["sdr.oran.IQStreamService/StartStream"]
        where: { station_id: ["gs-1", "lab-*"], band: ["Ku-band"] }
        limits: { concurrentStreams: 8 }
      - methods: ["sdr.oran.SpectrumMonitorService/*"]
        where: { fft_size: ["1024", "2048"] }
      - methods: ["test.Nested/Call"]
        where: { device.id: ["d-*"], device.tags: ["lab"] }
  - name: dashboards
    subjects: ["cn:dash-*"]
    allow: [{ methods: ["sdr.oran.SpectrumMonitorService/*", "sdr.oran.StationService/*"], limits: { requestsPerMinute: 60 } }]
  - name: trial
    mode: shadow
    subjects: ["cn:trial", "cn:oran-client"]
    allow:
      - methods: ["sdr.oran.IQStreamService/SubscribeIQ"]
        where: { station_id: ["gs-1"] }
`);

const START = 'sdr.oran.IQStreamService/StartStream';
const SUBSCRIBE = 'sdr.oran.IQStreamService/SubscribeIQ';
const SPECTRUM = 'sdr.oran.SpectrumMonitorService/GetSpectrum';
const NESTED = 'test.Nested/Call';

describe('who', () => {
  test.each<[string, Identity, boolean]>([
    ['the CN', named('oran-client'), true],
    ['the CN in other case', named('Oran-Client'), false],
    ['the CN with a space', named('oran-client '), false],
    ['another CN', named('stranger'), false],
    ['an OU', { ...nobody, organizationalUnits: ['x', 'O-RAN-DU'] }, true],
    ['an O', { ...nobody, organizations: ['ACME'] }, true],
    ['an O where an OU is meant', { ...nobody, organizations: ['O-RAN-DU'] }, false],
    ['a URI below the path', { ...nobody, uris: ['spiffe://ran.example/ops/eu/1'] }, true],
    ['a URI beside the path', { ...nobody, uris: ['spiffe://ran.example/opsx/1'] }, false],
    ['a DNS name', { ...nobody, dns: ['a.ops.example'] }, true],
    ['a DNS name two levels down', { ...nobody, dns: ['a.b.ops.example'] }, false],
    ['an email address', { ...nobody, emails: ['ops@ran'] }, true],
    ['the fingerprint', { ...nobody, sha256: 'ab'.repeat(32) }, true],
    ['a CN that looks like a subject', named('ou:O-RAN-DU'), false],
  ])('%s', (_what, identity, allowed) => {
    expect(decide(policy, identity, SPECTRUM, undefined, NOW).allow).toBe(allowed);
  });
});

describe('with which request', () => {
  const long = { low: 1024, high: 0, unsigned: true, toString: () => '1024' };
  test.each<[string, string, Record<string, unknown>, boolean]>([
    ['both fields right', START, { station_id: 'gs-1', band: 'Ku-band' }, true],
    ['a wildcard', START, { station_id: 'lab-7', band: 'Ku-band' }, true],
    ['one field wrong', START, { station_id: 'gs-1', band: 'C-band' }, false],
    ['a field absent', START, { station_id: 'gs-1' }, false],
    ['a field empty', START, { station_id: '', band: 'Ku-band' }, false],
    ['a field null', START, { station_id: null, band: 'Ku-band' }, false],
    ['other case', START, { station_id: 'GS-1', band: 'Ku-band' }, false],
    ['a JSON name', START, { stationId: 'gs-1', band: 'Ku-band' }, false],
    ['a field it only inherits', START, Object.create({ station_id: 'gs-1', band: 'Ku-band' }), false],
    ['an object whose text would do', START, { station_id: { toString: () => 'gs-1' }, band: 'Ku-band' }, false],
    ['a list of one that is right', START, { station_id: ['gs-1'], band: 'Ku-band' }, true],
    ['a list with one that is wrong', START, { station_id: ['gs-1', 'gs-2'], band: 'Ku-band' }, false],
    ['an empty list', START, { station_id: [], band: 'Ku-band' }, false],
    ['a number', SPECTRUM, { fft_size: 1024 }, true],
    ['a bigint', SPECTRUM, { fft_size: 2048n }, true],
    ['a Long', SPECTRUM, { fft_size: long }, true],
    ['another number', SPECTRUM, { fft_size: 1023 }, false],
    ['a message with the halves of a Long', SPECTRUM, { fft_size: { low: 1024, high: 0 } }, false],
    ['bytes', SPECTRUM, { fft_size: new TextEncoder().encode('1024') }, false],
    ['nested fields', NESTED, { device: { id: 'd-1', tags: ['lab', 'lab'] } }, true],
    ['a nested message absent', NESTED, {}, false],
    ['a nested message that is a text', NESTED, { device: 'd-1' }, false],
    ['a nested repeated field with one wrong', NESTED, { device: { id: 'd-1', tags: ['lab', 'field'] } }, false],
  ])('%s', (_what, method, request, allowed) => {
    expect(decide(policy, named('oran-client'), method, request, NOW).allow).toBe(allowed);
  });

  it('is not asked before there is one', () => {
    expect(decide(policy, named('oran-client'), START, undefined, NOW)).toEqual({
      allow: true,
      rule: 'operators',
      limits: { concurrentStreams: 8 },
      shadowed: [],
    });
  });
});

describe('the answer', () => {
  it('names the rule and its limits', () => {
    expect(decide(policy, named('dash-1'), SPECTRUM, { fft_size: 7 }, NOW)).toEqual({
      allow: true,
      rule: 'dashboards',
      limits: { requestsPerMinute: 60 },
      shadowed: [],
    });
  });

  test.each<[string, string, string, string | undefined, RegExp]>([
    ['an unknown caller', 'stranger', START, undefined, /no rule names this caller/],
    ['a method of another rule', 'dash-1', START, undefined, /no rule allows this caller the method/],
    ['a request that is refused', 'oran-client', START, 'operators', /rule "operators" .* not with this request/],
    ['a method with its slash in front', 'oran-client', `/${START}`, undefined, /method/],
    ['no method', 'oran-client', '', undefined, /method/],
  ])('%s', (_what, cn, method, rule, reason) => {
    const decision = decide(policy, named(cn), method, { station_id: 'gs-9', band: 'Ku-band' }, NOW);
    expect(decision).toEqual({ allow: false, rule, reason: expect.stringMatching(reason), shadowed: [] });
    // Nothing of the request, the policy's patterns or the caller is told.
    expect(JSON.stringify(decision)).not.toMatch(/gs-|Ku-band|stranger|dash/);
  });

  it('tells a delegate from anyone else', () => {
    expect(isDelegate(policy, named('passband-gateway'))).toBe(true);
    expect(isDelegate(policy, named('passband-gateway2'))).toBe(false);
    expect(isDelegate({ ...policy, delegates: [] }, named('passband-gateway'))).toBe(false);
  });
});

describe('a rule in shadow mode', () => {
  it('lets pass what its where refuses, and says so', () => {
    expect(decide(policy, named('trial'), SUBSCRIBE, { station_id: 'gs-2' }, NOW)).toMatchObject({
      allow: true,
      rule: 'trial',
      shadowed: ['trial'],
    });
  });

  test.each<[string, Record<string, unknown> | undefined]>([
    ['what it allows', { station_id: 'gs-1' }],
    ['before there is a request', undefined],
  ])('says nothing of %s', (_what, request) => {
    expect(decide(policy, named('trial'), SUBSCRIBE, request, NOW)).toMatchObject({ allow: true, shadowed: [] });
  });

  it('lets nothing pass that its subjects and methods do not match', () => {
    expect(decide(policy, named('trial'), START, undefined, NOW).allow).toBe(false);
    expect(decide(policy, named('stranger'), SUBSCRIBE, { station_id: 'gs-2' }, NOW).allow).toBe(false);
  });

  it('is not named where another rule allows the same, in whichever order', () => {
    const rules = [
      '  - {name: t, mode: shadow, subjects: ["cn:a"], allow: [{methods: ["sdr.oran.StationService/GetStation"], where: {station_id: ["x"]}}]}',
      '  - {name: e, subjects: ["cn:a"], allow: [{methods: ["sdr.oran.StationService/*"]}]}',
    ];
    for (const order of [rules, rules.toReversed()]) {
      const both = policyOf(`version: 1\nrules:\n${order.join('\n')}\n`);
      const decision = decide(both, named('a'), 'sdr.oran.StationService/GetStation', { station_id: 'y' }, NOW);
      expect(decision).toMatchObject({ allow: true, rule: 'e', shadowed: [] });
    }
  });
});

describe('for any policy', () => {
  const methods = [...knownMethods.names()];
  const anySubject = fc.record({
    kind: fc.constantFrom('cn' as const, 'ou' as const, 'uri' as const),
    pattern: fc.constantFrom('a', 'b', 'a*', '*', '**', 'x/*'),
  });
  const anyEntry = fc.record({
    methods: fc.array(fc.constantFrom('*', ...methods, 'sdr.oran.*/Get*'), { minLength: 1, maxLength: 3 }),
    where: fc.array(
      fc.record({
        path: fc.constantFrom(['station_id'], ['device', 'id']),
        test: fc.record({
          kind: fc.constant('patterns' as const),
          patterns: fc.array(fc.constantFrom('a', 'b*', '*'), { minLength: 1, maxLength: 2 }),
        }),
        absent: fc.constant(undefined),
      }),
      { maxLength: 2 },
    ),
    when: fc.constant([]),
    limits: fc.constant({}),
    sampleRates: fc.constant(new Map<string, string[][]>()),
    line: fc.constant(1),
  });
  const anyRule = fc.record({
    name: fc.string({ minLength: 1 }),
    shadow: fc.boolean(),
    subjects: fc.array(anySubject, { minLength: 1, maxLength: 3 }),
    allow: fc.array(anyEntry, { minLength: 1, maxLength: 3 }),
    line: fc.constant(1),
  });
  const anyPolicy = fc.record({
    delegates: fc.array(anySubject),
    rules: fc.array(anyRule, { minLength: 1, maxLength: 5 }),
  });
  const anyIdentity = fc
    .record({
      cn: fc.constantFrom('a', 'ab', 'b', 'c.d'),
      organizationalUnits: fc.array(fc.constantFrom('a', 'b')),
      uris: fc.array(fc.constantFrom('x/y', 'x/y/z')),
    })
    .map((names): Identity => ({ ...nobody, ...names }));
  const anyRequest = fc.option(
    fc.record({
      station_id: fc.constantFrom('', 'a', 'b', 'bb', 'c.d'),
      device: fc.record({ id: fc.constantFrom('a', 'c') }),
    }),
    { nil: undefined },
  );

  it('the order of the rules does not change who may do what', () => {
    const shuffled = anyPolicy.chain((made) =>
      fc.tuple(fc.constant(made), fc.shuffledSubarray([...made.rules], { minLength: made.rules.length })),
    );
    fc.assert(
      fc.property(
        shuffled,
        anyIdentity,
        fc.constantFrom(...methods),
        anyRequest,
        ([made, rules], identity, method, request) => {
          const [before, after] = [made, { ...made, rules }].map((p) => decide(p, identity, method, request, NOW));
          expect(after?.allow).toBe(before?.allow);
          expect([...(after?.shadowed ?? [])].sort()).toEqual([...(before?.shadowed ?? [])].sort());
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('a request never gets more than its method could, and another rule never takes away', () => {
    fc.assert(
      fc.property(
        anyPolicy,
        anyRule,
        anyIdentity,
        fc.constantFrom(...methods),
        anyRequest,
        (made, rule, identity, method, request) => {
          if (!decide(made, identity, method, request, NOW).allow) return;
          expect(decide(made, identity, method, undefined, NOW).allow).toBe(true);
          expect(decide({ ...made, rules: [rule, ...made.rules] }, identity, method, request, NOW).allow).toBe(true);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('nothing makes it throw, and what cannot be judged is denied', () => {
    fc.assert(
      fc.property(
        anyPolicy,
        anyIdentity,
        fc.string(),
        fc.object({ withNullPrototype: true }),
        (made, identity, method, request) => {
          expect(typeof decide(made, identity, method, request, NOW).allow).toBe('boolean');
        },
      ),
    );
    const trap = (): never => {
      throw new Error('trapped');
    };
    const hostile: readonly Record<string, unknown>[] = [
      Object.defineProperty({}, 'station_id', { get: trap, enumerable: true }),
      new Proxy({}, { getOwnPropertyDescriptor: trap, has: trap, get: trap }),
      { station_id: { low: 1, high: 0, toString: trap } },
      { station_id: { low: 1, high: 0, toString: () => ({}) } },
    ];
    for (const request of hostile) {
      expect(decide(policy, named('oran-client'), START, request, NOW).allow).toBe(false);
    }
  });
});
