// needs: openssl
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { UsageError } from '../../src/errors.ts';
import { exportArchive } from '../../src/pki/archive.ts';
import { inFolder } from '../../src/pki/folder.ts';
import { ensureAuthorities } from '../../src/pki/init.ts';
import { type IssueOrder, issueInto } from '../../src/pki/issue.ts';
import { KEY_ALGORITHMS, type KeyAlgorithm } from '../../src/pki/keys.ts';
import { writeLists } from '../../src/pki/lists.ts';
import { renewIn } from '../../src/pki/renew.ts';
import { revokeIn } from '../../src/pki/revoke.ts';
import { openssl, opensslSays } from '../support/openssl.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'passband-artefacts-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const text = (file: string): Promise<string> => openssl('x509', '-in', file, '-noout', '-text');
const verify = (dir: string, name: string, ...more: readonly string[]): ReturnType<typeof opensslSays> =>
  opensslSays('verify', '-x509_strict', '-CAfile', join(dir, 'ca.crt'), ...more, join(dir, `${name}.crt`));
const certificateIn = async (file: string): Promise<X509Certificate> => new X509Certificate(await readFile(file));
/** AlgorithmIdentifiers of signatures, DER (RFC 5758 section 3.2, RFC 8410 section 3, RFC 4055 section 5). */
const SIGNATURE_ALGORITHMS: Readonly<Partial<Record<KeyAlgorithm, string>>> = {
  p256: '300a06082a8648ce3d040302',
  p384: '300a06082a8648ce3d040303',
  ed25519: '300506032b6570',
  rsa2048: '300d06092a864886f70d01010b0500',
};
/** The bits of a public key without what says of which kind it is. */
function keyBits({ publicKey }: X509Certificate): Buffer {
  if (publicKey.asymmetricKeyType === 'rsa') return publicKey.export({ type: 'pkcs1', format: 'der' });
  const { namedCurve } = publicKey.asymmetricKeyDetails ?? {};
  const length = namedCurve === undefined ? 32 : namedCurve === 'secp384r1' ? 97 : 65;
  return publicKey.export({ type: 'spki', format: 'der' }).subarray(-length);
}
const withLists = (dir: string): string[] => ['-crl_check_all', '-CRLfile', join(dir, 'crl.pem')];

