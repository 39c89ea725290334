// needs: openssl
import { X509Certificate } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { readCrlFile } from '../../src/pki/crl-file.ts';
import { listFolder } from '../../src/pki/list.ts';
import { writeLists } from '../../src/pki/lists.ts';
import { renewIn } from '../../src/pki/renew.ts';
import { revokeIn } from '../../src/pki/revoke.ts';
import { verifyFile } from '../../src/pki/verify.ts';
import { openssl, opensslSays } from '../support/openssl.ts';

/** A CA of OpenSSL that counts its serials from 1, by the name of its folder. */
const CONFIG = `
[ca]
default_ca = d
[d]
database = DIR/index.txt
serial = DIR/serial
crlnumber = DIR/crlnumber
new_certs_dir = DIR
default_md = sha256
default_days = 365
default_crl_days = 30
policy = p
unique_subject = no
[p]
commonName = supplied
[ca_ext]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[client_ext]
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
authorityKeyIdentifier = keyid
[list_ext]
authorityKeyIdentifier = keyid
[req]
distinguished_name = dn
[dn]
`;
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

let template: string;
let dir: string;
const made = (name: string): string => join(template, name);
const at = (name: string): string => join(dir, name);
const conf = (ca: string): string => join(template, ca, 'conf');

/** Signs a request with one of the two. */
async function sign(ca: 'root' | 'issuing', name: string, extensions: string): Promise<void> {
  const request = ['-config', conf(ca), '-keyout', made(`${name}.key`), '-out', made(`${name}.csr`)];
  await openssl('req', ...KEY, ...request, '-subj', `/CN=${name}`);
  const issue = ['-extensions', extensions, '-in', made(`${name}.csr`), '-out', made(`${name}.crt`), '-notext'];
  await openssl('ca', '-batch', ...signer(ca), ...issue);
}
const signer = (ca: string): string[] => [
  ...['-config', conf(ca), '-cert', made(`${ca}.crt`), '-keyfile', made(`${ca}.key`)],
];

beforeAll(async () => {
  template = await mkdtemp(join(tmpdir(), 'passband-serials-'));
  for (const ca of ['root', 'issuing']) {
    await mkdir(made(ca));
    await writeFile(conf(ca), CONFIG.replaceAll('DIR', made(ca)));
    await writeFile(made(`${ca}/index.txt`), '');
    for (const counter of ['serial', 'crlnumber']) await writeFile(made(`${ca}/${counter}`), '01\n');
  }
  const root = ['-config', conf('root'), '-extensions', 'ca_ext', '-subj', '/CN=root', '-days', '900'];
  await openssl('req', '-x509', ...KEY, ...root, '-keyout', made('root.key'), '-out', made('root.crt'));
  await sign('root', 'issuing', 'ca_ext'); // root 01
  await sign('root', 'old-router', 'client_ext'); // root 02
  await sign('root', 'held', 'client_ext'); // root 03
  await sign('issuing', 'first', 'client_ext'); // issuing 01
  await sign('issuing', 'mallory', 'client_ext'); // issuing 02
  await sign('issuing', 'good', 'client_ext'); // issuing 03
});
afterAll(() => rm(template, { recursive: true, force: true }));

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'passband-folder-'));
  await copyFile(made('root.key'), at('ca.key'));
  for (const name of [
    'issuing.key',
    'issuing.crt',
    'old-router.crt',
    'held.crt',
    'mallory.crt',
    'good.crt',
    'good.key',
  ]) {
    await copyFile(made(name), at(name));
  }
  for (const name of ['ca.key', 'issuing.key', 'good.key']) await chmod(at(name), 0o600);
  const [root, issuing] = [await readFile(made('root.crt'), 'utf8'), await readFile(made('issuing.crt'), 'utf8')];
  await writeFile(at('ca.crt'), root + issuing);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const certificateOf = async (name: string): Promise<X509Certificate> =>
  new X509Certificate(await readFile(at(`${name}.crt`)));
