// needs: openssl
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from '@jest/globals';
import { UsageError } from '../../src/errors.ts';
import { derToPem, pemToDer } from '../../src/pki/encoding.ts';
import { inFolder } from '../../src/pki/folder.ts';
import { ensureAuthorities } from '../../src/pki/init.ts';
import { readLedger } from '../../src/pki/journal.ts';
import { KEY_ALGORITHMS } from '../../src/pki/keys.ts';
import { requestInto, type SignOrder, signRequest } from '../../src/pki/sign.ts';
import { loadTlsMaterial } from '../../src/pki/tls-files.ts';
import { openssl } from '../support/openssl.ts';

let root: string;
let ca: string;
let far: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'passband-requests-'));
  ca = join(root, 'ca');
  await inFolder(ca, () => ensureAuthorities(ca, { issuing: true }));
});
afterAll(() => rm(root, { recursive: true, force: true }));
beforeEach(async () => {
  far = await mkdtemp(join(root, 'far-'));
});

const text = (file: string): Promise<string> => openssl('x509', '-in', file, '-noout', '-text');
let count = 0;
/** Signs a file under a name of its own. */
const sign = async (file: string, order: Partial<SignOrder> = {}): ReturnType<typeof signRequest> => {
  count += 1;
  return await signRequest(ca, await readFile(file), file, { profile: 'client', name: `signed-${count}`, ...order });
};

describe.each(KEY_ALGORITHMS.filter((algorithm) => !/rsa[34]/.test(algorithm)))(
  'a request with a %s key',
  (algorithm) => {
    it('is one that OpenSSL verifies; the key stays, and what comes back goes with it', async () => {
      const { keyFile, requestFile } = await requestInto(far, {
        ...{
          cn: 'du-7',
          o: ['ACME'],
          ou: ['DU'],
          uris: ['spiffe://a/b'],
          dns: ['du-7.example'],
          ips: ['192.0.2.7'],
          emails: ['a@b.example'],
        },
        algorithm,
      });
      expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
      const request = await openssl('req', '-in', requestFile, '-noout', '-text', '-verify');
      expect(request).toContain('Subject: O = ACME, OU = DU, CN = du-7\n');
      expect(request).toContain('DNS:du-7.example, IP Address:192.0.2.7, URI:spiffe://a/b, email:a@b.example\n');

      const signed = await sign(requestFile);
      expect(signed.ignored).toEqual([]);
      const made = await text(signed.certFile);
      expect(made).toContain('Subject: O = ACME, OU = DU, CN = du-7\n');
      expect(made).toContain('DNS:du-7.example, IP Address:192.0.2.7, URI:spiffe://a/b, email:a@b.example\n');
      expect(made).toMatch(/Extended Key Usage:\s+TLS Web Client Authentication\n/);
      await openssl('verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', join(ca, 'ca.crt'), signed.certFile);
      await writeFile(join(far, 'du-7.crt'), await readFile(signed.certFile));
      await writeFile(join(far, 'ca.crt'), await readFile(join(ca, 'ca.crt')));
      await loadTlsMaterial(far, 'du-7');
    });
  },
);

it('a request of OpenSSL, PEM or DER, gets what the profile says and nothing else that it asks for', async () => {
  const [pem, der] = [join(far, 'x.csr'), join(far, 'x.der')];
  await openssl(
    'req',
    '-new',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-384',
    '-nodes',
    '-keyout',
    join(far, 'x.key'),
    '-out',
    pem,
    '-subj',
    '/C=DE/CN=x',
    '-addext',
    'basicConstraints=critical,CA:TRUE',
    '-addext',
    'keyUsage=keyCertSign',
    '-addext',
    'extendedKeyUsage=serverAuth',
    '-addext',
    'subjectAltName=DNS:x.example,IP:2001:db8::1,dirName:d',
    '-config',
    await configFile(),
  );
  await openssl('req', '-in', pem, '-outform', 'DER', '-out', der);
  for (const file of [pem, der]) {
    const signed = await sign(file);
    expect([...signed.ignored].sort()).toEqual([
      'an alternative name that is no DNS name, IP address, URI or email',
      'basic constraints',
      'extended key usage',
      'key usage',
    ]);
    const made = await text(signed.certFile);
    expect(made).toMatch(/CA:FALSE/);
    expect(made).toMatch(/Key Usage: critical\s+Digital Signature\n/);
    expect(made).toMatch(/Extended Key Usage:\s+TLS Web Client Authentication\n/);
    expect(made).toContain('Subject: C = DE, CN = x\n');
    expect(made).toContain('DNS:x.example, IP Address:2001:DB8:0:0:0:0:0:1\n');
  }
});

async function configFile(): Promise<string> {
  const file = join(far, 'openssl.cnf');
  await writeFile(file, '[req]\ndistinguished_name = dn\n[dn]\n[d]\nCN = other\n');
  return file;
}

it('what is given is stronger than what is asked for', async () => {
  const { requestFile } = await requestInto(far, {
    cn: 'admin',
    ou: ['Root'],
    dns: ['admin.example'],
    uris: ['spiffe://a/admin'],
  });
  const signed = await sign(requestFile, {
    profile: 'server',
    subject: { cn: 'du-9', o: ['ACME'] },
    names: { dns: ['du-9.example'] },
    days: 5,
  });
  const made = await text(signed.certFile);
  expect(made).toContain('Subject: O = ACME, CN = du-9\n');
  expect(made).toContain('DNS:du-9.example\n');
  expect(made).not.toMatch(/admin|Root/);
  const serial = signed.certificate.serialNumber.toLowerCase();
  const entry = [...(await readLedger(ca)).issued.values()].find((one) => one.serial === serial);
  expect(entry).toMatchObject({ cn: 'du-9', profile: 'server' });
});

