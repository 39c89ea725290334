import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, test } from '@jest/globals';
import ajv from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { loadKnownMethods } from '../../src/cli/known-methods.ts';
import { policyCommand } from '../../src/cli/policy.ts';
import { UsageError } from '../../src/errors.ts';
import { cli } from '../support/cli.ts';
import { makeTestPki, type TestPki } from '../support/pki.ts';

const POLICY = `version: 1
delegates: ["cn:passband-gateway"]
rules:
  - name: operators
    subjects: ["cn:oran-client", { all: ["ou:O-RAN-DU", { not: "cn:trainee-*" }] }]
    allow:
      - methods: ["sdr.oran.IQStreamService/StartStream"]
        where: { station_id: ["gs-1", "lab-*"], compression: [ZSTD], sample_rate: { max: 2.4e6 } }
        limits: { concurrentStreams: 2, maxSampleRateHz: 2.5e6 }
      - methods: ["sdr.oran.StationService/*"]
        when: [{ days: [mon], from: "08:00", to: "18:00", timezone: Europe/Berlin }]
  - name: trial
    mode: shadow
    subjects: ["cn:trial"]
    allow: [{ methods: ["sdr.oran.StationService/GetStation"], where: { station_id: ["gs-1"] } }]
  - name: others
    subjects: [{ not: "cn:mallory" }]
    allow: [{ methods: ["passband.Gateway/WhoAmI"] }]
`;
const START = 'sdr.oran.IQStreamService/StartStream';
const STATIONS = 'sdr.oran.StationService/ListStations';

let dir: string;
let file: string;
let pki: TestPki;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'passband-policy-'));
  file = join(dir, 'policy.yaml');
  writeFileSync(file, POLICY);
  pki = await makeTestPki();
});
afterAll(async () => {
  rmSync(dir, { recursive: true, force: true });
  await pki.remove();
});
afterEach(() => {
  process.exitCode = undefined;
});

/** Runs a verb and gives its lines, the folder's name left out. */
async function policy(...args: readonly string[]): Promise<string[]> {
  let out = '';
  const command = policyCommand(loadKnownMethods);
  for (const each of [command, ...command.commands]) {
    each.exitOverride().configureOutput({ writeOut: (text) => (out += text), writeErr: () => {} });
  }
  await command.parseAsync([...args], { from: 'user' });
  return out.replaceAll(`${dir}/`, '').trimEnd().split('\n');
}

