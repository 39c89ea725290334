// needs: openssl, curl
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { KeyAlgorithm } from '../../src/pki/keys.ts';
import { curlOf } from '../support/curl.ts';
import { opensslSays } from '../support/openssl.ts';
import { run } from '../support/run.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';
import { type CertificateFolder, madeFolder } from './folders.ts';

const KINDS: readonly (readonly [what: string, algorithm: KeyAlgorithm, issuing: boolean])[] = [
  ['P-256', 'p256', false],
  ['P-384', 'p384', false],
  ['RSA 2048', 'rsa2048', false],
  ['Ed25519', 'ed25519', false],
  ['P-256 under an issuing CA', 'p256', true],
  ['RSA 3072 under an issuing CA', 'rsa3072', true],
];

describe.each(KINDS)('%s', (_, algorithm, issuing) => {
  let folder: CertificateFolder;
  const file = (name: string): string => join(folder.dir, name);
  beforeAll(async () => {
    folder = await madeFolder(algorithm, issuing);
    await writeFile(
      file('trust.pem'),
      (await readFile(file('ca.crt'), 'utf8')) + (await readFile(file('crl.pem'), 'utf8')),
    );
  });
  afterAll(() => folder.remove());

  test.each([
    ['server', 'sslserver'],
    ['backend', 'sslserver'],
    ['gateway', 'sslclient'],
    ['client', 'sslclient'],
  ])('openssl verify takes %s, strictly, with the revocation lists of the whole chain', async (name, purpose) => {
    const verify = ['verify', '-x509_strict', '-crl_check_all', '-CRLfile', file('crl.pem'), '-CAfile', file('ca.crt')];
    expect(await opensslSays(...verify, '-purpose', purpose, file(`${name}.crt`))).toEqual({
      good: true,
      said: `${file(`${name}.crt`)}: OK\n`,
    });
  });

  test.each(['-tls1_2', '-tls1_3'])(
    'openssl s_server and s_client speak %s with them, both verified',
    async (version) => {
      const server = spawn('openssl', [
        ...['s_server', '-accept', '127.0.0.1:0', '-Verify', '3', '-verify_return_error', '-naccept', '1'],
        ...['-cert', file('server.crt'), '-key', file('server.key'), '-cert_chain', file('server.crt'), version],
        // Of a file of its own (-CRL) it reads the first list only.
        ...['-CAfile', file('trust.pem'), '-crl_check_all'],
      ]);
      let said = '';
      const listens = new Promise<string>((resolve) => {
        server.stdout.on('data', (chunk) => {
          said += String(chunk);
          const port = /ACCEPT [^\n]*:(\d+)\n/.exec(said)?.[1];
          if (port !== undefined) resolve(port);
        });
      });
      const ended = once(server, 'close');
      try {
        const client = await run(
          'openssl',
          [
            ...['s_client', '-connect', `127.0.0.1:${await listens}`, '-servername', 'localhost', version],
            ...['-cert', file('client.crt'), '-key', file('client.key'), '-cert_chain', file('client.crt')],
            ...['-CAfile', file('ca.crt'), '-verify_hostname', 'localhost', '-verify_return_error'],
          ],
          'drawer\n',
        );
        expect([client.code, client.stdout]).toEqual([0, expect.stringContaining('Verify return code: 0 (ok)')]);
        // In TLS 1.3 a client learns late that it was refused: the server's word counts. It shows what it is sent.
        await until('s_server shows the line', () => said.includes('\ndrawer\n'));
        expect(said).toMatch(/subject=CN = oran-client/);
      } finally {
        server.kill();
        await ended;
      }
    },
  );

  test('curl takes the gateway and the gateway takes curl; the hop behind it works as well', async () => {
    let stack: Stack | undefined;
    try {
      stack = await startStack({ flags: { certs: folder.dir } });
      const curl = curlOf(stack.gatewayUrl, folder.dir);
      for (const version of ['--tls-max 1.2', '--tlsv1.3']) {
        const who = await curl('/whoami', ...version.split(' '));
        expect([who.status, who.json().cn]).toEqual([200, 'oran-client']);
      }
      expect((await curl('/v1/stations')).status).toBe(200);
    } finally {
      await stack?.close();
    }
  });
});
