import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { matches, matchesMethod, methodPatternFault, patternFault } from '../../../src/gateway/guard/pattern.ts';

describe('matches', () => {
  test.each([
    ['oran-client', 'oran-client', true],
    ['oran-client', 'Oran-client', false],
    ['oran-client', 'oran-client2', false],
    ['noc-*', 'noc-1', true],
    ['noc-*', 'noc-', true],
    ['noc-*', 'noc', false],
    ['noc-*', 'noc-a.b', false],
    ['noc-*', 'noc-a/b', false],
    ['*', 'anything', true],
    ['*', 'any.thing', false],
    ['*.ran.example', 'gw.ran.example', true],
    ['*.ran.example', 'a.gw.ran.example', false],
    ['*-*-*', 'a-b-c', true],
    ['*-*-*', 'a-b', false],
    ['*ab*ab', 'xabyab', true],
    ['*ab*ab', 'xab', false],
    ['a*b*c', 'abbbc', true],
    ['a*.b', 'a.c.b', false],
    ['uri*', 'uri:x', true],
    ['spiffe://ran.example/ops/**', 'spiffe://ran.example/ops/a/b.c', true],
    ['spiffe://ran.example/ops/**', 'spiffe://ran.example/ops/', true],
    ['spiffe://ran.example/ops/**', 'spiffe://ran.example/opsx/a', false],
    ['spiffe://ran.example/*/role', 'spiffe://ran.example/a/b/role', false],
    ['spiffe://**/role/*', 'spiffe://x/y/role/z/role/w', true],
    ['spiffe://**/role/*', 'spiffe://x/role/a/b', false],
    ['**', '', true],
    ['*', '', true],
    ['', '', true],
    ['', 'a', false],
    ['a.c', 'abc', false],
    ['[a-z]', 'b', false],
  ])('%j against %j: %p', (pattern, value, expected) => {
    expect(matches(pattern, value)).toBe(expected);
  });

  /** The same language as a regular expression, which is fine for the short strings of this test. */
  const oracle = (pattern: string, value: string): boolean => {
    const source = pattern
      .split(/(\*\*|\*)/)
      .map((part) => (part === '**' ? '[^]*' : part === '*' ? '[^./]*' : part.replace(/[.*/]/g, '\\$&')))
      .join('');
    return new RegExp(`^${source}$`).test(value);
  };

  it('agrees with a regular expression on every short pattern and value', () => {
    const pattern = fc
      .array(fc.constantFrom('a', 'b', '.', '/', '*', '**'), { maxLength: 8 })
      .map((parts) => parts.join(''));
    const value = fc.array(fc.constantFrom('a', 'b', '.', '/'), { maxLength: 12 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(pattern, value, (p, v) => {
        fc.pre(!p.includes('***'));
        expect(matches(p, v)).toBe(oracle(p, v));
      }),
      { numRuns: 5000 },
    );
  });

  it('never lets a single star cross a segment', () => {
    const text = fc.stringMatching(/^[a-z./*-]{0,20}$/);
    fc.assert(
      fc.property(text, fc.stringMatching(/^[a-z./-]{0,20}$/), (p, v) => {
        const single = p.replace(/\*+/g, '*');
        if (!matches(single, v)) return;
        expect(v.replace(/[^./]/g, '')).toBe(single.replace(/[^./]/g, ''));
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['a single star many times', '*a'.repeat(127), 'a'.repeat(4096)],
    ['a double star before a single one', `**a*${'a'.repeat(100)}`, 'a'.repeat(4096)],
    ['double and single stars by turns', '**/*a'.repeat(40), 'a/'.repeat(2048)],
    ['a double star many times', '**a'.repeat(80), 'a'.repeat(4096)],
  ])('takes steps for %s as pattern times value have, not more', (_, start, value) => {
    const before = process.cpuUsage();
    expect(matches(`${start}b`, value)).toBe(false);
    const { user, system } = process.cpuUsage(before);
    // Of this process alone. A million steps take some 10 ms; with a second go for each start of a run it is half a minute.
    expect((user + system) / 1e6).toBeLessThan(3);
  });

  it('matches nothing longer than 4096 characters', () => {
    expect(matches('*', 'a'.repeat(4096))).toBe(true);
    expect(matches('*', 'a'.repeat(4097))).toBe(false);
    expect(matches('**', 'a'.repeat(4097))).toBe(false);
  });
});

test.each([
  ['*', 'sdr.oran.StationService/GetStation', true],
  ['sdr.oran.StationService/*', 'sdr.oran.StationService/GetStation', true],
  ['sdr.oran.*/Get*', 'sdr.oran.StationService/GetStation', true],
  ['sdr.oran.*/Get*', 'sdr.oran.StationService/ListStations', false],
  ['sdr.oran.*Service/*', 'sdr.oran.evil.StationService/GetStation', false],
  ['sdr.oran.StationService/*', 'sdr.oran.StationService/Get/Station', false],
  ['sdr.oran.StationService/GetStation', 'sdr.oran.StationService/getStation', false],
])('method %j against %j: %p', (pattern, method, expected) => {
  expect(matchesMethod(pattern, method)).toBe(expected);
});

describe('faults', () => {
  test.each([
    ['', true, 'is empty'],
    ['a**', false, 'crosses segments'],
    ['a***b', true, 'three stars'],
    ['a\u0000b', true, 'control characters'],
    ['a'.repeat(257), true, 'longer than 256'],
  ])('%j (uri: %p) %s', (pattern, doubleStar, fault) => {
    expect(patternFault(pattern, doubleStar)).toContain(fault);
  });

  test.each([
    'GetStation',
    'sdr.*.StationService/*',
    '*.StationService/*',
    'sdr.oran.StationService',
    '/sdr.oran.StationService/GetStation',
    'sdr.oran.StationService/Get/Station',
    'sdr..StationService/*',
    'sdr.oran.StationService/**',
    'a/b c',
    '**',
  ])('%j is no method pattern', (pattern) => {
    expect(methodPatternFault(pattern)).toEqual(expect.any(String));
  });

  test.each(['*', 'Service/*', '*/*', 'sdr.oran.*/Get*', 'a.b_c.D1/E_*'])('%j is one', (pattern) => {
    expect(methodPatternFault(pattern)).toBeUndefined();
  });
});
