// needs: openssl
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ensureAuthorities } from '../../src/pki/init.ts';
import { issueInto } from '../../src/pki/issue.ts';
import { renewIn } from '../../src/pki/renew.ts';
import { requestInto, signRequest } from '../../src/pki/sign.ts';
import { openssl } from '../support/openssl.ts';

const URLS = ['http://pki.example/crl.der', 'https://mirror.example/crl.der?of=1'];

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'passband-crl-url-'));
  await ensureAuthorities(dir, { algorithm: 'p256', issuing: false, cn: 'ACME' });
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** The extension as OpenSSL reads it, without its spaces. */
const points = async (name: string): Promise<string> => {
  const text = await openssl('x509', '-in', join(dir, `${name}.crt`), '-noout', '-ext', 'crlDistributionPoints');
  return text.replaceAll(/\s+/g, ' ').trim();
};
const ONE_POINT = `X509v3 CRL Distribution Points: Full Name: ${URLS.map((url) => `URI:${url}`).join(' ')}`;

test('a certificate that is issued says where its list is, and a renewed one still does', async () => {
  await issueInto(dir, { profile: 'server', cn: 'gw', dns: ['gw.example'], crlUrls: URLS });
  expect(await points('server')).toBe(ONE_POINT);
  await renewIn(dir, 'server', {});
  expect(await points('server')).toBe(ONE_POINT);
  expect(await openssl('verify', '-x509_strict', '-CAfile', join(dir, 'ca.crt'), join(dir, 'server.crt'))).toMatch(
    /OK/,
  );
});

test('so does one that is signed for a request, by the word of the CA and not of the request', async () => {
  const { requestFile } = await requestInto(dir, { cn: 'du-7' });
  await signRequest(dir, await readFile(requestFile), requestFile, { profile: 'client', crlUrls: URLS });
  expect(await points('du-7')).toBe(ONE_POINT);
});

test('one without says nothing', async () => {
  await issueInto(dir, { profile: 'client', cn: 'noc-1' });
  expect(await points('noc-1')).not.toContain('URI');
});

test.each([
  ['no address', 'crl.der'],
  ['a file', 'file:///etc/crl.der'],
  ['a directory of another kind', 'ldap://pki.example/cn=crl'],
  ['a line more', 'http://pki.example/\ncrl'],
  ['a long one', `http://pki.example/${'a'.repeat(512)}`],
])('refused: %s', async (_, url) => {
  const order = { profile: 'client', cn: 'noc-2', crlUrls: [url] } as const;
  await expect(issueInto(dir, order)).rejects.toThrow(/--crl-url .*: give an address such as http:/);
});
