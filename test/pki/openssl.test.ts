// needs: openssl
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { ensureDevPki } from '../../src/pki/dev.ts';
import { loadTlsMaterial } from '../../src/pki/tls-files.ts';
import { makeTestPki, type TestCertificate, type TestPki } from '../support/pki.ts';
import { run } from '../support/run.ts';

let pki: TestPki;
let scratch: string;
beforeAll(async () => {
  pki = await makeTestPki();
  scratch = await mkdtemp(join(tmpdir(), 'passband-openssl-'));
});
afterAll(async () => {
  await pki.remove();
  await rm(scratch, { recursive: true, force: true });
});

const openssl = async (...args: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await run('openssl', args);
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  return stdout;
};
const text = async (file: string): Promise<string> => await openssl('x509', '-in', file, '-noout', '-text');

describe('OpenSSL accepts what the development PKI makes', () => {
  test.each([
    ['server', 'sslserver'],
    ['backend', 'sslserver'],
    ['gateway', 'sslclient'],
    ['client', 'sslclient'],
    ['dashboard', 'sslclient'],
  ])('%s, strictly and for its purpose only', async (name, purpose) => {
    const verify = (kind: string): Promise<{ readonly code: number }> =>
      run('openssl', [
        'verify',
        '-x509_strict',
        '-purpose',
        kind,
        '-CAfile',
        join(pki.dir, 'ca.crt'),
        join(pki.dir, `${name}.crt`),
      ]);
    expect((await verify(purpose)).code).toBe(0);
    expect((await verify(purpose === 'sslserver' ? 'sslclient' : 'sslserver')).code).not.toBe(0);
  });

  it('the CA: critical constraints, no CA below it, its own key identifier in the leaves', async () => {
    const ca = await text(join(pki.dir, 'ca.crt'));
    expect(ca).toMatch(/Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
    expect(ca).toMatch(/Key Usage: critical\s+Certificate Sign, CRL Sign\n/);
    expect(ca).toMatch(/Signature Algorithm: ecdsa-with-SHA256/);
    const [, identifier = '?'] = /Subject Key Identifier:\s+([0-9A-F:]{59})/.exec(ca) ?? [];
    expect(await text(join(pki.dir, 'server.crt'))).toMatch(new RegExp(`Authority Key Identifier:\\s+${identifier}`));
  });

  it('the server: names, usage, curve and 397 days', async () => {
    const server = await text(join(pki.dir, 'server.crt'));
    expect(server).toMatch(/Subject: CN = localhost/);
    expect(server).toMatch(/DNS:localhost, IP Address:127\.0\.0\.1, IP Address:0:0:0:0:0:0:0:1\n/);
    expect(server).toMatch(/Extended Key Usage:\s+TLS Web Server Authentication\n/);
    expect(server).toMatch(/Key Usage: critical\s+Digital Signature\n/);
    expect(server).toMatch(/ASN1 OID: prime256v1/);
    const days = (offset: number) => [
      'x509',
      '-in',
      join(pki.dir, 'server.crt'),
      '-noout',
      '-checkend',
      `${offset * 86_400}`,
    ];
    expect((await run('openssl', days(396))).code).toBe(0);
    expect((await run('openssl', days(398))).code).toBe(1);
  });

  it('serials are positive, 128 bits long and all different', async () => {
    const serials = new Set<string>();
    for (const name of ['ca', 'server', 'backend', 'gateway', 'client', 'dashboard']) {
      const serial = await openssl('x509', '-in', join(pki.dir, `${name}.crt`), '-noout', '-serial');
      expect(serial).toMatch(/^serial=40[0-9A-F]{32}\n$/);
      serials.add(serial);
    }
    expect(serials.size).toBe(6);
  });

  it('the browser archive: one key and its certificate, in today’s algorithms', async () => {
    const { p12Password } = await ensureDevPki(pki.dir);
    const archive = join(pki.dir, 'dashboard.p12');
    const { code, stdout, stderr } = await run('openssl', [
      'pkcs12',
      '-in',
      archive,
      '-passin',
      `pass:${p12Password}`,
      '-nodes',
      '-info',
    ]);
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/MAC: sha256.*\n[\s\S]*PBES2, PBKDF2, AES-256-CBC, Iteration \d{5}, PRF hmacWithSHA256/),
    ]);
    expect(stdout).toMatch(/subject=CN = dash-1/);
    await writeFile(join(scratch, 'p12.pem'), stdout, { mode: 0o600 });
    const key = await openssl('pkey', '-in', join(scratch, 'p12.pem'), '-pubout');
    expect(key).toBe(await openssl('x509', '-in', join(pki.dir, 'dashboard.crt'), '-noout', '-pubkey'));
    expect((await run('openssl', ['pkcs12', '-in', archive, '-passin', 'pass:wrong', '-nodes'])).code).not.toBe(0);
  });
});

test.each<[string, TestCertificate, RegExp]>([
  ['self-signed', { issuer: 'self' }, /self-signed/],
  ['of another CA', { issuer: 'other-ca' }, /local issuer|signature failure/],
  ['expired', { notBefore: new Date(0), notAfter: new Date(1) }, /expired/],
  ['not valid yet', { notBefore: new Date(Date.now() + 3_600_000) }, /not yet valid/],
  ['for servers only', { eku: 'server' }, /purpose/],
])('OpenSSL refuses the test certificate that is %s', async (_what, certificate, says) => {
  const { certFile } = await pki.issue(certificate);
  const args = ['verify', '-purpose', 'sslclient', '-CAfile', join(pki.dir, 'ca.crt'), certFile];
  const { code, stderr } = await run('openssl', args);
  expect([code, stderr]).toEqual([2, expect.stringMatching(says)]);
});

