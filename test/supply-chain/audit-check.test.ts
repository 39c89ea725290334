import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { PACKAGE_ROOT } from '../../src/package-root.ts';

const folder = mkdtempSync(join(tmpdir(), 'passband-audit-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the check with an npm that gives the answer of a registry. */
function checkWith(answer: string): { readonly status: number | null; readonly said: string } {
  const npm = join(folder, 'npm');
  writeFileSync(npm, `#!/bin/sh\ncat <<'END'\n${answer}\nEND\nexit 1\n`);
  chmodSync(npm, 0o755);
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(PACKAGE_ROOT, 'scripts', 'audit-check.mjs')], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${folder}:${process.env.PATH}` },
  });
  return { status, said: stdout + stderr };
}

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
  ['a registry without advisories', '{"message":"405 Method Not Allowed","statusCode":405}', 3, /^NOT CHECKED.*405/],
  ['no answer', '', 3, /^NOT CHECKED/],
])('%s', (_, answer, status, says) => {
  expect(checkWith(answer)).toEqual({ status, said: expect.stringMatching(says) });
});
