// needs: openssl
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { createAuthority, type IssuedCertificate } from '../../src/pki/authority.ts';
import { inFolder } from '../../src/pki/folder.ts';
import { ensureAuthorities } from '../../src/pki/init.ts';
import { issueInto } from '../../src/pki/issue.ts';
import { renewIn } from '../../src/pki/renew.ts';
import { buildCrl } from '../../src/pki/revocation.ts';
import { revokeIn } from '../../src/pki/revoke.ts';
import { type VerifyOrder, verifyFile } from '../../src/pki/verify.ts';
import { openssl, opensslSays } from '../support/openssl.ts';
import { makeTestPki, type TestCertificate, type TestPki } from '../support/pki.ts';

let pki: TestPki;
let root: string;
beforeAll(async () => {
  pki = await makeTestPki({ pathLength: 1 });
  root = await mkdtemp(join(tmpdir(), 'passband-verify-'));
});
afterAll(async () => {
  await pki.remove();
  await rm(root, { recursive: true, force: true });
});

const faultsOf = async (file: string, order: VerifyOrder = {}, dir = pki.dir): Promise<readonly string[]> =>
  (await verifyFile(dir, file, order)).faults;
const days = (count: number): Date => new Date(Date.now() + count * 86_400_000);
const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
const [DAY, TWO_DAYS] = [days(1), days(2)];

describe('finds nothing wrong with what is right', () => {
  test.each(['server', 'backend', 'gateway', 'client', 'dashboard', 'ca'])('%s', async (name) => {
    const { faults, notes } = await verifyFile(pki.dir, join(pki.dir, `${name}.crt`), { minDays: 30 });
    expect(faults).toEqual([]);
    expect(notes).toContain('its key is beside it, is its own, and its owner alone can read it');
    expect(notes).toContain('there is no crl.pem: nothing is known to be revoked');
    expect(notes.join()).toMatch(/\d+ days left/);
  });

  test.each([['localhost'], ['127.0.0.1'], ['::1']])('the server is for %s', async (host) => {
    expect(await faultsOf(join(pki.dir, 'server.crt'), { host })).toEqual([]);
  });

  test('a leaf whose CA is sent along, and one of another tool, which the index does not know', async () => {
    const { certFile } = await pki.issue({ issuer: await pki.intermediate() });
    const { faults, notes } = await verifyFile(pki.dir, certFile);
    expect(faults).toEqual([]);
    expect(notes).toContain("unknown to this CA's index: another tool made it");
  });
});

