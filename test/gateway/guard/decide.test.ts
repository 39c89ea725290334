import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, test } from '@jest/globals';
import { decide, isDelegate, names, nextChangeMs } from '../../../src/gateway/guard/decide.ts';
import type { Identity } from '../../../src/gateway/guard/identity.ts';
import { type Policy, parsePolicy } from '../../../src/gateway/guard/policy.ts';
import { MAX_VIEWED_CHARACTERS } from '../../../src/request-view.ts';
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
      - methods: ["test.Twin/Call"]
        where: { device.rate: { max: 1 } }
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
const COUNTED = 'test.Twin/Call';

describe('who', () => {
  test.each<[string, Identity, boolean]>([
    ['the CN', named('oran-client'), true],
    ['the CN in other case', named('Oran-Client'), false],
    ['the CN with a space', named('oran-client '), false],
    ['another CN', named('stranger'), false],
    ['an OU', { ...nobody, organizationalUnits: ['x', 'O-RAN-DU'] }, true],
    ['an O', { ...nobody, organizations: ['x', 'ACME'] }, true],
    ['an O where an OU is meant', { ...nobody, organizations: ['O-RAN-DU'] }, false],
    ['a URI below the path', { ...nobody, uris: ['urn:x', 'spiffe://ran.example/ops/eu/1'] }, true],
    ['a URI beside the path', { ...nobody, uris: ['spiffe://ran.example/opsx/1'] }, false],
    ['a DNS name', { ...nobody, dns: ['x', 'a.ops.example'] }, true],
    ['a DNS name two levels down', { ...nobody, dns: ['a.b.ops.example'] }, false],
    ['an email address', { ...nobody, emails: ['x@ran', 'ops@ran'] }, true],
    ['the fingerprint', { ...nobody, sha256: 'ab'.repeat(32) }, true],
    ['a fingerprint that differs in its last digit', { ...nobody, sha256: `${'ab'.repeat(31)}aa` }, false],
    ['a CN that looks like a subject', named('ou:O-RAN-DU'), false],
  ])('%s', (_what, identity, allowed) => {
    expect(decide(policy, identity, SPECTRUM, undefined, NOW).allow).toBe(allowed);
  });
});

describe('with which request', () => {
  const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);
  const texts = (characters: number): string[] => times(MAX_VIEWED_CHARACTERS / characters, 'lab-'.padEnd(characters));
  const LAB = { id: 'd-1', tags: ['lab'] };
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
    ['a list in each element of a list', NESTED, { device: times(2, { id: 'd-1', tags: ['lab'] }) }, true],
    ['one such list empty', NESTED, { device: [LAB, { id: 'd-1', tags: [] }] }, false],
    ['one such list absent', NESTED, { device: [LAB, { id: 'd-1' }] }, false],
    ['one such map empty', NESTED, { device: [LAB, { id: 'd-1', tags: new Map() }] }, false],
    ['one list of messages empty', NESTED, { device: [LAB, []] }, false],
    ['a list of messages empty, where a number may be absent', COUNTED, { device: [] }, false],
    ['a list of messages, one without a number', COUNTED, { device: [{ rate: 1 }, {}] }, true],
    ['texts of a list that are as long as is looked at', START, { station_id: texts(64), band: 'Ku-band' }, true],
    ['one character more', START, { station_id: [...texts(64).slice(1), 'lab-'.padEnd(65)], band: 'Ku-band' }, false],
  ])('%s', (_what, method, request, allowed) => {
    expect(decide(policy, named('oran-client'), method, request, NOW).allow).toBe(allowed);
  });

  test.each<[string, string, Record<string, unknown>, boolean]>([
    ['nothing', START, {}, true],
    ['a field that is right', START, { station_id: 'gs-1' }, true],
    ['a field that is wrong', START, { station_id: 'gs-2' }, false],
    ['a field that is empty', START, { station_id: '' }, false],
    ['both, one wrong', START, { station_id: 'gs-1', band: 'C-band' }, false],
    ['a number that is wrong', SPECTRUM, { fft_size: 1023 }, false],
    ['a nested message with more to come', NESTED, { device: { id: 'd-1' } }, true],
    ['a nested field that is wrong', NESTED, { device: { id: 'x-1' } }, false],
    ['nothing, for a method of no rule', 'test.Nested/Other', {}, false],
  ])('of which a part is known: %s', (_what, method, request, allowed) => {
    expect(decide(policy, named('oran-client'), method, request, NOW, 'part').allow).toBe(allowed);
  });

  it('is not asked before there is one', () => {
    expect(decide(policy, named('oran-client'), START, undefined, NOW)).toEqual({
      allow: true,
      rule: 'operators',
      entry: '1 operators',
      limits: { concurrentStreams: 8 },
      shadowed: [],
    });
  });
});

