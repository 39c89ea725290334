import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { PACKAGE_ROOT } from '../../src/package-root.ts';

const FOLDER = join(PACKAGE_ROOT, 'fixtures/recordings');
const textOf = (name: string): string => readFileSync(join(FOLDER, name), 'utf8');
const recordings = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.sigmf-meta'))
  .map((name) => name.replace(/\.sigmf-meta$/, ''));

test('there is a recording', () => {
  expect(recordings).not.toEqual([]);
});

describe.each(recordings)('the recording %s', (name) => {
  const { global } = JSON.parse(textOf(`${name}.sigmf-meta`)) as { readonly global: Readonly<Record<string, unknown>> };

  test('comes with the notice of its licence: holder, three conditions, disclaimer', () => {
    expect(global['core:license']).toBe('https://spdx.org/licenses/BSD-3-Clause.html');
    const notice = textOf('LICENSE').replace(/\s+/g, ' ');
    expect(notice).toMatch(
      /^Copyright \(c\) 2012-present, Salvatore Sanfilippo <antirez@gmail\.com> All rights reserved\./,
    );
    expect(
      notice.match(/ [123]\. (Redistributions of source|Redistributions in binary|Neither the name)/g),
    ).toHaveLength(3);
    expect(notice).toContain('THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS"');
  });

  test('has the checksum that its provenance names', () => {
    const checksum = createHash('sha512')
      .update(readFileSync(join(FOLDER, `${name}.sigmf-data`)))
      .digest('hex');
    expect(textOf('README.md')).toContain(`\n    ${checksum}\n`);
    expect(global['core:sha512']).toBe(checksum);
  });
});
