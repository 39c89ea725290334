import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { PACKAGE_ROOT } from '../../src/package-root.ts';

// That what is revoked ends within one second is shown by tests with a clock, which leave room for a busy machine. This one
// has no clock: the waits that the programs make by themselves must leave time for the work between them.
const SECOND_MS = 1_000;
/** Milliseconds for the work: files are read, signatures verified, and a thousand streams judged and ended. */
const WORK_MS = 300;

/** Milliseconds that a constant of a source file says. */
function milliseconds(file: string, name: string): number {
  const source = readFileSync(join(PACKAGE_ROOT, 'src', file), 'utf8');
  const [, number = ''] = new RegExp(`\\bconst ${name} = ([0-9_]+);`).exec(source) ?? [];
  return Number.parseInt(number.replaceAll('_', ''), 10);
}

/** A change shows at the next look, and is read at the one after it. */
const noticeMs = 2 * milliseconds('trust/files.ts', 'POLL_MS');

describe('from a file in place to the last byte, on top of the work', () => {
  test.each<[program: string, parts: readonly (readonly [file: string, name: string])[]]>([
    ['gateway', [['gateway/guard/live-connections.ts', 'LAST_WORD_MS']]],
    [
      'backend',
      [
        ['backend/door/rechecks.ts', 'LAST_WORDS_MS'],
        ['backend/door/connections.ts', 'FAREWELL_MS'],
      ],
    ],
  ])('the %s waits for less than a second', (_program, parts) => {
    const waitsMs = parts.reduce((sum, [file, name]) => sum + milliseconds(file, name), noticeMs);
    expect(waitsMs).toBeGreaterThan(0);
    expect(waitsMs + WORK_MS).toBeLessThanOrEqual(SECOND_MS);
  });

  test('no program looks at other times', () => {
    const sources = readdirSync(join(PACKAGE_ROOT, 'src'), { recursive: true, encoding: 'utf8' });
    const setters = sources.filter(
      (name) => name.endsWith('.ts') && /\bpollMs:/.test(readFileSync(join(PACKAGE_ROOT, 'src', name), 'utf8')),
    );
    expect(setters).toEqual([]);
  });
});