test.each<[string, TestCertificate, string]>([
  ['two CNs', { cn: ['a', 'b'] }, 'subject=CN = a, CN = b\n'],
  ['a NUL', { cn: 'a\u0000b' }, 'subject=CN = a\\00b\n'],
  ['no CN', { cn: null, o: ['x'] }, 'subject=O = x\n'],
  ['an empty subject', { rawSubject: [] }, 'subject=\n'],
])('the test certificate with %s is what it says', async (_what, certificate, subject) => {
  const { certFile } = await pki.issue(certificate);
  expect(await openssl('x509', '-in', certFile, '-noout', '-subject')).toBe(subject);
});

describe('what OpenSSL makes is accepted', () => {
  const EC = ['ecparam', '-name', 'prime256v1', '-genkey', '-noout'];
  const make = async (name: string, keyArgs: readonly (readonly string[])[]): Promise<string> => {
    const dir = join(scratch, name);
    await mkdir(dir);
    const at = (file: string): string => join(dir, file);
    await openssl(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      at('ca.key'),
      '-out',
      at('ca.crt'),
      '-subj',
      '/CN=Other CA',
      '-days',
      '2',
    );
    for (const args of keyArgs) await openssl(...args.map((arg) => arg.replace('DIR', dir)));
    await openssl('req', '-new', '-key', at('client.key'), '-subj', '/CN=oran-client', '-out', at('client.csr'));
    await openssl(
      'x509',
      '-req',
      '-in',
      at('client.csr'),
      '-CA',
      at('ca.crt'),
      '-CAkey',
      at('ca.key'),
      '-CAcreateserial',
      '-days',
      '1',
      '-out',
      at('client.crt'),
    );
    return dir;
  };

  test.each<[string, string, readonly (readonly string[])[]]>([
    ['sec1', 'BEGIN EC PRIVATE KEY', [[...EC, '-out', 'DIR/client.key']]],
    [
      'sec1-with-parameters',
      'BEGIN EC PARAMETERS',
      [['ecparam', '-name', 'prime256v1', '-genkey', '-out', 'DIR/client.key']],
    ],
    [
      'pkcs8-ec',
      'BEGIN PRIVATE KEY',
      [['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384', '-out', 'DIR/client.key']],
    ],
    [
      'pkcs8-rsa',
      'BEGIN PRIVATE KEY',
      [['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', 'DIR/client.key']],
    ],
    ['pkcs1', 'BEGIN RSA PRIVATE KEY', [['genrsa', '-traditional', '-out', 'DIR/client.key', '2048']]],
    ['ed25519', 'BEGIN PRIVATE KEY', [['genpkey', '-algorithm', 'ED25519', '-out', 'DIR/client.key']]],
  ])('%s', async (name, header, keyArgs) => {
    const dir = await make(name, keyArgs);
    const material = await loadTlsMaterial(dir, 'client');
    expect(material.keyPem).toContain(header);
  });

  it('a CA of its own, EC or RSA, signs the leaves that a folder lacks', async () => {
    for (const [name, key] of [
      ['ca-ec', ['ec', '-pkeyopt', 'ec_paramgen_curve:P-384']],
      ['ca-rsa', ['rsa:2048']],
    ] as const) {
      const dir = join(scratch, name);
      await mkdir(dir);
      await openssl(
        'req',
        '-x509',
        '-newkey',
        ...key,
        '-nodes',
        '-keyout',
        join(dir, 'ca.key'),
        '-out',
        join(dir, 'ca.crt'),
        '-subj',
        '/O=ACME/CN=Other CA',
        '-days',
        '900',
      );
      const caBefore = await readFile(join(dir, 'ca.crt'), 'utf8');
      expect((await ensureDevPki(dir)).created).not.toContain('ca.crt');
      expect(await readFile(join(dir, 'ca.crt'), 'utf8')).toBe(caBefore);
      await openssl('verify', '-CAfile', join(dir, 'ca.crt'), join(dir, 'client.crt'));
      await loadTlsMaterial(dir, 'client');
    }
  });

  it('a CA whose key cannot sign here is said to be so', async () => {
    const dir = join(scratch, 'ca-ed448');
    await mkdir(dir);
    await openssl(
      'req',
      '-x509',
      '-newkey',
      'ed448',
      '-nodes',
      '-keyout',
      join(dir, 'ca.key'),
      '-out',
      join(dir, 'ca.crt'),
      '-subj',
      '/CN=Other CA',
    );
    await expect(ensureDevPki(dir)).rejects.toThrow(/ed448.*cannot sign here; use P-256/);
  });

  it('and an archive is made of a pair that came from elsewhere', async () => {
    const dir = await make('p12', [[...EC, '-out', 'DIR/client.key']]);
    for (const name of ['server', 'backend', 'gateway', 'dashboard']) {
      for (const end of ['crt', 'key']) await copyFile(join(dir, `client.${end}`), join(dir, `${name}.${end}`));
    }
    await rm(join(dir, 'ca.key'));
    expect((await ensureDevPki(dir)).created).toEqual(['dashboard.p12']);
    expect(await openssl('pkcs12', '-in', join(dir, 'dashboard.p12'), '-passin', 'pass:passband', '-nodes')).toMatch(
      /CN = oran-client/,
    );
  });
});