describe('the answer', () => {
  it('names the first of several rules that allow the same, however each says whom it means', () => {
    const [exact, pattern] = ['cn:a', 'cn:*'].map(
      (subject) => `  - { name: "${subject}", subjects: ["${subject}"], allow: [{ methods: ["*"] }] }\n`,
    );
    for (const [first, second] of [
      [exact, pattern],
      [pattern, exact],
    ]) {
      const both = policyOf(`version: 1\nrules:\n${first}${second}`);
      expect(decide(both, named('a'), START, {}, NOW)).toMatchObject({ allow: true, rule: both.rules[0]?.name });
    }
  });

  it('names the rule and the entry, with its limits', () => {
    expect(decide(policy, named('dash-1'), SPECTRUM, { fft_size: 7 }, NOW)).toEqual({
      allow: true,
      rule: 'dashboards',
      entry: '1 dashboards',
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

describe('who, combined', () => {
  const combined = policyOf(`
version: 1
rules:
  - name: r
    subjects:
      - all: ["ou:ran", { any: ["cn:noc-*", "cn:ops-*"] }, { not: "cn:noc-trainee" }]
      - { not: { any: ["ou:ran", "cn:*", "cn:*.*"] } }
    allow: [{ methods: ["*"] }]
`);
  test.each<[string, Identity, boolean]>([
    ['all of them', { ...named('noc-1'), organizationalUnits: ['ran'] }, true],
    ['the other of any', { ...named('ops-1'), organizationalUnits: ['ran'] }, true],
    ['all but one', named('noc-1'), false],
    ['none of any', { ...named('other'), organizationalUnits: ['ran'] }, false],
    ['the excluded', { ...named('noc-trainee'), organizationalUnits: ['ran'] }, false],
    ['neither of what is excluded', named('a/b'), true],
  ])('%s', (_what, identity, allowed) => {
    expect(decide(combined, identity, SPECTRUM, undefined, NOW).allow).toBe(allowed);
    expect(names(combined, identity)).toBe(allowed);
  });
});

describe('numbers, enums, truth, time and rates', () => {
  const bounded = policyOf(`
version: 1
rules:
  - name: bounded
    subjects: ["cn:a"]
    allow:
      - methods: ["sdr.oran.IQStreamService/StartStream"]
        where: { station_id: ["x"], sample_rate: { min: 0, max: 1000 } }
      - methods: ["sdr.oran.IQStreamService/StartStream"]
        where: { station_id: ["y"], compression: ["Z*"], enable_compression: ["true"] }
      - methods: ["sdr.oran.IQStreamService/StartStream"]
        where: { station_id: ["z"], compression: ["NONE"], enable_compression: ["false"] }
      - methods: ["sdr.oran.SpectrumMonitorService/GetSpectrum"]
        where: { fft_size: { min: 9007199254740991, max: 9007199254740992 } }
      - methods: ["test.Nested/Call"]
        where: { device.gain: { max: 5 } }
      - methods: ["test.Nested/Call"]
        where: { device.channel: { max: 1 } }
`);
  test.each<[string, string, Record<string, unknown>, boolean]>([
    ['within', START, { station_id: 'x', sample_rate: 1000 }, true],
    ['above', START, { station_id: 'x', sample_rate: 1000.0001 }, false],
    ['below', START, { station_id: 'x', sample_rate: -1e-9 }, false],
    ['not a number', START, { station_id: 'x', sample_rate: Number.NaN }, false],
    ['infinite', START, { station_id: 'x', sample_rate: Number.POSITIVE_INFINITY }, false],
    ['as decimal text', START, { station_id: 'x', sample_rate: '999' }, true],
    ['as an object', START, { station_id: 'x', sample_rate: { valueOf: () => 1 } }, false],
    ['absent, which is 0 without presence', START, { station_id: 'x' }, true],
    ['null', START, { station_id: 'x', sample_rate: null }, false],
    ['absent, which is nothing with presence', NESTED, { device: { channel: 9 } }, false],
    ['there, with presence', NESTED, { device: { gain: 5, channel: 9 } }, true],
    ['absent in a message that is there', NESTED, { device: {} }, true],
    ['absent with its message, which is nothing', NESTED, {}, false],
    ['absent in what is no message', NESTED, { device: 'd' }, false],
    ['of 64 bits, at the bound', SPECTRUM, { fft_size: 9007199254740992n }, true],
    ['of 64 bits, one above what a double can tell', SPECTRUM, { fft_size: 9007199254740993n }, false],
    ['of 64 bits, as the backend has them', SPECTRUM, { fft_size: '9007199254740993' }, false],
    [
      'an enum by its number, as the gateway has it',
      START,
      { station_id: 'y', compression: 1, enable_compression: true },
      true,
    ],
    [
      'an enum by its name, as the backend has it',
      START,
      { station_id: 'y', compression: 'ZSTD', enable_compression: true },
      true,
    ],
    ['an enum by its other name', START, { station_id: 'y', compression: 'ZSTANDARD', enable_compression: true }, true],
    ['another value of the enum', START, { station_id: 'y', compression: 2, enable_compression: true }, false],
    ['a value that the enum lacks', START, { station_id: 'y', compression: 10, enable_compression: true }, false],
    ['false', START, { station_id: 'y', compression: 1, enable_compression: false }, false],
    ['defaults that are not there', START, { station_id: 'z' }, true],
    ['defaults that are there', START, { station_id: 'z', compression: 'NONE', enable_compression: false }, true],
    ['defaults that are others', START, { station_id: 'z', enable_compression: true }, false],
  ])('%s', (_what, method, request, allowed) => {
    expect(decide(bounded, named('a'), method, request, NOW).allow).toBe(allowed);
  });

  it('a number that knows "not set" in one method of an entry matches nothing when absent in any', () => {
    const both = policyOf(`
version: 1
rules:
  - name: r
    subjects: ["cn:a"]
    allow: [{ methods: ["test.Nested/Call", "test.Twin/Call"], where: { device.gain: { max: 5 } } }]
`);
    for (const method of [NESTED, 'test.Twin/Call']) {
      expect(decide(both, named('a'), method, { device: {} }, NOW).allow).toBe(false);
      expect(decide(both, named('a'), method, { device: { gain: 5 } }, NOW).allow).toBe(true);
    }
  });

  it('a cap on the sample rate holds for each method of an entry by its own fields', () => {
    const both = policyOf(`
version: 1
rules:
  - name: r
    subjects: ["cn:a"]
    allow: [{ methods: ["sdr.oran.IQStreamService/StartStream", "test.Twin/Call"], limits: { maxSampleRateHz: 5 } }]
`);
    const allowed = (method: string, rate: number): boolean =>
      decide(both, named('a'), method, { sample_rate: rate, device: { rate } }, NOW).allow;
    for (const method of [START, 'test.Twin/Call'])
      expect([5, 6].map((rate) => allowed(method, rate))).toEqual([true, false]);
    expect(decide(both, named('a'), 'test.Twin/Call', { sample_rate: 6 }, NOW).allow).toBe(true);
  });

  const timed = policyOf(`
version: 1
rules:
  - name: day
    subjects: ["cn:a"]
    allow:
      - methods: ["sdr.oran.IQStreamService/StartStream"]
        when:
          - { from: "08:00", to: "12:00", timezone: UTC }
          - { notBefore: "2026-01-05T20:00:00Z", notAfter: "2026-01-05T21:00:00Z" }
        limits: { maxSampleRateHz: 1000 }
  - name: trial
    mode: shadow
    subjects: ["cn:b"]
    allow:
      - methods: ["sdr.oran.IQStreamService/StartStream"]
        where: { station_id: ["x"] }
        when: [{ from: "08:00", to: "12:00", timezone: UTC }]
        limits: { maxSampleRateHz: 1000 }
`);
  const at = (time: string): number => Date.parse(`2026-01-05T${time}Z`);
  test.each<[string, string, number, Record<string, unknown> | undefined, string | true]>([
    ['in one window', 'a', at('08:00'), {}, true],
    ['in the other', 'a', at('20:30'), {}, true],
    ['in none', 'a', at('12:00'), {}, 'rule "day" allows this caller the method, but not at this time'],
    [
      'in none, before there is a request',
      'a',
      at('12:00'),
      undefined,
      'rule "day" allows this caller the method, but not at this time',
    ],
    ['at no time', 'a', Number.NaN, {}, 'rule "day" allows this caller the method, but not at this time'],
    ['at the cap', 'a', at('08:00'), { sample_rate: 1000 }, true],
    ['rates of which none is above it', 'a', at('08:00'), { sample_rate: [1000, 1] }, true],
    [
      'rates of which one is',
      'a',
      at('08:00'),
      { sample_rate: [1, 1001] },
      'rule "day" allows this caller no more than 1000 samples a second',
    ],
    [
      'above it',
      'a',
      at('08:00'),
      { sample_rate: 1001 },
      'rule "day" allows this caller no more than 1000 samples a second',
    ],
    [
      'no rate',
      'a',
      at('08:00'),
      { sample_rate: Number.NaN },
      'rule "day" allows this caller no more than 1000 samples a second',
    ],
    ['on trial', 'b', at('08:00'), { station_id: 'y' }, true],
    [
      'on trial, at the wrong time',
      'b',
      at('13:00'),
      { station_id: 'y' },
      'rule "trial" allows this caller the method, but not at this time',
    ],
    [
      'on trial, above the cap',
      'b',
      at('08:00'),
      { station_id: 'y', sample_rate: 2000 },
      'rule "trial" allows this caller no more than 1000 samples a second',
    ],
  ])('%s', (_what, cn, nowMs, request, expected) => {
    const decision = decide(timed, named(cn), START, request, nowMs);
    expect(decision.allow ? true : decision.reason).toBe(expected);
  });

  describe('of several reasons for a denial', () => {
    const refusing = policyOf(`
version: 1
rules:
  - name: first
    subjects: ["cn:a"]
    allow:
      - { methods: ["sdr.oran.IQStreamService/StartStream"], limits: { maxSampleRateHz: 1000 } }
      - { methods: ["sdr.oran.IQStreamService/StartStream"], limits: { maxSampleRateHz: 2000 } }
      - { methods: ["sdr.oran.IQStreamService/StartStream"], limits: { maxSampleRateHz: 500 } }
      - { methods: ["sdr.oran.IQStreamService/StartStream"], where: { band: ["Ku-band"] } }
      - { methods: ["sdr.oran.IQStreamService/StartStream"], when: [{ notAfter: "2000-01-01T00:00:00Z" }] }
  - name: second
    subjects: ["cn:a", "cn:b"]
    allow:
      - { methods: ["sdr.oran.IQStreamService/StartStream"], when: [{ notAfter: "2000-01-01T00:00:00Z" }] }
      - { methods: ["sdr.oran.IQStreamService/StartStream"], where: { band: ["Ku-band"] } }
      - { methods: ["sdr.oran.IQStreamService/StartStream"], when: [{ notAfter: "2001-01-01T00:00:00Z" }] }
`);
    test.each([
      ['the first rule is named, with the most that it lets have', 'a', 'rule "first" .* no more than 2000 samples'],
      ['the nearest is told: a request before a time', 'b', 'rule "second" .* not with this request'],
    ])('%s', (_what, cn, reason) => {
      const decision = decide(refusing, named(cn), START, { sample_rate: 3000 }, NOW);
      expect(decision).toMatchObject({ allow: false, reason: expect.stringMatching(reason) });
    });
  });

  it('the next change is the next border of any window', () => {
    const changeAfter = (time: string): string => new Date(nextChangeMs(timed, at(time)) ?? 0).toISOString();
    expect(changeAfter('07:00')).toBe('2026-01-05T08:00:00.000Z');
    expect(changeAfter('08:00')).toBe('2026-01-05T12:00:00.000Z');
    expect(changeAfter('12:00')).toBe('2026-01-05T20:00:00.000Z');
    expect(changeAfter('20:00')).toBe('2026-01-05T21:00:00.001Z');
    expect(changeAfter('23:00')).toBe('2026-01-06T08:00:00.000Z');
    expect(nextChangeMs(policy, NOW)).toBeUndefined();
  });
});

it('what is remembered of a caller is of this policy and this method alone', () => {
  const one = policyOf(
    'version: 1\nrules: [{name: r, subjects: ["cn:a"], allow: [{methods: ["sdr.oran.StationService/*"]}]}]',
  );
  const other = policyOf('version: 1\nrules: [{name: r, subjects: ["cn:b"], allow: [{methods: ["*"]}]}]');
  const identity = named('a');
  const asked = (which: Policy, method: string): boolean => decide(which, identity, method, {}, NOW).allow;
  for (let round = 0; round < 2; round++) {
    expect(asked(one, 'sdr.oran.StationService/GetStation')).toBe(true);
    expect(asked(one, SPECTRUM)).toBe(false);
    expect(asked(other, 'sdr.oran.StationService/GetStation')).toBe(false);
    // Names that a caller makes up are forgotten again, and what is remembered stays right.
    for (let i = 0; i < 1000; i++) expect(asked(one, `sdr.oran.StationService/Made${i}`)).toBe(true);
    expect(asked(one, `sdr.oran.Other/${'x'.repeat(1000)}`)).toBe(false);
  }
});

describe('of names that a caller makes up, memory keeps little', () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage: () => void = runInNewContext('gc');
  const MEGABYTE = 1e6;
  test.each([
    ['many', 60_000, 200],
    ['long ones', 250, 100_000],
  ])('%s', (_what, count, characters) => {
    const open = policyOf('version: 1\nrules: [{name: r, subjects: ["cn:a"], allow: [{methods: ["*"]}]}]');
    const identity = named('a');
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < count; i++) decide(open, identity, `${i}/`.padEnd(characters, 'x'), {}, NOW);
    collectGarbage();
    // All of them are 12 and 25 megabytes.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(4 * MEGABYTE);
    // Until here policy and caller are kept, and what is remembered of them.
    expect(decide(open, identity, 'a/b', {}, NOW).allow).toBe(true);
  });
});
