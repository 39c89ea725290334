import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { documentText, tableAfter } from './markdown.ts';

const text = documentText('docs/compliance.md');
const STATES = /^(met|met in part|not met|not ours|does not arise|met as OpenSSL meets it)$/;

/** Rows of all tables of clauses. */
const rows = ['## ETSI EN 303 645', '## NIST SP 800-52r2', '## RFC 9325', '## O-RAN']
  .flatMap((heading) => tableAfter(text, heading))
  .map(([clause = '', asks = '', state = '', how = '', tests = '']) => ({ clause, asks, state, how, tests }));

/** A file of tests and the names of those meant, as `FILE` ("NAME", "NAME"). */
const REFERENCE = /`(test\/[^`]+)` \(("[^"]+"(?:, "[^"]+")*)\)/g;

/** Whether a file has a test, group or case of a name. What a test fills in (%s, %j) is … in the name. */
function hasTest(file: string, name: string): boolean {
  const source = readFileSync(join(PACKAGE_ROOT, file), 'utf8').replaceAll(/%[a-z]/g, '…');
  return [`'${name}'`, `"${name}"`].some((quoted) => source.includes(quoted));
}

describe('docs/compliance.md', () => {
  test('names only tests that are there', () => {
    const named = [...text.matchAll(/`(test\/[^`]+)`/g)].map(([, file = '']) => file);
    expect(named.length).toBeGreaterThan(50);
    expect(named.filter((file) => !existsSync(join(PACKAGE_ROOT, file)))).toEqual([]);
  });

  test.each(rows)('$clause, $asks: $state', ({ clause, state, how, tests }) => {
    expect(clause).not.toBe('');
    expect(state).toMatch(STATES);
    // What is said to be met is shown by a test; what is not, or by none of ours, says why.
    if (/^met( in part)?$/.test(state)) expect(tests).toMatch(/`test\//);
    if (state !== 'met') expect(how).not.toBe('');
    // Of every file it says which of its tests, and those are there.
    expect(tests.replaceAll(REFERENCE, '').replaceAll(', ', '')).toBe('');
    const missing = [...tests.matchAll(REFERENCE)].flatMap(([, file = '', names = '']) =>
      names
        .slice(1, -1)
        .split('", "')
        .filter((name) => !hasTest(file, name))
        .map((name) => `${file}: ${name}`),
    );
    expect(missing).toEqual([]);
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

  test('has the clauses of O-RAN on mutual TLS and on logs', () => {
    const clauses = tableAfter(text, '## O-RAN').map(([clause]) => clause);
    const requirements = [
      ...['REQ-SEC-SMO-Internal-1', 'REQ-SEC-SMO-Internal-2', 'SEC-CTL-A1-1', 'SEC-CTL-A1-2', 'SEC-CTL-A1-3'],
      ...['REQ-TLS-FUN-1', 'REQ-TLS-FUN-2', 'SEC-CTL-SLM-FLD-1', 'SEC-CTL-SLM-FLD-2', 'REQ-SEC-SLM-ATS-5'],
      ...['TC_TLS_Protocol', 'TC_TLS_Version', 'TC_TLS_DeprecatedVersions'],
    ];
    const found = clauses.join(' ').split(/[ ,;]+/);
    expect(requirements.filter((requirement) => !found.includes(requirement))).toEqual([]);
  });

  test('claims no certification', () => {
    expect(text).toContain('Nobody has certified or assessed Passband');
    expect(text).not.toMatch(/\b(is certified|compliant with|fully complies)\b/i);
  });
});
