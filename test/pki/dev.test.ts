import { createHash } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, test } from '@jest/globals';
import { UsageError } from '../../src/errors.ts';
import { ensureDevPki } from '../../src/pki/dev.ts';
import { loadTlsMaterial } from '../../src/pki/tls-files.ts';

let dir: string;
beforeEach(async () => {
  dir = join(await mkdtemp(join(tmpdir(), 'passband-dev-')), 'certs');
});
afterEach(() => rm(join(dir, '..'), { recursive: true, force: true }));

const LEAVES = ['server', 'backend', 'gateway', 'client', 'dashboard'];
const ALL = ['ca', ...LEAVES].flatMap((name) => [`${name}.crt`, `${name}.key`]).concat('dashboard.p12');

/** Every file with a digest of its content. */
const contents = async (): Promise<Record<string, string>> => {
  const entries = (await readdir(dir)).map(async (name) => {
    const digest = createHash('sha256').update(await readFile(join(dir, name)));
    return [name, digest.digest('hex')] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
};
const remove = (...names: readonly string[]): Promise<unknown> => Promise.all(names.map((name) => rm(join(dir, name))));

it('makes the whole set once, keys for the owner only, and then touches nothing', async () => {
  const { created, p12Password } = await ensureDevPki(dir);
  expect([...created].sort()).toEqual([...ALL].sort());
  expect(p12Password).not.toBe('');
  for (const name of ALL) {
    const mode = (await stat(join(dir, name))).mode & 0o777;
    expect([name, mode]).toEqual([name, name.endsWith('.crt') ? 0o644 : 0o600]);
  }
  for (const name of LEAVES) await expect(loadTlsMaterial(dir, name)).resolves.toBeDefined();

  const before = await contents();
  expect(await ensureDevPki(dir)).toEqual({ created: [], p12Password });
  expect(await contents()).toEqual(before);
});

it('makes only what lacks, with the CA that is there', async () => {
  await ensureDevPki(dir);
  const before = await contents();
  await remove('client.crt', 'client.key', 'dashboard.p12');
  expect((await ensureDevPki(dir)).created).toEqual(['client.crt', 'client.key', 'dashboard.p12']);
  const after = await contents();
  for (const name of ALL) expect([name, after[name] === before[name]]).toEqual([name, !/^client|p12$/.test(name)]);
});

it('is content without the CA key as long as it has nothing to sign', async () => {
  await ensureDevPki(dir);
  await remove('ca.key');
  expect((await ensureDevPki(dir)).created).toEqual([]);
});

test.each<[string, readonly string[], RegExp]>([
  [
    'leaves and the CA key',
    ['ca.key', 'client.crt', 'client.key', 'server.crt', 'server.key'],
    /lacks server\.crt, client\.crt, and .*ca\.key is not there/,
  ],
  ['a key', ['client.key'], /client\.crt is there but .*client\.key is missing/],
  ['a certificate', ['client.crt'], /client\.key is there but .*client\.crt is missing/],
  [
    'the CA and a leaf',
    ['ca.crt', 'ca.key', 'client.crt', 'client.key'],
    /ca\.crt is missing though server\.crt, backend\.crt, gateway\.crt, dashboard\.crt is there/,
  ],
  ['all but the CA key', ALL.filter((name) => name !== 'ca.key'), /ca\.crt is missing though ca\.key is there/],
])('says what to do where %s are missing, and makes nothing', async (_what, names, says) => {
  await ensureDevPki(dir);
  await remove(...names);
  const before = await contents();
  const error: unknown = await ensureDevPki(dir).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UsageError);
  expect(error).toHaveProperty('message', expect.stringMatching(says));
  expect(await contents()).toEqual(before);
});

it('does not use a CA key that others may read', async () => {
  await ensureDevPki(dir);
  await remove('client.crt', 'client.key');
  await chmod(join(dir, 'ca.key'), 0o644);
  await expect(ensureDevPki(dir)).rejects.toThrow(/chmod 600 .*ca\.key/);
});