describe('policy explain', () => {
  const ask = (...args: readonly string[]): Promise<string[]> => policy('explain', '--policy', file, ...args);

  it('says by which rule and entry a call is allowed, with which limits, and of all others why not', async () => {
    const request = '{"stationId": "lab-7", "compression": "ZSTD", "sampleRate": 2.4e6}';
    expect(await ask('--cn', 'oran-client', '--method', START, '--request', request)).toEqual([
      'allow: rule "operators" (policy.yaml:7), with concurrentStreams 2, maxSampleRateHz 2500000',
      '  rule "operators" (policy.yaml:4):',
      '    policy.yaml:7: allows it',
      '    policy.yaml:10: its methods are others: sdr.oran.StationService/*',
      '  rule "trial" (policy.yaml:12): its subjects are others: cn:trial',
      '  rule "others" (policy.yaml:16):',
      '    policy.yaml:18: its methods are others: passband.Gateway/WhoAmI',
    ]);
  });

  test.each<[string, string, string, RegExp]>([
    [
      'a field',
      '{"station_id":"gs-2","compression":"ZSTD"}',
      'deny',
      /where station_id: \[gs-1, lab-\*\] does not hold/,
    ],
    ['an enum by name', '{"stationId":"gs-1","compression":"LZ4"}', 'deny', /where compression: \[1, ZSTD\] does not/],
    [
      'a bound',
      '{"stationId":"gs-1","compression":1,"sampleRate":2450000}',
      'deny',
      /\{min: -Infinity, max: 2400000\}/,
    ],
    ['an absent number, which is 0', '{"stationId":"gs-1","compression":"ZSTD"}', 'allow', /operators/],
  ])('judges a request by %s, as the gateway would', async (_what, request, answer, says) => {
    const lines = await ask('--cn', 'oran-client', '--method', START, '--request', request);
    expect(lines[0]?.split(':')[0]).toBe(answer);
    expect(lines.join('\n')).toMatch(says);
  });

  test.each([
    ['2026-01-05T07:00:00Z', 'allow'],
    ['2026-01-05T06:59:59Z', 'deny'],
    ['2026-01-06T10:00:00+01:00', 'deny'],
  ])('asks for a moment (%s)', async (at, answer) => {
    const lines = await ask('--cn', 'du-1', '--ou', 'X', 'O-RAN-DU', '--method', STATIONS, '--at', at);
    expect(lines[0]?.split(':')[0]).toBe(answer);
    if (answer === 'deny') expect(lines.join('\n')).toContain('none of its time windows is open');
  });

  it('says what a rule in shadow mode would do when enforced', async () => {
    const method = 'sdr.oran.StationService/GetStation';
    const lines = await ask('--cn', 'trial', '--method', method, '--request', '{"stationId":"x"}');
    expect(lines.slice(0, 2)).toEqual([
      'allow: rule "trial" (policy.yaml:15)',
      'in shadow mode only: enforced, rule "trial" would not allow it',
    ]);
  });

  const PARTS = [
    ['o', 'ACME'],
    ['ou', 'RAN'],
    ['dns', 'a.example'],
    ['uri', 'spiffe://ran.example/a'],
    ['email', 'a@ran.example'],
    ['sha256', 'ab'.repeat(32)],
  ] as const;
  test.each(PARTS)('knows a caller by %s, here and in a table', async (kind, value) => {
    const known = join(dir, 'parts.yaml');
    const table = join(dir, 'parts-expect.yaml');
    const rule = `{ name: r, subjects: ["${kind}:${value}"], allow: [{ methods: ["*"] }] }`;
    writeFileSync(known, `version: 1\nrules: [${rule}]\n`);
    const answer = async (...flags: readonly string[]): Promise<string | undefined> =>
      (await policy('explain', '--policy', known, '--cn', 'x', ...flags, '--method', STATIONS))[0]?.split(':')[0];
    expect([await answer(`--${kind}`, value), await answer()]).toEqual(['allow', 'deny']);
    const expectation = (who: string, expected: string): string =>
      `  - { who: { cn: x${who} }, method: ${STATIONS}, expect: ${expected} }\n`;
    writeFileSync(
      table,
      `version: 1\nexpect:\n${expectation(`, ${kind}: "${value}"`, 'allow')}${expectation('', 'deny')}`,
    );
    expect((await policy('test', known, table)).at(-1)).toBe('2 of 2 as expected');
  });

  it('reads the caller off a certificate', async () => {
    const lines = await ask('--cert', join(pki.dir, 'client.crt'), '--method', START);
    expect(lines[0]).toContain('allow: rule "operators"');
    expect(lines[2]).toContain('depending on the request');
  });

  test.each<[string, readonly string[], RegExp]>([
    ['nobody', ['--method', START], /say who with --cn/],
    ['two callers', ['--cn', 'a', '--cert', 'x.crt', '--method', START], /leave --cn and its like out/],
    ['a certificate that is not there', ['--cert', 'nowhere.crt', '--method', START], /nowhere\.crt/],
    ['an unknown method', ['--cn', 'a', '--method', 'a.B/C'], /"a\.B\/C" is no known method/],
    ['a moment without offset', ['--cn', 'a', '--method', START, '--at', '2026-01-01T00:00'], /--at: .* offset/],
    ['a request that is no JSON', ['--cn', 'a', '--method', START, '--request', '{'], /the request is none of/],
    ['an unknown field', ['--cn', 'a', '--method', START, '--request', '{"x":1}'], /has no such field/],
    [
      'a request for a page',
      ['--cn', 'a', '--method', 'passband.Gateway/Docs', '--request', '{"x":1}'],
      /leave the request out/,
    ],
    ['two policies', ['other.yaml', '--cn', 'a', '--method', START], /named twice/],
  ])('refuses %s', async (_what, args, says) => {
    const error: unknown = await ask(...args).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UsageError);
    expect(error).toHaveProperty('message', expect.stringMatching(says));
  });
});

