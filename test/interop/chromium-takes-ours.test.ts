// needs: chromium, certutil
import { mkdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { exportArchive } from '../../src/pki/archive.ts';
import type { KeyAlgorithm } from '../../src/pki/keys.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { type CertificateFolder, madeFolder } from './folders.ts';
import { program } from './program.ts';

const POLICIES = '/etc/chromium/policies/managed';

// Browsers take no Ed25519 in certificates.
describe.each<[string, KeyAlgorithm, boolean]>([
  ['P-256', 'p256', false],
  ['P-384', 'p384', false],
  ['RSA 2048', 'rsa2048', false],
  ['P-256 under an issuing CA', 'p256', true],
])('%s', (_, algorithm, issuing) => {
  let folder: CertificateFolder;
  let stack: Stack;
  let policy = '';
  const at = (...path: readonly string[]): string => join(folder.dir, ...path);
  const database = (): string => `sql:${at('home', '.pki', 'nssdb')}`;

  beforeAll(async () => {
    folder = await madeFolder(algorithm, issuing);
    stack = await startStack({ flags: { certs: folder.dir } });
    await mkdir(at('home', '.pki', 'nssdb'), { recursive: true });
    await mkdir(POLICIES, { recursive: true });
    // A person would click on the certificate; nobody does here.
    policy = join(POLICIES, `passband-test-${process.pid}-${stack.port}.json`);
    const choice = JSON.stringify({ pattern: stack.gatewayUrl, filter: {} });
    await writeFile(policy, JSON.stringify({ AutoSelectCertificateForUrls: [choice] }));
  });
  afterAll(async () => {
    await rm(policy, { force: true });
    // Gone where nothing else is in them.
    for (const made of [POLICIES, dirname(POLICIES)]) await rmdir(made).catch(() => {});
    await stack.close();
    await folder.remove();
  });

  test('what `pki export --p12` packs is imported as a person does it, and the dashboard knows who looks', async () => {
    const { file, password } = await exportArchive(folder.dir, 'dashboard', {});
    await program('certutil', ['-N', '--empty-password', '-d', database()]);
    await program('certutil', ['-A', '-d', database(), '-n', 'Interop CA', '-t', 'CT,C,C', '-i', at('ca.crt')]);
    await program('pk12util', ['-d', database(), '-i', file, '-W', password, '-K', '']);
    const page = await program(
      'chromium',
      [
        ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
        ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
        ...[`--user-data-dir=${at('profile')}`, '--dump-dom', `${stack.gatewayUrl}/whoami`],
      ],
      { HOME: at('home') },
    );
    expect(page).toContain('"cn":"dash-1"');
  });
});
