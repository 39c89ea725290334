import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { documentText, tableAfter } from './markdown.ts';

const text = documentText('docs/compliance.md');
const STATES = /^(met|met in part|not met|not ours|does not arise|met as OpenSSL meets it)$/;

/** Rows of the four documents' tables: what is asked first, its state, how, and the tests last. */
const rows = [
  ...tableAfter(text, '## ETSI EN 303 645').map((row) => row.slice(1)),
  ...tableAfter(text, '## NIST SP 800-52r2').map((row) => row.slice(1)),
  ...tableAfter(text, '## RFC 9325').map((row) => row.slice(1)),
  ...tableAfter(text, '## O-RAN'),
].map(([asks = '', state = '', how = '', tests = '']) => ({ asks, state, how, tests }));

describe('docs/compliance.md', () => {
  test('names only tests that are there', () => {
    const named = [...text.matchAll(/`(test\/[^`]+)`/g)].map(([, file = '']) => file);
    expect(named.length).toBeGreaterThan(50);
    expect(named.filter((file) => !existsSync(join(PACKAGE_ROOT, file)))).toEqual([]);
  });

  test.each(rows)('$asks: $state', ({ state, how, tests }) => {
    expect(state).toMatch(STATES);
    // What is said to be met is shown by a test; what is not, or by none of ours, says why.
    if (/^met( in part)?$/.test(state)) expect(tests).toMatch(/`test\//);
    if (state !== 'met') expect(how).not.toBe('');
  });

  test('has all eight provisions of ETSI, all sections of NIST and all of RFC 9325 that are for us', () => {
    const first = (heading: string): string =>
      tableAfter(text, heading)
        .map(([clause]) => clause)
        .join(' ');
    for (let number = 1; number <= 8; number++) expect(first('## ETSI EN 303 645')).toContain(`5.5-${number}`);
    for (const section of ['3.1', '3.2', '3.3.1', '3.3.3', '3.4.1.1', '3.4.2', '3.4.3', '3.5', '3.6', '3.7', '3.8']) {
      expect(first('## NIST SP 800-52r2').split(/[ ,]+/)).toContain(section);
    }
    const ofRfc9325 = [
      ...['3.1.1', '3.1.3', '3.2', '3.3', '3.4', '3.5', '3.6', '3.7', '3.8', '3.9', '3.10'],
      ...['4.1', '4.2', '4.3', '4.4', '4.5', '4.6', '7.1', '7.2', '7.3', '7.4', '7.5'],
    ];
    expect(ofRfc9325.filter((section) => !first('## RFC 9325').split(' ').includes(section))).toEqual([]);
  });

  test('claims no certification', () => {
    expect(text).toContain('Nobody has certified or assessed Passband');
    expect(text).not.toMatch(/\b(is certified|compliant with|fully complies)\b/i);
  });
});
