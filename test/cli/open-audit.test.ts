import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, test } from '@jest/globals';
import { Registry } from 'prom-client';
import { noAudit } from '../../src/audit/audit.ts';
import { openAudit } from '../../src/cli/open-audit.ts';
import { resolveConfig } from '../../src/config.ts';
import { UsageError } from '../../src/errors.ts';
import { noLog } from '../../src/observability/log.ts';

let certs: string;
beforeEach(async () => {
  certs = await mkdtemp(join(tmpdir(), 'passband-certs-'));
});
afterEach(async () => {
  await chmod(certs, 0o700);
  await rm(certs, { recursive: true, force: true });
});

function open(flags: Readonly<Record<string, string>> = {}) {
  const config = resolveConfig('up', { flags: { certs, ...flags }, environment: {}, file: undefined });
  return openAudit(config, 'gateway', noLog, new Registry());
}

test.each<[flags: Readonly<Record<string, string>>, file: string]>([
  [{}, 'gateway-8443.jsonl'],
  [{ port: '9000' }, 'gateway-9000.jsonl'],
  [{ port: '0' }, 'gateway.jsonl'],
])('with %j the journal is %s in the folder audit of the certs folder', async (flags, file) => {
  const audit = await open(flags);
  await audit.close();
  expect(await readdir(join(certs, 'audit'))).toEqual([file]);
});

it('off keeps none and makes no folder', async () => {
  expect(await open({ audit: 'off' })).toBe(noAudit);
  expect(await readdir(certs)).toEqual([]);
});

/** What is said of a folder in which nothing can be made. */
async function refusal(audit: Readonly<Record<string, string>> = {}): Promise<string> {
  const refused: unknown = await open(audit).then(
    () => 'opened',
    (error: unknown) => error,
  );
  expect(refused).toBeInstanceOf(UsageError);
  return refused instanceof UsageError ? refused.message : '';
}
const REMEDY =
  /^--audit: .*audit.* cannot be written to \(E.*\); name another folder with --audit DIR, or keep no journal with --audit off$/;

it('a certs folder that is read-only is no place for it, and both remedies are named', async () => {
  // Root may write everywhere but where a file is in the way; for others a folder of mode 0500 is read-only.
  if (process.getuid?.() === 0) await writeFile(join(certs, 'audit'), '');
  else await chmod(certs, 0o500);
  expect(await refusal()).toMatch(REMEDY);
});

it('neither is a path that leads through a file', async () => {
  await writeFile(join(certs, 'file'), '');
  expect(await refusal({ audit: join(certs, 'file', 'audit') })).toMatch(REMEDY);
});