describe('says in a sentence what is wrong, and OpenSSL finds something wrong too', () => {
  test.each<[string, TestCertificate, VerifyOrder, RegExp]>([
    ['self-signed', { issuer: 'self' }, {}, /leads to CN=oran-client, which is not in ca\.crt/],
    ['of another CA with the same name', { issuer: 'other-ca' }, {}, /and the CA of that name in ca\.crt has not/],
    [
      'expired',
      { notBefore: new Date(0), notAfter: new Date(1000) },
      {},
      /CN=oran-client has expired \(notAfter 1970-01-01T00:00:01/,
    ],
    ['not valid yet', { notBefore: DAY, notAfter: TWO_DAYS }, {}, /not valid yet .*is this clock right/],
    [
      'for servers only',
      { eku: 'server' },
      { side: 'client' },
      /lacks clientAuth, so that nobody takes it from a client/,
    ],
    ['for clients only', { dns: ['a.example'] }, { side: 'server' }, /lacks serverAuth/],
  ])('a certificate that is %s', async (_what, certificate, order, says) => {
    const { certFile } = await pki.issue(certificate);
    expect(await faultsOf(certFile, order)).toEqual([expect.stringMatching(says)]);
    const purpose = ['-purpose', order.side === 'server' ? 'sslserver' : 'sslclient'];
    expect((await opensslSays('verify', ...purpose, '-CAfile', join(pki.dir, 'ca.crt'), certFile)).good).toBe(false);
  });

  test('a chain longer than its root allows', async () => {
    const middle = await pki.intermediate('middle');
    const validity = { notBefore: days(-1), notAfter: DAY };
    const low = await createAuthority('low', validity, { issuer: middle });
    const issuer: IssuedCertificate = { ...low, certPem: low.certPem + middle.certPem };
    const { certFile } = await pki.issue({ issuer });
    expect(await faultsOf(certFile)).toEqual(['CN=middle allows 0 CAs below it, and 1 are']);
    const untrusted = ['-CAfile', join(pki.dir, 'ca.crt'), '-untrusted', certFile];
    expect((await opensslSays('verify', ...untrusted, certFile)).good).toBe(false);
  });

  test('a leaf that plays the CA', async () => {
    const leaf = await pki.issue({ cn: 'noc' });
    const { certFile } = await pki.issue({ cn: 'forged', issuer: leaf });
    expect(await faultsOf(certFile)).toEqual(['CN=noc has signed CN=forged, and is no CA that may']);
  });

  test('a certificate without any extension that plays the CA', async () => {
    const [mine, forged] = [await pki.issue(), join(root, 'plain')];
    const under = (name: string, ca: readonly [string, string], subject: string): Promise<string> =>
      signedPlainly(`${forged}-${name}`, ca, subject);
    const plain = await under('ca', [join(pki.dir, 'ca.crt'), join(pki.dir, 'ca.key')], '/CN=plain');
    const leaf = await under('leaf', [plain, plain.replace('.crt', '.key')], '/CN=forged');
    await writeFile(leaf, (await readFile(leaf, 'utf8')) + (await readFile(plain, 'utf8')));
    expect(await faultsOf(leaf)).toContain('CN=plain has signed on the way to the root, and is no CA');
    expect((await opensslSays('verify', '-CAfile', join(pki.dir, 'ca.crt'), '-untrusted', leaf, leaf)).good).toBe(
      false,
    );
    expect(await faultsOf(mine.certFile)).toEqual([]);
  });

  test('a CA on the way that has expired', async () => {
    const [ca, validity] = [await pki.pair('ca'), { notBefore: days(-9), notAfter: days(-1) }];
    const { certFile } = await pki.issue({ issuer: await createAuthority('past', validity, { issuer: ca }) });
    expect(await faultsOf(certFile)).toEqual([expect.stringMatching(/^CN=past has expired/)]);
    const untrusted = ['-CAfile', join(pki.dir, 'ca.crt'), '-untrusted', certFile];
    expect((await opensslSays('verify', ...untrusted, certFile)).good).toBe(false);
  });

  test.each<[string, readonly string[], readonly string[], RegExp]>([
    ['signed over SHA-1', EC, ['-sha1'], /^CN=x is signed with SHA-1, which can be forged$/],
    [
      'of an RSA key of 1024 bits',
      ['-newkey', 'rsa:1024'],
      [],
      /^CN=x has an RSA key of 1024 bits, which can be broken$/,
    ],
  ])('a certificate %s', async (what, key, signing, says) => {
    const ca = [join(pki.dir, 'ca.crt'), join(pki.dir, 'ca.key')] as const;
    const file = await signedPlainly(join(root, what.replaceAll(' ', '-')), ca, '/CN=x', key, signing);
    expect(await faultsOf(file)).toContainEqual(expect.stringMatching(says));
    const strength = ['verify', '-auth_level', '2', '-CAfile', join(pki.dir, 'ca.crt')];
    expect((await opensslSays(...strength, file)).good).toBe(false);
  });

  test('a certificate for neither side of a TLS connection', async () => {
    const [extensions, ca] = [join(root, 'mail.cnf'), [join(pki.dir, 'ca.crt'), join(pki.dir, 'ca.key')] as const];
    await writeFile(extensions, 'extendedKeyUsage = emailProtection\n');
    const file = await signedPlainly(join(root, 'mail'), ca, '/CN=x', EC, ['-extfile', extensions]);
    expect(await faultsOf(file)).toEqual([expect.stringMatching(/has neither clientAuth nor serverAuth/)]);
    for (const purpose of ['sslclient', 'sslserver']) {
      const verify = ['verify', '-purpose', purpose, '-CAfile', join(pki.dir, 'ca.crt'), file];
      expect((await opensslSays(...verify)).good).toBe(false);
    }
  });

  test('an intermediate in ca.crt without its root', async () => {
    const dir = join(root, 'no-root');
    await mkdir(dir);
    const issuing = await pki.intermediate('lonely');
    await writeFile(join(dir, 'ca.crt'), issuing.certPem);
    const { certFile } = await pki.issue({ issuer: issuing });
    expect(await faultsOf(certFile, {}, dir)).toEqual([
      'ca.crt has CN=lonely but not its root CN=Passband development CA',
    ]);
    expect((await opensslSays('verify', '-CAfile', join(dir, 'ca.crt'), certFile)).good).toBe(false);
  });
});

/** A certificate of OpenSSL's without extensions but for those of `signing`, and its key beside it. */
async function signedPlainly(
  base: string,
  [caFile, caKeyFile]: readonly [string, string],
  subject: string,
  newKey: readonly string[] = EC,
  signing: readonly string[] = [],
): Promise<string> {
  const [key, csr, crt] = [`${base}.key`, `${base}.csr`, `${base}.crt`];
  await openssl('req', '-new', ...newKey, '-nodes', '-keyout', key, '-subj', subject, '-out', csr);
  const ca = ['-CA', caFile, '-CAkey', caKeyFile, '-days', '9'];
  await openssl('x509', '-req', '-in', csr, ...ca, ...signing, '-out', crt);
  return crt;
}

describe('asks for the side of a connection', () => {
  test('that the index says, whatever the name of the file', async () => {
    const dir = join(root, 'sides');
    await inFolder(dir, () => ensureAuthorities(dir, {}));
    await issueInto(dir, { profile: 'client', cn: 'x', name: 'server' });
    expect(await faultsOf(join(dir, 'server.crt'), {}, dir)).toEqual([]);
  });

  test('that the name of the file says, of a certificate that the index does not have', async () => {
    const dir = join(root, 'names');
    await mkdir(dir);
    await copyFile(join(pki.dir, 'ca.crt'), join(dir, 'ca.crt'));
    const { certFile } = await pki.issue({ eku: 'server', dns: ['a.example'] });
    await copyFile(certFile, join(dir, 'gateway.crt'));
    expect(await faultsOf(join(dir, 'gateway.crt'), {}, dir)).toEqual([expect.stringMatching(/lacks clientAuth/)]);
    await copyFile(certFile, join(dir, 'other.crt'));
    expect(await faultsOf(join(dir, 'other.crt'), {}, dir)).toEqual([]);
  });
});

describe('says what TLS peers and Passband would refuse', () => {
  test.each<[string, TestCertificate, VerifyOrder, RegExp]>([
    [
      'no name for a server',
      { eku: 'server' },
      { side: 'server' },
      /no DNS name or IP address as subject alternative name/,
    ],
    [
      'another host',
      { eku: 'server', dns: ['a.example'] },
      { host: 'b.example' },
      /not for b\.example; its names are DNS:a\.example/,
    ],
    ['another address', { eku: 'server', ip: ['192.0.2.1'] }, { host: '192.0.2.2' }, /not for 192\.0\.2\.2/],
    [
      'a host that only its CN has',
      { eku: 'server', cn: 'a.example', dns: ['b.example'] },
      { host: 'a.example' },
      /not for a\.example/,
    ],
    [
      'a host that only its CN has, without any DNS name',
      { eku: 'server', cn: 'a.example', ip: ['192.0.2.1'] },
      { host: 'a.example' },
      /not for a\.example/,
    ],
    ['no CN', { cn: null, o: ['x'] }, { side: 'client' }, /has no CN, and a client must have one/],
    ['two CNs', { cn: ['a', 'b'] }, { side: 'client' }, /has 2 CNs/],
    ['few days', { notAfter: days(3.5) }, { minDays: 4 }, /it has 3 days left, fewer than the 4 asked for/],
  ])('%s', async (_what, certificate, order, says) => {
    const { certFile } = await pki.issue(certificate);
    expect(await faultsOf(certFile, order)).toEqual([expect.stringMatching(says)]);
  });

  test('a key that is not its own, that others may read, or that is none', async () => {
    const dir = join(root, 'keys');
    await mkdir(dir);
    await copyFile(join(pki.dir, 'ca.crt'), join(dir, 'ca.crt'));
    const [mine, other] = [await pki.issue(), await pki.issue()];
    const [cert, key] = [join(dir, 'x.crt'), join(dir, 'x.key')];
    await copyFile(mine.certFile, cert);
    await copyFile(other.keyFile, key);
    expect(await faultsOf(cert, {}, dir)).toEqual([
      `${key} is not the key of ${cert}; put the pair there that belongs together`,
    ]);
    await copyFile(mine.keyFile, key);
    expect(await faultsOf(cert, {}, dir)).toEqual([]);
    await chmod(key, 0o644);
    expect(await faultsOf(cert, {}, dir)).toEqual([expect.stringMatching(/may be read by others/)]);
    await chmod(key, 0o600);
    await writeFile(key, 'x');
    expect(await faultsOf(cert, {}, dir)).toEqual([expect.stringMatching(/no private key that can be parsed/)]);
    await rm(key);
    expect((await verifyFile(dir, cert)).notes).toContain('no key is beside it');
  });
});

describe('by crl.pem', () => {
  let dir: string;
  const at = (name: string): string => join(dir, name);
  beforeAll(async () => {
    dir = join(root, 'lists');
    await inFolder(dir, () => ensureAuthorities(dir, { issuing: true }));
    for (const cn of ['good', 'lost']) await issueInto(dir, { profile: 'client', cn });
    await revokeIn(dir, { serial: (await verifyFile(dir, at('lost.crt'))).certificate.serialNumber }, 'keyCompromise');
  });

  it('a revoked one, and not its neighbour', async () => {
    expect(await faultsOf(at('lost.crt'), {}, dir)).toEqual([
      expect.stringMatching(/^CN=lost has been revoked \(keyCompromise, 2\d{3}-/),
    ]);
    expect(await faultsOf(at('good.crt'), {}, dir)).toEqual([]);
  });

  it('a list that is out of date, missing, not signed, or behind the index', async () => {
    const lists = (await readFile(at('crl.pem'), 'utf8')).match(/-----BEGIN[\s\S]*?-----END X509 CRL-----\n/g) ?? [];
    const [issuing = '', above = ''] = lists;
    const pair = {
      certPem: await readFile(at('issuing.crt'), 'utf8'),
      keyPem: await readFile(at('issuing.key'), 'utf8'),
    };
    const edition = { number: 9, thisUpdate: days(-2), nextUpdate: days(-1) };

    await writeFile(at('crl.pem'), (await buildCrl(pair, [], edition)) + above);
    expect(await faultsOf(at('good.crt'), {}, dir)).toEqual([
      expect.stringMatching(/issuing is out of date since .*run: passband pki crl/),
    ]);
    expect(await faultsOf(at('lost.crt'), {}, dir)).toContainEqual(
      expect.stringMatching(/revoked in the index and not in crl\.pem/),
    );

    await writeFile(at('crl.pem'), issuing);
    expect(await faultsOf(at('good.crt'), {}, dir)).toEqual(['crl.pem has no list of CN=Passband development CA']);

    const forger = await createAuthority('Passband development CA issuing', { notBefore: days(-1), notAfter: DAY });
    await writeFile(at('crl.pem'), (await buildCrl(forger, [], { ...edition, nextUpdate: DAY })) + above);
    expect(await faultsOf(at('good.crt'), {}, dir)).toContainEqual(
      expect.stringMatching(/is not signed by any CA certificate of that name/),
    );
    await writeFile(at('crl.pem'), issuing + above);
  });

  it('a renewed one is good, and a revoked one is not renewed', async () => {
    await renewIn(dir, 'good', {});
    expect(await faultsOf(at('good.crt'), {}, dir)).toEqual([]);
    await expect(renewIn(dir, 'lost', {})).rejects.toThrow(
      /has been revoked \(keyCompromise, .*issue it under another --name/,
    );
  });
});

describe('renew refuses', () => {
  test('a CA, a file of another folder, another CA’s certificate and a key that is elsewhere', async () => {
    await expect(renewIn(pki.dir, 'ca', {})).rejects.toThrow(/a CA is not renewed but followed/);
    await expect(renewIn(pki.dir, '/elsewhere/x.crt', {})).rejects.toThrow(/is not in .*name its folder with --certs/);
    const other = await pki.issue({ issuer: 'self' });
    await copyFile(other.certFile, join(pki.dir, 'other.crt'));
    await expect(renewIn(pki.dir, 'other', {})).rejects.toThrow(/no CA of ca\.crt has signed .*renew it there/);
    const ours = await pki.issue();
    await copyFile(ours.certFile, join(pki.dir, 'ours.crt'));
    await expect(renewIn(pki.dir, 'ours', {})).rejects.toThrow(/ours\.key is not here: have a new request made/);
    const { keyFile } = await renewIn(pki.dir, 'ours', { sameKey: true });
    expect(keyFile).toBeUndefined();
    const before = await openssl('x509', '-in', ours.certFile, '-noout', '-pubkey');
    expect(await openssl('x509', '-in', join(pki.dir, 'ours.crt'), '-noout', '-pubkey')).toBe(before);
  });
});

describe('a CA that OpenSSL made', () => {
  it('issues, revokes and verifies here like one of our own', async () => {
    const dir = join(root, 'openssl-ca');
    await mkdir(dir);
    const at = (name: string): string => join(dir, name);
    await openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      at('ca.key'),
      '-out',
      at('ca.crt'),
      '-subj',
      '/C=DE/O=ACME/CN=ACME CA',
      '-days',
      '90',
    );
    await chmod(at('ca.key'), 0o600);
    // Beyond the CA's end nothing is issued, though nobody has said how long.
    const { certificate } = await issueInto(dir, { profile: 'client', cn: 'noc' });
    expect(certificate.validToDate.getTime()).toBeLessThanOrEqual(days(90).getTime());
    expect(await faultsOf(at('noc.crt'), {}, dir)).toEqual([]);
    await openssl('verify', '-CAfile', at('ca.crt'), at('noc.crt'));
    await revokeIn(dir, { serial: certificate.serialNumber }, 'superseded');
    expect(await faultsOf(at('noc.crt'), {}, dir)).toEqual([expect.stringMatching(/revoked \(superseded/)]);
    const said = await opensslSays(
      'verify',
      '-crl_check',
      '-CRLfile',
      at('crl.pem'),
      '-CAfile',
      at('ca.crt'),
      at('noc.crt'),
    );
    expect(said).toMatchObject({ good: false, said: expect.stringContaining('revoked') });
  });
});
