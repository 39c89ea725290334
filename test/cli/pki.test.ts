import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { pkiCommand } from '../../src/cli/pki.ts';
import { UsageError } from '../../src/errors.ts';
import { makeTestPki, type TestPki } from '../support/pki.ts';

let pki: TestPki;
let root: string;
beforeAll(async () => {
  pki = await makeTestPki();
  root = await mkdtemp(join(tmpdir(), 'passband-cli-'));
});
afterAll(async () => {
  await pki.remove();
  await rm(root, { recursive: true, force: true });
});

const passbandPki = async (...args: readonly string[]): Promise<string> => {
  let written = '';
  const command = pkiCommand();
  for (const each of [command, ...command.commands]) each.configureOutput({ writeOut: (text) => (written += text) });
  await command.parseAsync(args, { from: 'user' });
  return written;
};

it('init makes the set, says what it made, and the next time that nothing was touched', async () => {
  const dir = join(root, 'certs');
  const first = await passbandPki('init', '--certs', dir);
  const made = (await readdir(dir)).filter((name) => name !== 'index.jsonl');
  for (const name of made) expect(first).toContain(`made ${join(dir, name)}\n`);
  expect(first).toMatch(/the password of .*dashboard\.p12 is: \S+\n$/);
  expect(await passbandPki('init', '--certs', dir)).toBe(`${dir} has everything already; nothing was touched\n`);
});

it('show says whose a certificate is, what for and until when', async () => {
  const { certFile } = await pki.issue({
    cn: 'noc-1',
    ou: ['O-RAN-DU'],
    dns: ['noc-1.example'],
    uri: ['spiffe://ran.example/noc/1'],
    notAfter: new Date(Date.now() + 36 * 3_600_000),
  });
  const shown = await passbandPki('show', certFile);
  expect(shown).toMatch(/^subject +OU=O-RAN-DU, CN=noc-1$/m);
  expect(shown).toMatch(/^issuer +CN=Passband development CA$/m);
  expect(shown).toMatch(/^alternative names +DNS:noc-1\.example, URI:spiffe:\/\/ran\.example\/noc\/1$/m);
  expect(shown).toMatch(/^extended key usage +clientAuth$/m);
  expect(shown).toMatch(/^CA +no$/m);
  expect(shown).toMatch(/^serial +40[0-9a-f]{32}$/m);
  expect(shown).toMatch(/^not after +\d{4}-.*Z \(1 days left\)$/m);
  expect(shown).toMatch(/^sha256 +[0-9a-f]{64}$/m);
});

it('show tells an expired certificate and a CA', async () => {
  const old = await pki.issue({ notAfter: new Date(Date.now() - 1000) });
  expect(await passbandPki('show', old.certFile)).toMatch(/^not after .*\(expired\)$/m);
  expect(await passbandPki('show', join(pki.dir, 'ca.crt'))).toMatch(/^CA +yes$/m);
});

it('show names the file that is no certificate', async () => {
  const file = join(pki.dir, 'server.key');
  await expect(passbandPki('show', file)).rejects.toThrow(
    new UsageError(`${file} has no certificate in it; put a PEM block that begins with -----BEGIN CERTIFICATE-----`),
  );
  await expect(passbandPki('show', join(root, 'none.crt'))).rejects.toThrow(/none\.crt is missing/);
});