describe('policy check', () => {
  it('warns of a rule that means everybody but some', async () => {
    expect(await policy('check', file)).toEqual([
      'warning: policy.yaml:16: rule "others" means everybody but some: {not: cn:mallory}; say with all: who is meant besides, unless that is meant',
      'policy.yaml: ok; rules: operators, trial (shadow), others; delegates: 1',
    ]);
  });

  it('takes policy.yaml of the certs folder unless told', async () => {
    expect(await policy('check', '--certs', dir)).toEqual(await policy('check', '--policy', file));
  });
});

describe('policy who-can', () => {
  it('lists rules, entries and whom they mean', async () => {
    expect(await policy('who-can', START, '--certs', dir)).toEqual([
      'rule "operators" (policy.yaml:4): cn:oran-client, {all: [ou:O-RAN-DU, {not: cn:trainee-*}]}',
      '    policy.yaml:7: allows it, depending on the request, with concurrentStreams 2, maxSampleRateHz 2500000',
    ]);
    expect(await policy('who-can', START, '--certs', dir, '--request', '{"stationId":"no"}')).toEqual(['nobody']);
    expect(await policy('who-can', 'passband.Gateway/Docs', '--certs', dir)).toEqual(['nobody']);
    const trial = [
      'sdr.oran.StationService/GetStation',
      '--request',
      '{"stationId":"x"}',
      '--at',
      '2026-01-05T22:00:00Z',
    ];
    expect(await policy('who-can', ...trial, '--certs', dir)).toEqual([
      'rule "trial" (policy.yaml:12): cn:trial',
      '    policy.yaml:15: lets it pass on trial (mode: shadow); enforced, where station_id: [gs-1] would not hold',
    ]);
    expect((await policy('who-can', STATIONS, '--certs', dir, '--at', '2026-01-05T09:00:00Z'))[0]).toContain(
      'operators',
    );
  });
});

/** Tables of expectations, with the answer of each line. */
const TABLE = `version: 1
expect:
  - who: oran-client
    method: ${START}
    request: { stationId: gs-1, compression: ZSTD, sampleRate: 1e6 }
    expect: allow
    rule: operators
  - name: nobody starts elsewhere
    who: { cn: oran-client, o: ACME, ou: [a, b], dns: [a.example], uri: ["spiffe://a/b"], email: a@b, sha256: "${'0'.repeat(64)}" }
    method: ${START}
    request: { station_id: gs-2 }
    expect: deny
    rule: operators
  - who: { cn: du-7, ou: O-RAN-DU }
    method: ${STATIONS}
    at: 2026-01-05T09:00:00Z
    expect: allow
  - who: mallory
    method: passband.Gateway/WhoAmI
    expect: deny
`;

