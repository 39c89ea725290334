// needs: curl, openssl
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect, createServer as createTlsServer } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { loadTlsMaterial, type TlsMaterial } from '../src/pki/tls-files.ts';
import { CIPHERS, tlsClientOptions, tlsServerOptions } from '../src/tls.ts';
import { makeTestPki, type TestCertificate, type TestFiles, type TestPki } from './support/pki.ts';
import { type Ended, run } from './support/run.ts';

let pki: TestPki;
let server: Server;
let port: number;
let client: TestFiles;
let caFile: string;

beforeAll(async () => {
  pki = await makeTestPki();
  caFile = join(pki.dir, 'ca.crt');
  client = await pki.pair('client');
  server = createServer(tlsServerOptions(await loadTlsMaterial(pki.dir, 'server')), (_request, response) => {
    response.end('hello\n');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await pki.remove();
});

const curl = (files: TestFiles | undefined, ...more: readonly string[]): Promise<Ended> => {
  const own = files === undefined ? [] : ['--cert', files.certFile, '--key', files.keyFile];
  return run('curl', ['-sS', '--cacert', caFile, ...own, ...more, `https://localhost:${port}/`]);
};

/** `openssl s_client` with the good client certificate, an HTTP request as its input. */
const sClient = (...more: readonly string[]): Promise<Ended> =>
  run(
    'openssl',
    [
      's_client',
      '-connect',
      `127.0.0.1:${port}`,
      '-CAfile',
      caFile,
      '-cert',
      client.certFile,
      '-key',
      client.keyFile,
      '-ign_eof',
      ...more,
    ],
    'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
  );

describe('the server', () => {
  test.each(['--tlsv1.2 --tls-max 1.2', '--tlsv1.3'])(
    'answers curl with a certificate of the CA (%s)',
    async (version) => {
      expect(await curl(client, ...version.split(' '))).toEqual({ code: 0, stdout: 'hello\n', stderr: '' });
    },
  );

  test.each<[string, TestCertificate | undefined]>([
    ['no certificate', undefined],
    ['a self-signed certificate', { issuer: 'self' }],
    ['a certificate of another CA with the same name', { issuer: 'other-ca' }],
    [
      'an expired certificate',
      { notBefore: new Date(Date.now() - 7_200_000), notAfter: new Date(Date.now() - 3_600_000) },
    ],
    ['a certificate not valid yet', { notBefore: new Date(Date.now() + 3_600_000) }],
    ['a server certificate', { eku: 'server' }],
  ])('gives nothing to %s', async (_what, certificate) => {
    const files = certificate === undefined ? undefined : await pki.issue(certificate);
    for (const version of ['1.2', '1.3']) {
      const { code, stdout } = await curl(files, `--tlsv${version}`, '--tls-max', version);
      expect(code).not.toBe(0);
      expect(stdout).toBe('');
    }
  });

  test.each<[string, readonly string[], RegExp]>([
    ['TLS 1.3', ['-tls1_3'], /New, TLSv1\.3, Cipher is TLS_AES_256_GCM_SHA384/],
    ['TLS 1.2', ['-tls1_2'], /New, TLSv1\.2, Cipher is ECDHE-ECDSA-AES256-GCM-SHA384/],
    [
      'its own order of suites',
      ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384'],
      /Cipher is ECDHE-ECDSA-AES256/,
    ],
  ])('speaks %s to OpenSSL', async (_what, args, says) => {
    const { stdout } = await sClient(...args);
    expect(stdout).toMatch(says);
    expect(stdout).toMatch(/Verify return code: 0 \(ok\)[\s\S]*hello\n/);
  });

  test.each(['AES256-GCM-SHA384', 'AES128-GCM-SHA256', 'CHACHA20-POLY1305'])(
    'speaks TLS 1.2 with %s',
    async (suite) => {
      const { stdout } = await sClient('-tls1_2', '-cipher', `ECDHE-ECDSA-${suite}`);
      expect(stdout).toContain(`New, TLSv1.2, Cipher is ECDHE-ECDSA-${suite}`);
      expect(stdout).toContain('hello\n');
    },
  );

  test.each(['TLS_AES_256_GCM_SHA384', 'TLS_AES_128_GCM_SHA256', 'TLS_CHACHA20_POLY1305_SHA256'])(
    'speaks TLS 1.3 with %s',
    async (suite) => {
      const { stdout } = await sClient('-tls1_3', '-ciphersuites', suite);
      expect(stdout).toContain(`New, TLSv1.3, Cipher is ${suite}`);
      expect(stdout).toContain('hello\n');
    },
  );

  test.each<[string, readonly string[]]>([
    // At OpenSSL's security level 0, so that it is the server that says no.
    ['TLS 1.1', ['-tls1_1', '-cipher', 'ALL:@SECLEVEL=0']],
    ['TLS 1.0', ['-tls1', '-cipher', 'ALL:@SECLEVEL=0']],
    ['CBC', ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES256-SHA384:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0']],
    ['a key exchange without forward secrecy', ['-tls1_2', '-cipher', 'AES256-GCM-SHA384:@SECLEVEL=0']],
    ['an 8-byte tag', ['-tls1_3', '-ciphersuites', 'TLS_AES_128_CCM_8_SHA256']],
  ])('does not speak %s', async (_what, args) => {
    const { code, stdout, stderr } = await sClient(...args);
    expect(code).not.toBe(0);
    expect(stdout).not.toContain('hello');
    expect(stderr).toMatch(/alert (protocol version|handshake failure)/);
  });

  it('lets nobody renegotiate', async () => {
    const args = ['s_client', '-connect', `127.0.0.1:${port}`, '-tls1_2', '-CAfile', caFile];
    const { stdout, stderr } = await run('openssl', [...args, '-cert', client.certFile, '-key', client.keyFile], 'R\n');
    expect(stdout).toContain('Cipher is ECDHE');
    expect(stderr).toMatch(/RENEGOTIATING[\s\S]*no renegotiation/);
  });
});

describe('the client', () => {
  /** Connects with tlsClientOptions; undefined when it went well, else the error's code. */
  const dial = async (to: number, material: TlsMaterial, servername = 'localhost'): Promise<string | undefined> => {
    const socket = connect({ ...tlsClientOptions(material), port: to, host: '127.0.0.1', servername });
    try {
      await once(socket, 'secureConnect');
      return undefined;
    } catch (error) {
      return String((error as NodeJS.ErrnoException).code);
    } finally {
      socket.destroy();
    }
  };

  it('believes the server that the CA signed for its name', async () => {
    expect(await dial(port, await loadTlsMaterial(pki.dir, 'gateway'))).toBeUndefined();
  });

  it('shows its own certificate', async () => {
    const socket = connect({
      ...tlsClientOptions(await loadTlsMaterial(pki.dir, 'gateway')),
      port,
      servername: 'localhost',
    });
    const [accepted] = (await once(server, 'secureConnection')) as [import('node:tls').TLSSocket];
    expect([accepted.authorized, accepted.getPeerCertificate().subject.CN]).toEqual([true, 'passband-gateway']);
    socket.destroy();
  });

  it('does not believe it under another name', async () => {
    expect(await dial(port, await loadTlsMaterial(pki.dir, 'gateway'), 'elsewhere.example')).toBe(
      'ERR_TLS_CERT_ALTNAME_INVALID',
    );
  });

  test.each<[string, TestCertificate, string]>([
    ['another CA', { issuer: 'other-ca', eku: 'server', dns: ['localhost'] }, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['nobody but itself', { issuer: 'self', eku: 'server', dns: ['localhost'] }, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['the CA, but for clients', { eku: 'client', dns: ['localhost'] }, 'INVALID_PURPOSE'],
  ])('does not believe a server whose certificate is of %s', async (_what, certificate, code) => {
    const { certPem: cert, keyPem: key } = await pki.issue(certificate);
    const impostor = createTlsServer({ cert, key });
    // The client's refusal is this server's error, and no failure of the test.
    impostor.on('tlsClientError', () => {});
    impostor.listen(0, '127.0.0.1');
    await once(impostor, 'listening');
    const gateway = await loadTlsMaterial(pki.dir, 'gateway');
    expect(await dial((impostor.address() as AddressInfo).port, gateway)).toBe(code);
    impostor.close();
  });
});

test('every suite authenticates what it encrypts', () => {
  for (const suite of CIPHERS.split(':')) expect(suite).toMatch(/GCM|CHACHA20[-_]POLY1305/);
});
