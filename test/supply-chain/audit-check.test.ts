import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { PACKAGE_ROOT } from '../../src/package-root.ts';

const folder = mkdtempSync(join(tmpdir(), 'passband-audit-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const SCRIPT = join(PACKAGE_ROOT, 'scripts', 'audit-check.mjs');

/** Runs the check with an npm that gives the answer of a registry. */
function checkWith(
  answer: string,
  ...args: readonly string[]
): { readonly status: number | null; readonly said: string } {
  const npm = join(folder, 'npm');
  writeFileSync(npm, `#!/bin/sh\ncat <<'END'\n${answer}\nEND\nexit 1\n`);
  chmodSync(npm, 0o755);
  const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, ...args], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${folder}:${process.env.PATH}` },
  });
  return { status, said: stdout + stderr };
}

const NO_ADVISORIES = '{"message":"405 Method Not Allowed","statusCode":405}';
const answerOf = (severity: string): string =>
  JSON.stringify({
    vulnerabilities: { leftpad: { name: 'leftpad', severity, range: '<2', isDirect: true } },
    metadata: { vulnerabilities: { [severity]: 1 } },
  });

test.each([
  ['nothing known', '{"vulnerabilities":{},"metadata":{"vulnerabilities":{"high":0}}}', 0, /high 0/],
  ['a moderate fault', answerOf('moderate'), 0, /moderate 1/],
  ['a high one', answerOf('high'), 1, /high: leftpad <2/],
  ['a critical one', answerOf('critical'), 1, /critical: leftpad <2/],
  ['a registry without advisories', NO_ADVISORIES, 3, /^NOT CHECKED.*405/],
  ['no answer', '', 3, /^NOT CHECKED/],
])('%s', (_, answer, status, says) => {
  expect(checkWith(answer)).toEqual({ status, said: expect.stringMatching(says) });
});

test('in CI an answer that is bad fails, and no answer is said', () => {
  const [, ...inCi] =
    /^npm run audit:check -- (.*)$/m.exec(readFileSync(join(PACKAGE_ROOT, '.ci', 'run'), 'utf8')) ?? [];
  expect(inCi).toHaveLength(1);
  expect(checkWith(answerOf('high'), ...inCi)).toEqual({ status: 1, said: expect.stringMatching(/high: leftpad <2/) });
  expect(checkWith(NO_ADVISORIES, ...inCi)).toEqual({ status: 0, said: expect.stringMatching(/^NOT CHECKED.*405/) });
});

test('an argument that is not known is refused', () => {
  expect(checkWith(answerOf('low'), '--fix')).toEqual({ status: 2, said: expect.stringMatching(/^--fix: not known/) });
});