const revoke = async (name: string, reason: 'keyCompromise' | 'certificateHold' | 'removeFromCRL') => {
  const certificate = await certificateOf(name);
  return await revokeIn(dir, { serial: certificate.serialNumber, certificate }, reason);
};
/** Which of them OpenSSL takes by the lists of the folder. */
async function taken(): Promise<string[]> {
  const good: string[] = [];
  for (const name of ['old-router', 'held', 'mallory', 'good']) {
    const lists = ['-crl_check_all', '-CRLfile', at('crl.pem'), '-CAfile', at('ca.crt')];
    const { good: isGood, said } = await opensslSays('verify', ...lists, at(`${name}.crt`));
    expect([name, isGood || said.includes('certificate revoked')]).toEqual([name, true]);
    if (isGood) good.push(name);
  }
  return good;
}

it('keeps what two CAs of OpenSSL have revoked under one serial, and numbers go on', async () => {
  for (const [ca, name] of [
    ['root', 'old-router'],
    ['issuing', 'mallory'],
  ] as const) {
    await openssl('ca', ...signer(ca), '-revoke', made(`${name}.crt`));
    await openssl('ca', ...signer(ca), '-crlexts', 'list_ext', '-gencrl', '-out', made(`${ca}.crl`));
  }
  await writeFile(
    at('crl.pem'),
    (await readFile(made('root.crl'), 'utf8')) + (await readFile(made('issuing.crl'), 'utf8')),
  );
  expect(await taken()).toEqual(['held', 'good']);
  const { written } = await writeLists(dir);
  expect(written.map(({ revoked }) => revoked)).toEqual([1, 1]);
  expect(await taken()).toEqual(['held', 'good']);
  // They are in the index, each by itself: the lists may go.
  await rm(at('crl.pem'));
  await writeLists(dir);
  expect(await taken()).toEqual(['held', 'good']);
});

it('revokes each by itself, and takes one off hold without the other', async () => {
  expect(await revoke('mallory', 'keyCompromise')).toMatchObject({ before: undefined });
  expect(await taken()).toEqual(['old-router', 'held', 'good']);
  expect(await revoke('old-router', 'keyCompromise')).toMatchObject({ before: undefined });
  expect(await taken()).toEqual(['held', 'good']);

  await revoke('held', 'certificateHold');
  await expect(revoke('good', 'removeFromCRL')).rejects.toThrow(/is not revoked/);
  expect(await taken()).toEqual(['good']);
  await revoke('good', 'keyCompromise');
  await revoke('held', 'removeFromCRL');
  expect(await taken()).toEqual(['held']);
  // What one has taken off hold, another tool's list of the other CA still revokes.
  expect((await readCrlFile(at('crl.pem'))).map(({ revoked }) => [...revoked.keys()])).toEqual([['2', '3'], ['2']]);
});

it('lists, verifies and renews each by what its own CA has revoked', async () => {
  await revoke('held', 'keyCompromise');
  await revoke('mallory', 'keyCompromise');
  const listed = (await listFolder(dir)).map(({ name, status }) => `${name} ${status}`);
  expect(listed.filter((line) => /^(old-router|held|mallory|good) /.test(line)).sort()).toEqual([
    'good valid',
    'held revoked',
    'mallory revoked',
    'old-router valid',
  ]);
  // The index alone, as after the lists were lost.
  await rm(at('crl.pem'));
  for (const [name, isRevoked] of [
    ['held', true],
    ['good', false],
    ['mallory', true],
    ['old-router', false],
  ] as const) {
    const { faults } = await verifyFile(dir, at(`${name}.crt`));
    expect([name, faults.some((fault) => fault.includes('revoked in the index'))]).toEqual([name, isRevoked]);
  }
  expect((await renewIn(dir, 'good', {})).name).toBe('good');
  await expect(renewIn(dir, 'mallory', { sameKey: true })).rejects.toThrow(/has been revoked/);
});

it('asks for the file where a serial alone could mean either', async () => {
  await revoke('old-router', 'keyCompromise');
  await revoke('mallory', 'keyCompromise');
  await expect(revokeIn(dir, { serial: '2', unknownAllowed: true }, 'keyCompromise')).rejects.toThrow(
    /several CAs of this folder have used serial 2; give the certificate's file/,
  );
});