describe.each<[KeyAlgorithm, string, RegExp, RegExp]>([
  ['p256', 'ecdsa-with-SHA256', /ASN1 OID: prime256v1/, /Digital Signature\n/],
  ['p384', 'ecdsa-with-SHA384', /ASN1 OID: secp384r1/, /Digital Signature\n/],
  ['ed25519', 'ED25519', /ED25519 Public-Key/, /Digital Signature\n/],
  ['rsa2048', 'sha256WithRSAEncryption', /Public-Key: \(2048 bit\)/, /Digital Signature, Key Encipherment\n/],
])('a CA and leaves with %s keys', (algorithm, signature, key, serverUsage) => {
  let dir: string;
  beforeAll(async () => {
    dir = join(root, algorithm);
    await inFolder(dir, () => ensureAuthorities(dir, { algorithm, issuing: true, cn: `CA ${algorithm}`, days: 800 }));
    await issueInto(dir, {
      profile: 'server',
      cn: 'gw',
      dns: ['gw.example', '*.gw.example'],
      ips: ['::ffff:192.0.2.1'],
      algorithm,
    });
    await issueInto(dir, {
      profile: 'client',
      cn: 'noc',
      o: ['ACME'],
      ou: ['O-RAN-DU', 'NOC'],
      uris: ['spiffe://a/b'],
      emails: ['a@b.example'],
      algorithm,
    });
    await writeLists(dir);
  });

  it('OpenSSL accepts the chain, with its revocation lists, each leaf for its side alone', async () => {
    for (const [name, good, bad] of [
      ['server', 'sslserver', 'sslclient'],
      ['noc', 'sslclient', 'sslserver'],
    ] as const) {
      expect(await verify(dir, name, ...withLists(dir), '-purpose', good)).toMatchObject({ good: true });
      expect(await verify(dir, name, '-purpose', bad)).toMatchObject({ good: false });
    }
  });

  it('says what it is', async () => {
    const [ca, issuing] = [await text(join(dir, 'ca.crt')), await text(join(dir, 'issuing.crt'))];
    for (const one of [ca, issuing]) {
      expect(one).toContain(`Signature Algorithm: ${signature}`);
      expect(one).toMatch(key);
      expect(one).toMatch(/Key Usage: critical\s+Certificate Sign, CRL Sign\n/);
    }
    expect(ca).toMatch(/Basic Constraints: critical\s+CA:TRUE, pathlen:1/);
    expect(issuing).toMatch(/Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
    expect(issuing).toContain(`Subject: CN = CA ${algorithm} issuing`);

    const [server, client] = [await text(join(dir, 'server.crt')), await text(join(dir, 'noc.crt'))];
    expect(server).toMatch(key);
    expect(server).toMatch(new RegExp(`Key Usage: critical\\s+${serverUsage.source}`));
    expect(server).toContain('DNS:gw.example, DNS:*.gw.example, IP Address:0:0:0:0:0:FFFF:C000:201\n');
    expect(client).toMatch(/Key Usage: critical\s+Digital Signature\n/);
    expect(client).toContain('Subject: O = ACME, OU = O-RAN-DU, OU = NOC, CN = noc\n');
    expect(client).toContain('URI:spiffe://a/b, email:a@b.example\n');
    const identifier = (of: string, from: string): string =>
      new RegExp(`${of} Key Identifier:\\s+([0-9A-F:]{59})`).exec(from)?.[1] ?? of;
    expect(identifier('Authority', server)).toBe(identifier('Subject', issuing));
    expect(identifier('Authority', issuing)).toBe(identifier('Subject', ca));
  });

  it('says of leaves that they are no CA, and of every key what tells it from others', async () => {
    const identifiers = new Set<string>();
    for (const name of ['ca', 'issuing', 'server', 'noc']) {
      const file = join(dir, `${name}.crt`);
      const says = await text(file);
      expect(says).toMatch(
        /^(ca|issuing)$/.test(name)
          ? /Basic Constraints: critical\s+CA:TRUE, pathlen:\d\n/
          : /Basic Constraints: critical\s+CA:FALSE\n/,
      );
      const [, identifier = ''] = /Subject Key Identifier:\s+([0-9A-F:]{59})/.exec(says) ?? [];
      // RFC 7093 section 2, method 1.
      const digest = createHash('sha256').update(keyBits(await certificateIn(file)));
      expect([name, identifier.replaceAll(':', '').toLowerCase()]).toEqual([name, digest.digest('hex').slice(0, 40)]);
      identifiers.add(identifier);
    }
    expect(identifiers.size).toBe(4);
  });

  it('encodes key usage as DER does, without the zeros at its end', async () => {
    // 2.5.29.15, critical, and in an octet string the bit string: how many bits of its last octet are unused, and that.
    const usage = async (name: string): Promise<string | undefined> =>
      /0603551d0f0101ff0404(030[23][0-9a-f]{4})/.exec(
        (await certificateIn(join(dir, `${name}.crt`))).raw.toString('hex'),
      )?.[1];
    const server = algorithm === 'rsa2048' ? '030205a0' : '03020780';
    expect([await usage('ca'), await usage('server'), await usage('noc')]).toEqual(['03020106', server, '03020780']);
  });

  it('names the algorithm of its signature inside and outside, of RSA with the NULL that RFC 4055 asks for', async () => {
    const identifier = SIGNATURE_ALGORITHMS[algorithm];
    // Of Ed25519 the kind of the key is written like its signature's.
    const times = algorithm === 'ed25519' ? 3 : 2;
    for (const name of ['ca', 'server']) {
      const der = (await certificateIn(join(dir, `${name}.crt`))).raw.toString('hex');
      expect([name, der.split(identifier ?? '?').length - 1]).toEqual([name, times]);
    }
  });

  it('renewed with a new key and with its own, it says the same and is another', async () => {
    const parts = (from: string): string[] =>
      [/Subject: .*/, /(DNS|URI):.*/, /Extended Key Usage:\s+.*/, /Key Usage: critical\s+.*/].map(
        (part) => part.exec(from)?.[0] ?? '?',
      );
    const file = join(dir, 'server.crt');
    const pubkey = (): Promise<string> => openssl('x509', '-in', file, '-noout', '-pubkey');
    const [before, keyBefore] = [await text(file), await pubkey()];
    await renewIn(dir, 'server', {});
    expect(parts(await text(file))).toEqual(parts(before));
    const keyBetween = await pubkey();
    expect(keyBetween).not.toBe(keyBefore);
    const { old, certificate } = await renewIn(dir, file, { sameKey: true, days: 10 });
    expect(await pubkey()).toBe(keyBetween);
    expect(old.serialNumber).not.toBe(certificate.serialNumber);
    expect(await verify(dir, 'server', ...withLists(dir), '-purpose', 'sslserver')).toMatchObject({ good: true });
    const client = await text(join(dir, 'noc.crt'));
    await renewIn(dir, 'noc', {});
    expect(parts(await text(join(dir, 'noc.crt')))).toEqual(parts(client));
    expect(parts(client)).toContainEqual(expect.stringMatching(/TLS Web Client Authentication$/));
    expect((await opensslSays('x509', '-in', file, '-noout', '-checkend', String(11 * 86_400))).good).toBe(false);
  });

  it('revoked, a leaf is refused, and another is not', async () => {
    const { certificate } = await issueInto(dir, { profile: 'client', cn: 'lost', algorithm });
    await revokeIn(dir, { serial: certificate.serialNumber, certificate }, 'keyCompromise');
    expect(await verify(dir, 'lost', ...withLists(dir))).toMatchObject({
      good: false,
      said: expect.stringContaining('certificate revoked'),
    });
    expect(await verify(dir, 'noc', ...withLists(dir))).toMatchObject({ good: true });
  });

  test('an archive has key, leaf and CA, unless no browser takes its key', async () => {
    if (algorithm === 'ed25519') {
      await expect(exportArchive(dir, 'noc')).rejects.toThrow(/Ed25519 key, which no browser takes/);
      return;
    }
    const { file, password } = await exportArchive(dir, 'noc');
    expect(password).toMatch(/^[A-Za-z0-9]{16}$/);
    const out = await openssl('pkcs12', '-in', file, '-passin', `pass:${password}`, '-nodes');
    expect([...out.matchAll(/BEGIN (CERTIFICATE|PRIVATE KEY)/g)].map(([, what]) => what).sort()).toEqual([
      'CERTIFICATE',
      'CERTIFICATE',
      'PRIVATE KEY',
    ]);
    await expect(exportArchive(dir, 'noc')).rejects.toThrow(/noc\.p12 exists already and is never overwritten/);
  });
});

test.each(KEY_ALGORITHMS.filter((algorithm) => /rsa[34]/.test(algorithm)))(
  'a leaf with an %s key',
  async (algorithm) => {
    const dir = join(root, 'p256');
    const { name } = await issueInto(dir, { profile: 'client', cn: algorithm, algorithm });
    expect(await text(join(dir, `${name}.crt`))).toContain(`Public-Key: (${algorithm.slice(3)} bit)`);
    expect(await verify(dir, name)).toMatchObject({ good: true });
  },
);

test('serial numbers are positive, have 128 random bits, and differ', async () => {
  const dir = join(root, 'serials');
  await inFolder(dir, () => ensureAuthorities(dir, {}));
  const serials: string[] = [];
  for (let i = 0; i < 40; i += 1) {
    serials.push((await issueInto(dir, { profile: 'client', cn: `c${i}` })).certificate.serialNumber);
  }
  for (const serial of serials) expect(serial).toMatch(/^40[0-9A-F]{32}$/);
  expect(new Set(serials).size).toBe(40);
  // Every bit behind the octet that is fixed takes both values: of 40, one that is stuck by chance is one in 10^10.
  const values = serials.map((serial) => BigInt(`0x${serial}`));
  for (let bit = 0n; bit < 128n; bit += 1n) {
    const ones = values.filter((value) => ((value >> bit) & 1n) === 1n).length;
    expect([bit, ones > 0 && ones < 40]).toEqual([bit, true]);
  }
});

test('validity begins an hour ago, for clocks that are behind, and may end after 2049, where years are written otherwise', async () => {
  const dir = join(root, 'dates');
  await inFolder(dir, () => ensureAuthorities(dir, { days: 18_263 }));
  await issueInto(dir, { profile: 'client', cn: 'long', days: 18_000 });
  for (const name of ['ca', 'long']) {
    const { validFromDate } = await certificateIn(join(dir, `${name}.crt`));
    expect(Math.abs(Date.now() - validFromDate.getTime() - 3_600_000)).toBeLessThan(120_000);
  }
  const inDays = (days: number): string => String(Math.floor(Date.now() / 1000) + days * 86_400);
  expect(await verify(dir, 'long', '-attime', inDays(17_999))).toMatchObject({ good: true });
  expect(await verify(dir, 'long', '-attime', inDays(18_001))).toMatchObject({
    good: false,
    said: expect.stringContaining('expired'),
  });
});

describe('what cannot be is refused before anything is made', () => {
  const base: IssueOrder = { profile: 'client', cn: 'x' };
  test.each<[string, Partial<IssueOrder>, RegExp]>([
    ['no CN', { cn: '' }, /--cn "": give 1 to 64 characters/],
    ['a CN of 65', { cn: 'x'.repeat(65), name: 'x' }, /--cn .*give 1 to 64 characters/],
    ['a CN with a line end', { cn: 'a\nb', name: 'x' }, /--cn "a\\nb": control characters/],
    ['a CN with a NUL', { cn: 'a\0b', name: 'x' }, /control characters/],
    ['a CN with a space at its end', { cn: 'a ', name: 'x' }, /spaces at the ends/],
    ['half a character', { cn: 'a\ud800', name: 'x' }, /control characters/],
    ['a CN that is a path', { cn: '../../etc/x' }, /no name for a file: give one/],
    ['a name that is a path', { name: '../x' }, /--name \.\.\/x: give one of letters/],
    ['a name that is hidden', { name: '.x' }, /--name \.x/],
    ['the name of the CA', { name: 'ca' }, /--name ca: that is the CA's/],
    ['the name of the issuing CA', { name: 'Issuing' }, /that is the CA's/],
    ['a server that nobody can name', { profile: 'server' }, /a certificate for a server needs .*--dns, --ip/],
    ['a backend that nobody can name', { profile: 'backend', uris: ['spiffe://a/b'] }, /for a backend needs/],
    ['a DNS name with a space', { dns: ['a b'] }, /--dns "a b": give a host name/],
    ['a DNS name with a label of 64', { dns: ['x'.repeat(64)] }, /--dns/],
    ['a star within', { dns: ['a.*.b'] }, /--dns/],
    ['an address as DNS name', { dns: ['192.0.2.1'] }, /--dns/],
    ['a name as address', { ips: ['localhost'] }, /--ip "localhost": give an IPv4/],
    ['an address with a zone', { ips: ['fe80::1%eth0'] }, /--ip/],
    ['an address and its net', { ips: ['10.0.0.0/8'] }, /--ip/],
    ['a URI without scheme', { uris: ['//a/b'] }, /--uri/],
    ['a URI with a line end', { uris: ['spiffe://a/\nb'] }, /--uri/],
    ['an email without host', { emails: ['a@'] }, /--email/],
    ['an email with a name', { emails: ['A <a@b.example>'] }, /--email/],
    ['an OU of nothing', { ou: [''] }, /--ou "": give/],
    ['more days than the CA has', { days: 4000 }, /--days 4000: the CA itself has 365\d left/],
  ])('%s', async (_what, order, says) => {
    const dir = join(root, 'serials');
    const error: unknown = await issueInto(dir, { ...base, ...order }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UsageError);
    expect(error).toHaveProperty('message', expect.stringMatching(says));
  });

  test('a CA below one that allows none', async () => {
    const dir = join(root, 'serials');
    await expect(inFolder(dir, () => ensureAuthorities(dir, { issuing: true }))).rejects.toThrow(/pathlen 0/);
  });

  test('another name for a CA that is there', async () => {
    const dir = join(root, 'serials');
    await expect(inFolder(dir, () => ensureAuthorities(dir, { cn: 'other' }))).rejects.toThrow(/keeps its name/);
  });

  test('signing without the issuing CA’s key, though the root’s is there', async () => {
    const dir = join(root, 'no-issuing-key');
    await inFolder(dir, () => ensureAuthorities(dir, { issuing: true }));
    await rm(join(dir, 'issuing.key'));
    await expect(issueInto(dir, base)).rejects.toThrow(/issuing\.key is not there, so nothing can be signed/);
  });

  test('a CA key with a passphrase, as easy-rsa makes', async () => {
    const dir = join(root, 'passphrase');
    await inFolder(dir, () => ensureAuthorities(dir, {}));
    const locked = await openssl('pkey', '-in', join(dir, 'ca.key'), '-aes256', '-passout', 'pass:x');
    await writeFile(join(dir, 'ca.key'), locked, { mode: 0o600 });
    await expect(issueInto(dir, base)).rejects.toThrow(/ca\.key has a passphrase, .*openssl pkey -in/);
  });

  test('a key that is no CA’s', async () => {
    const dir = join(root, 'wrong-key');
    await inFolder(dir, () => ensureAuthorities(dir, {}));
    await writeFile(join(dir, 'ca.key'), await openssl('genpkey', '-algorithm', 'ED25519'), { mode: 0o600 });
    await expect(issueInto(dir, base)).rejects.toThrow(/ca\.key is the key of no certificate in ca\.crt/);
  });
});
