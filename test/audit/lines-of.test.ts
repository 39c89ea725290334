import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, jest } from '@jest/globals';
import { linesOf } from '../../src/audit/lines-of.ts';
import { inFolder } from './journal-under-test.ts';

/** What a stream reads at once. */
const CHUNK_BYTES = 64 * 1024;
/** More than that, so that lines lie across what it brings. */
const SEVERAL_CHUNKS_BYTES = 300_000;

it('a line that is longer than allowed comes cut to one byte more, and the next one whole', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'lines');
    const long = 'x'.repeat(SEVERAL_CHUNKS_BYTES);
    await writeFile(file, ['1234567890', '12345678901', '', long, 'next', long].join('\n'));
    const lines: [text: string, ended: boolean][] = [];
    for await (const { bytes, ended } of linesOf(file, 10)) lines.push([bytes.toString(), ended]);
    expect(lines).toEqual([
      ['1234567890', true],
      ['12345678901', true],
      ['', true],
      ['x'.repeat(11), true],
      ['next', true],
      ['x'.repeat(11), false],
    ]);
  }));

it('also when all that is allowed came at once, and what is too much behind it', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'lines');
    await writeFile(file, 'x'.repeat(CHUNK_BYTES + 2));
    for await (const line of linesOf(file, CHUNK_BYTES)) expect(line.bytes).toHaveLength(CHUNK_BYTES + 1);
    expect.assertions(1);
  }));

it('whatever its length, not more of a line is held than is allowed and what is read at once', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'lines');
    await writeFile(file, 'x'.repeat(100 * SEVERAL_CHUNKS_BYTES));
    const concat = jest.spyOn(Buffer, 'concat');
    for await (const line of linesOf(file, 100_000)) expect(line.bytes).toHaveLength(100_001);
    const made = concat.mock.results.map(({ value }) => (value as Buffer).length);
    concat.mockRestore();
    expect(Math.max(...made)).toBeLessThan(SEVERAL_CHUNKS_BYTES);
  }));
