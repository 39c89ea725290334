// needs: openssl
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openssl } from '../support/openssl.ts';
import { run } from '../support/run.ts';
import { type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.close());

const file = (name: string): string => join(stack.certsDir, name);
const connect = (...options: readonly string[]): ReturnType<typeof run> =>
  run(
    'openssl',
    [
      ...['s_client', '-connect', `127.0.0.1:${stack.port}`, '-CAfile', file('ca.crt')],
      ...(options.includes('-noservername') ? [] : ['-servername', 'localhost']),
      ...['-ign_eof', '-tlsextdebug', ...options],
    ],
    'GET /whoami HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
  );
const asClient = (...options: readonly string[]): ReturnType<typeof run> =>
  connect('-cert', file('client.crt'), '-key', file('client.key'), ...options);

describe('TLS 1.2', () => {
  test('extended master secret, secure renegotiation indication, no compression, no encrypt-then-MAC to speak of', async () => {
    const { stdout } = await asClient('-tls1_2');
    expect(stdout).toContain('HTTP/1.1 200');
    expect(stdout).toMatch(/Extended master secret: yes/);
    expect(stdout).toMatch(/Secure Renegotiation IS supported/);
    expect(stdout).toMatch(/Compression: NONE/);
    expect(stdout).toMatch(/server extension "renegotiation info"/);
    expect(stdout).not.toMatch(/encrypt-then-mac|truncated|heartbeat/i);
  });
});

describe('TLS 1.3', () => {
  test('no early data, no compression, and the names of the CAs that client certificates may be of', async () => {
    const { stdout } = await asClient('-tls1_3');
    expect(stdout).toContain('HTTP/1.1 200');
    expect(stdout).toMatch(/Max Early Data: 0/);
    expect(stdout).toMatch(/Compression: NONE/);
    expect(stdout).toMatch(/Acceptable client certificate CA names\nCN = Passband development CA\n/);
    expect(stdout).toMatch(/Server Temp Key: X25519/);
  });

  test('no OCSP answer is stapled, and no SCT sent', async () => {
    // 18 is signed_certificate_timestamp (RFC 6962); asked for like this, s_client prints what comes.
    const { stdout } = await asClient('-tls1_3', '-status', '-serverinfo', '18');
    expect(stdout).toMatch(/OCSP response: no response sent/);
    expect(stdout).not.toContain('SERVERINFO FOR EXTENSION 18');
  });

  test.each([
    ['no name', ['-noservername']],
    ['another name', ['-servername', 'elsewhere.example']],
  ])('the one certificate is shown to whoever asks for %s', async (_what, options) => {
    const subject = /^subject=.*$/m;
    const [asked, other] = [await asClient('-tls1_3'), await asClient('-tls1_3', ...options)];
    expect(subject.exec(other.stdout)?.[0]).toBe(subject.exec(asked.stdout)?.[0]);
    expect(other.stdout).toContain('Verify return code: 0 (ok)');
  });
});

describe('ALPN', () => {
  test.each([
    ['gateway', 'h2', true],
    ['gateway', 'http/1.1', true],
    ['gateway', 'imap', false],
    ['backend', 'h2', true],
    ['backend', 'http/1.1', false],
  ])('the %s and %s: %s', async (door, protocol, isTaken) => {
    const port = door === 'gateway' ? stack.port : stack.backendPort;
    const { stdout, stderr } = await asClient('-tls1_3', '-connect', `127.0.0.1:${port}`, '-alpn', protocol);
    if (isTaken) expect(stdout).toContain(`ALPN protocol: ${protocol}`);
    else expect(stderr).toContain('no application protocol');
  });
});

// Groups are chosen by the server: what it has not, no client gets.
test.each([
  ['X25519', true],
  ['P-256', true],
  ['P-384', true],
  ['P-521', false],
  ['X448', false],
  ['ffdhe2048', false],
])('key agreement in %s: %s', async (group, isThere) => {
  const { stdout } = await asClient('-tls1_3', '-groups', group);
  expect(stdout.includes('HTTP/1.1 200')).toBe(isThere);
});

describe('keys of client certificates', () => {
  test.each([
    ['RSA of 1024 bits', ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024'], 'sha256', false],
    ['RSA of 2048 bits', ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'], 'sha256', true],
    ['EC of 192 bits', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-192'], 'sha256', false],
    ['EC of 256 bits', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'], 'sha256', true],
    ['EC of 256 bits, signed over SHA-1', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'], 'sha1', false],
  ] as const)('%s', async (_, key, hash, isTaken) => {
    await openssl('genpkey', ...key, '-out', file('some.key'));
    await openssl('req', '-new', '-key', file('some.key'), '-subj', '/CN=oran-client', '-out', file('some.csr'));
    const ca = ['-CA', file('ca.crt'), '-CAkey', file('ca.key'), '-CAcreateserial', '-days', '2', `-${hash}`];
    await openssl('x509', '-req', '-in', file('some.csr'), ...ca, '-out', file('some.crt'));
    // Of the client's own scruples none are left, so that the server decides.
    const { stdout } = await connect(
      ...['-cert', file('some.crt'), '-key', file('some.key'), '-cipher', 'ALL:@SECLEVEL=0', '-tls1_2'],
    );
    expect(stdout.includes('HTTP/1.1 200')).toBe(isTaken);
  });
});