describe('policy test', () => {
  const run = (table: string): Promise<string[]> => {
    writeFileSync(join(dir, 'expect.yaml'), table);
    return policy('test', file, join(dir, 'expect.yaml'));
  };

  it('says of each expectation that it is met', async () => {
    expect(await run(TABLE)).toEqual([
      `ok    oran-client ${START} allow`,
      'ok    nobody starts elsewhere',
      `ok    du-7 ${STATIONS} allow`,
      'ok    mallory passband.Gateway/WhoAmI deny',
      '4 of 4 as expected',
    ]);
    expect(process.exitCode).toBeUndefined();
  });

  it('takes the policy of the certs folder when the table comes alone', async () => {
    await run(TABLE);
    expect((await policy('test', join(dir, 'expect.yaml'), '--certs', dir)).at(-1)).toBe('4 of 4 as expected');
  });

  test.each([
    [
      'another answer',
      'expect: deny\n    rule: operators\n  - who: { cn: du-7',
      'expect: allow\n  - who: { cn: du-7',
      /MISS {2}nobody starts elsewhere \(expect\.yaml:8\): expected allow, came deny \(rule "operators" allows this caller the method, but not with this request\)/,
    ],
    [
      'another rule',
      'rule: operators\n  - name',
      'rule: trial\n  - name',
      /expected rule "trial", came rule "operators", policy\.yaml:7/,
    ],
    [
      'another time',
      '2026-01-05T09',
      '2026-01-05T19',
      /MISS {2}du-7 .* came deny \(rule "operators" .* not at this time\)/,
    ],
  ])('says which is not met and exits with 1 (%s)', async (_what, from, to, says) => {
    const lines = await run(TABLE.replace(from, to));
    expect(lines.join('\n')).toMatch(says);
    expect(lines.at(-1)).toBe('3 of 4 as expected');
    expect(process.exitCode).toBe(1);
  });

  const schema = new ajv.default({ strict: true, strictTypes: false, unicodeRegExp: true }).compile(
    JSON.parse(readFileSync(new URL('../../docs/policy-expectations.schema.json', import.meta.url), 'utf8')),
  );

  it('has a schema that takes what it takes', () => {
    expect(schema(parse(TABLE))).toBe(true);
  });

  const one = (rest: string): string => `version: 1\nexpect:\n  - ${rest}\n`;
  test.each<[string, string, string, RegExp, boolean?]>([
    ['no version', 'expect: []', '1:1', /"version" is missing/],
    ['no expectations', 'version: 1\nexpect: []', '2:9', /empty list/],
    ['another version', 'version: 2\nexpect: []', '1:10', /write version: 1/],
    ['no caller', one(`{method: "${START}", expect: allow}`), '3:5', /"who" is missing/],
    ['no answer', one(`{who: a, method: "${START}"}`), '3:5', /"expect" is missing/],
    ['another answer', one(`{who: a, method: "${START}", expect: yes}`), '3:70', /write allow or deny/],
    ['a key too many', one(`{who: a, method: "${START}", expect: deny, when: now}`), '3:76', /"when" is unknown/],
    [
      'a part too many',
      one(`{who: {cn: a, serial: "1"}, method: "${START}", expect: deny}`),
      '3:19',
      /"serial" is unknown/,
    ],
    ['a caller that is a number', one(`{who: 7, method: "${START}", expect: deny}`), '3:11', /is a number/],
    ['an unknown method', one('{who: a, method: x, expect: deny}'), '3:22', /no known method/, false],
    ['an unknown rule', one(`{who: a, method: "${START}", expect: deny, rule: x}`), '3:82', /no rule "x"/, false],
    [
      'a bad request',
      one(`{who: a, method: "${START}", request: {x: 1}, expect: deny}`),
      '3:71',
      /no such field/,
      false,
    ],
    ['a bad moment', one(`{who: a, method: "${START}", at: "2026-01-01", expect: deny}`), '3:66', /with its offset/],
  ])('refuses %s at its place', async (_what, table, at, says, schemaKnows = true) => {
    const error: unknown = await run(table).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UsageError);
    expect(error).toHaveProperty('message', expect.stringMatching(says));
    expect(error).toHaveProperty('message', expect.stringContaining(`${join(dir, 'expect.yaml')}:${at}: `));
    if (schemaKnows) expect(schema(parse(table))).toBe(false);
  });
});

describe('exit codes of the program', () => {
  const write = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  };
  it.each<[string, () => readonly string[], number, RegExp, RegExp]>([
    ['0 of check for a policy that is good', () => ['check', file], 0, /: ok; rules: /, /^$/],
    [
      '2 of check for one that is not, with its place',
      () => ['check', write('bad.yaml', 'version: 1\nrules: []\n')],
      2,
      /^$/,
      /bad\.yaml:2:8: rules is an empty list/,
    ],
    ['2 of check where there is none', () => ['check', join(dir, 'none.yaml')], 2, /^$/, /none\.yaml cannot be read/],
    [
      '0 of test when all is as expected',
      () => ['test', file, write('met.yaml', TABLE)],
      0,
      /4 of 4 as expected/,
      /^$/,
    ],
    [
      '1 of test when something is not',
      () => ['test', file, write('missed.yaml', TABLE.replace('expect: allow', 'expect: deny'))],
      1,
      /^MISS[\s\S]*3 of 4 as expected/,
      /^$/,
    ],
    [
      '2 of test for a table that is none',
      () => ['test', file, write('no-table.yaml', 'version: 1\nexpect: []\n')],
      2,
      /^$/,
      /no-table\.yaml:2:9: /,
    ],
    ['0 of explain for a denial', () => ['explain', file, '--cn', 'x.y', '--method', START], 0, /^deny: /, /^$/],
    ['0 of who-can for nobody', () => ['who-can', 'passband.Gateway/Docs', '--certs', dir], 0, /^nobody\n$/, /^$/],
  ])('%s', async (_what, args, code, out, err) => {
    expect(await cli(['policy', ...args()])).toEqual({
      code,
      stdout: expect.stringMatching(out),
      stderr: expect.stringMatching(err),
    });
  });
});