it('a request for the key that is there, for a renewal', async () => {
  const { keyFile, requestFile } = await requestInto(far, { cn: 'du-1' });
  const key = await readFile(keyFile);
  await expect(requestInto(far, { cn: 'du-1', sameKey: true })).rejects.toThrow(/du-1\.csr is there; remove it/);
  await rm(requestFile);
  await requestInto(far, { cn: 'du-1', sameKey: true });
  expect(await readFile(keyFile)).toEqual(key);
  await openssl('req', '-in', requestFile, '-noout', '-verify');
  await rm(requestFile);
  await expect(requestInto(far, { cn: 'du-1' })).rejects.toThrow(/du-1\.key exists already and is never overwritten/);
});

describe('refuses', () => {
  const failure = async (work: Promise<unknown>): Promise<string> => {
    const error: unknown = await work.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UsageError);
    return error instanceof UsageError ? error.message : '';
  };
  const requested = async (...args: readonly string[]): Promise<string> => {
    const file = join(far, 'r.csr');
    await openssl('req', '-new', '-nodes', '-keyout', join(far, 'r.key'), '-out', file, ...args);
    return file;
  };
  const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];

  test('a request whose signature is not its key’s, wherever it was changed', async () => {
    const { requestFile } = await requestInto(far, { cn: 'honest' });
    const der = Buffer.from(pemToDer(await readFile(requestFile, 'utf8')));
    const at = der.indexOf('honest');
    der.write('forged', at, 'latin1');
    const file = join(far, 'forged.csr');
    await writeFile(file, derToPem('CERTIFICATE REQUEST', der));
    expect(await failure(sign(file))).toMatch(/forged\.csr: the request is not signed with its own key/);
  });

  test('a request that another key has signed', async () => {
    const [mine, theirs] = [await requestInto(far, { cn: 'mine' }), await requestInto(far, { cn: 'them' })];
    const [a, b] = [mine, theirs].map(({ requestFile }) => requestFile);
    const [first, second] = [pemToDer(await readFile(a ?? '', 'utf8')), pemToDer(await readFile(b ?? '', 'utf8'))];
    // Same kinds of key and names of one length: only the signatures, at the ends, are of other lengths by a byte or two.
    const key = (der: Uint8Array): number => Buffer.from(der).indexOf(Buffer.from('03420004', 'hex')) + 4;
    const swapped = Buffer.from(first);
    swapped.set(second.subarray(key(second), key(second) + 64), key(first));
    await writeFile(join(far, 'swapped.csr'), derToPem('CERTIFICATE REQUEST', swapped));
    expect(await failure(sign(join(far, 'swapped.csr')))).toMatch(/not signed with its own key/);
  });

  test.each<[string, readonly string[], RegExp]>([
    ['no CN', [...EC, '-subj', '/O=x'], /asks for no CN; give the one with --cn/],
    ['two CNs', [...EC, '-subj', '/CN=a/CN=b'], /asks for several CNs/],
    ['SHA-1', [...EC, '-subj', '/CN=a', '-sha1'], /not signed with its own key, by a digest of today/],
    ['RSA of 1024 bits', ['-newkey', 'rsa:1024', '-subj', '/CN=a'], /a key of rsa 1024 is not certified here; use/],
    [
      'another curve',
      ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:secp256k1', '-subj', '/CN=a'],
      /secp256k1 is not/,
    ],
    ['Ed448', ['-newkey', 'ed448', '-subj', '/CN=a'], /a key of ed448/],
    ['a wrong DNS name', [...EC, '-subj', '/CN=a', '-addext', 'subjectAltName=DNS:a b'], /--dns "a b"/],
  ])('%s', async (_what, args, says) => {
    expect(await failure(sign(await requested(...args)))).toMatch(says);
  });

  test('RSA of more than 4096 bits', async () => {
    // By OpenSSL, and kept, since making such a key takes seconds: req -newkey rsa:4104 -subj /CN=a
    const file = fileURLToPath(new URL('../fixtures/requests/rsa-4104.csr', import.meta.url));
    expect(await failure(sign(file))).toMatch(/a key of rsa 4104 is not certified here/);
  });

  test('a server’s request without names', async () => {
    expect(await failure(sign(await requested(...EC, '-subj', '/CN=a'), { profile: 'server' }))).toMatch(
      /needs the names/,
    );
  });

  test.each<[string, string]>([
    ['a certificate', '-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n'],
    ['nothing', ''],
  ])('%s', async (_what, content) => {
    const file = join(far, 'r.csr');
    await writeFile(file, content);
    expect(await failure(sign(file))).toMatch(/r\.csr has no certificate request in it/);
  });

  test('half a request', async () => {
    const { requestFile } = await requestInto(far, { cn: 'half' });
    const der = pemToDer(await readFile(requestFile, 'utf8'));
    for (const length of [1, 5, 40, der.length - 1]) {
      await writeFile(join(far, 'half.der'), der.subarray(0, length));
      expect(await failure(sign(join(far, 'half.der')))).toMatch(/cannot be read; have it made anew/);
    }
  });
});
