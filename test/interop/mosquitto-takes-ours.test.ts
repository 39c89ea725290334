// needs: mosquitto
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { KeyAlgorithm } from '../../src/pki/keys.ts';
import { revokeIn } from '../../src/pki/revoke.ts';
import { parseCertificates } from '../../src/pki/tls-files.ts';
import { run } from '../support/run.ts';
import { until } from '../support/until.ts';
import { type CertificateFolder, madeFolder } from './folders.ts';

/** A port of loopback that was free a moment ago; mosquitto cannot choose one itself. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

describe.each<[string, KeyAlgorithm, boolean]>([
  ['P-256', 'p256', false],
  ['P-384', 'p384', false],
  ['RSA 2048', 'rsa2048', false],
  ['Ed25519', 'ed25519', false],
  ['P-256 under an issuing CA', 'p256', true],
])('%s', (_, algorithm, issuing) => {
  let folder: CertificateFolder;
  let port = 0;
  let broker: ChildProcess | undefined;
  const file = (name: string): string => join(folder.dir, name);

  const start = async (): Promise<void> => {
    port = await freePort();
    const settings = [
      'per_listener_settings true',
      // Started as root it would become somebody who cannot read these files.
      `user ${userInfo().username}`,
      `listener ${port} 127.0.0.1`,
      `cafile ${file('ca.crt')}`,
      `certfile ${file('server.crt')}`,
      `keyfile ${file('server.key')}`,
      `crlfile ${file('crl.pem')}`,
      'require_certificate true',
      'use_identity_as_username true',
      'allow_anonymous false',
      `acl_file ${file('acl')}`,
    ];
    await writeFile(file('mosquitto.conf'), `${settings.join('\n')}\n`);
    // By the CN that it reads in the certificate.
    await writeFile(file('acl'), 'user oran-client\ntopic readwrite #\n', { mode: 0o600 });
    const child = spawn('mosquitto', ['-c', file('mosquitto.conf')], { stdio: 'ignore' });
    broker = child;
    await until('mosquitto listens', () => {
      if (child.exitCode !== null) throw new Error(`mosquitto ended with ${child.exitCode}`);
      return accepts(port);
    });
  };
  const stop = async (): Promise<void> => {
    if (broker === undefined || broker.exitCode !== null) return;
    const ended = once(broker, 'close');
    broker.kill();
    await ended;
  };
  const with_ = (name: string): readonly string[] => [
    ...['-h', 'localhost', '-p', String(port), '-q', '1', '-t', 'radio/gs-1'],
    ...['--cafile', file('ca.crt'), '--cert', file(`${name}.crt`), '--key', file(`${name}.key`)],
  ];
  const publish = (name: string, text: string): ReturnType<typeof run> =>
    run('mosquitto_pub', [...with_(name), '-m', text, '-r']);

  beforeAll(async () => {
    folder = await madeFolder(algorithm, issuing);
  });
  afterEach(stop);
  afterAll(() => folder.remove());

  test('a broker and its clients believe one another, and the broker knows the CN', async () => {
    await start();
    expect(await publish('client', 'on the air')).toMatchObject({ code: 0 });
    const heard = await run('mosquitto_sub', [...with_('client'), '-C', '1', '-W', '10']);
    expect(heard).toMatchObject({ code: 0, stdout: 'on the air\n' });
    // Another CN of the same CA comes in, and may read nothing.
    const other = await run('mosquitto_sub', [...with_('dashboard'), '-C', '1', '-W', '2']);
    expect(other.stdout).toBe('');
  });

  test('and the broker refuses whom the revocation list names', async () => {
    const [certificate] = parseCertificates(await readFile(file('client.crt'), 'utf8'), 'client.crt');
    await revokeIn(folder.dir, { serial: certificate.serialNumber, certificate }, 'keyCompromise');
    await start();
    const { code, stderr } = await publish('client', 'still here');
    expect([code, stderr]).toEqual([expect.any(Number), expect.stringMatching(/alert|revoked|error/i)]);
    expect(code).not.toBe(0);
    expect(await publish('dashboard', 'x')).toMatchObject({ code: 0 });
  });
});
