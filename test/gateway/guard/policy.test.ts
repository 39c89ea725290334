import { readFileSync } from 'node:fs';
import { describe, expect, it, test } from '@jest/globals';
import ajv from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { UsageError } from '../../../src/errors.ts';
import { DEV_POLICY, parsePolicy } from '../../../src/gateway/guard/policy.ts';
import { knownMethods } from './known-methods.ts';
import { BAD_POLICIES, GOOD_POLICIES } from './policy-cases.ts';

const schema = new ajv.default({
  strict: true,
  strictRequired: false,
  strictTypes: false,
  allErrors: true,
  unicodeRegExp: true,
}).compile(JSON.parse(readFileSync(new URL('../../../docs/policy.schema.json', import.meta.url), 'utf8')));

const failure = (text: string): string => {
  try {
    parsePolicy(text, 'etc/policy.yaml', knownMethods);
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return error instanceof UsageError ? error.message : '';
  }
  throw new Error('the policy was accepted');
};

describe('a good policy', () => {
  test.each(GOOD_POLICIES)('%s', (_what, text) => {
    expect(parsePolicy(text, 'policy.yaml', knownMethods).rules.length).toBeGreaterThan(0);
    expect(schema(parse(text))).toBe(true);
  });

  it('is read as it is written, and frozen', () => {
    const [, text = ''] = GOOD_POLICIES.find(([what]) => what.startsWith('where')) ?? [];
    const policy = parsePolicy(text, 'policy.yaml', knownMethods);
    expect(policy).toEqual({
      delegates: [],
      rules: [
        {
          name: 'operators',
          shadow: true,
          subjects: [{ kind: 'cn', pattern: 'a' }],
          line: 3,
          allow: [
            {
              id: '1 operators',
              methods: ['sdr.oran.IQStreamService/*'],
              where: [
                { path: ['station_id'], test: { kind: 'patterns', patterns: ['gs-1', 'lab-*'] }, absent: undefined },
              ],
              when: [],
              limits: { concurrentStreams: 8, requestsPerMinute: 600 },
              sampleRates: new Map(),
              line: 7,
            },
            {
              id: '2 operators',
              methods: ['sdr.oran.StationService/ListStations'],
              where: [],
              when: [],
              limits: {},
              sampleRates: new Map(),
              line: 10,
            },
          ],
        },
      ],
    });
    expect(Object.isFrozen(policy.rules)).toBe(true);
    expect(Object.isFrozen(policy.rules[0]?.allow[0]?.where[0]?.test)).toBe(true);
  });

  it('is what development begins with', () => {
    const policy = parsePolicy(DEV_POLICY, 'policy.yaml', knownMethods);
    expect(policy.rules.map(({ name }) => name)).toEqual(['developer', 'dashboards']);
    expect(policy.delegates).toEqual([{ kind: 'cn', pattern: 'passband-gateway' }]);
    expect(schema(parse(DEV_POLICY))).toBe(true);
  });
});

describe('a bad policy is refused at its place', () => {
  test.each(BAD_POLICIES)('$what', ({ text, at, says }) => {
    const message = failure(text);
    expect(message).toMatch(says);
    expect(message.startsWith(`etc/policy.yaml:${at}: `)).toBe(true);
    // What is wrong; the remedy.
    expect(message).toMatch(/; \S/);
  });

  test.each(BAD_POLICIES.filter(({ schemaKnows }) => schemaKnows))('$what: the schema says so too', ({ text }) => {
    expect(schema(parse(text, { uniqueKeys: false }))).toBe(false);
  });

  test.each([
    ['a megabyte', `version: 1\n#${' '.repeat(1024 * 1024)}`, /larger than 1048576 bytes/],
    ['lists in lists', `version: 1\nrules: ${'['.repeat(200_000)}`, /correct/],
    [
      'an alias bomb',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'.replace(/./g, (c, i) => `${c}: &${c} [${`*${'abcdefgh'[Number(i)]},`.repeat(9)}]\n`)}`,
      /"a" is unknown/,
    ],
    ['a great many keys', `version: 1\n${Array.from({ length: 60_000 }, (_, i) => `k${i}: 1\n`).join('')}`, /unknown/],
  ])('%s', (_what, text, says) => {
    expect(failure(text)).toMatch(says);
  });
});
