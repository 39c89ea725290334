// needs: openssl
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { type Caller, callerOf } from '../support/https.ts';
import { isResumed, opensslSession, statusIn } from '../support/openssl-session.ts';
import type { TestFiles } from '../support/pki.ts';
import { rawConnected, untilClosed } from '../support/raw.ts';
import { Revoker, replaceFile } from '../support/revocation.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
let revoker: Revoker;
let neighbour: Caller;

beforeAll(async () => {
  stack = await startStack({ backendApart: true });
  revoker = new Revoker(stack.pki);
  await revoker.publish();
  // A list is a change of trust, after which no session of before is resumed.
  await stack.gateway.reload();
  neighbour = callerOf(stack.gatewayUrl, stack.pki.caPem, await stack.pki.issue());
});
afterAll(async () => {
  await neighbour?.close();
  await stack?.close();
});

const openssl = (client: TestFiles, version: string, session: readonly string[]): Promise<string> =>
  opensslSession({ port: stack.port, caFile: join(stack.certsDir, 'ca.crt'), ...client }, version, session);

/** Revokes a certificate and waits until the gateway has taken note. */
async function revoke(client: TestFiles): Promise<void> {
  const caller = callerOf(stack.gatewayUrl, stack.pki.caPem, client);
  await revoker.revoke(client);
  await until(
    'a new connection is refused',
    () =>
      caller.call('/whoami').then(
        ({ status }) => status,
        () => 0,
      ),
    (status) => status === 401,
  );
  await caller.close();
}

describe.each(['-tls1_2', '-tls1_3'])('a session of %s', (version) => {
  it('is resumed while its certificate stands, and neither resumed nor served once that is revoked', async () => {
    const client = await stack.pki.issue();
    const session = join(stack.pki.dir, `session${version}`);
    const first = await openssl(client, version, ['-sess_out', session]);
    const resumed = await openssl(client, version, ['-sess_in', session]);
    expect([statusIn(first), statusIn(resumed)]).toEqual([200, 200]);
    // Without this the test would show nothing.
    expect(isResumed(resumed)).toBe(true);
    await revoke(client);
    const late = await openssl(client, version, ['-sess_in', session]);
    expect([statusIn(late), /^New, TLS/m.test(late)]).toEqual([401, true]);
    expect(late).toContain('the client certificate has been revoked');
  });

  it('is resumed after a change of the own certificate alone', async () => {
    const client = await stack.pki.issue();
    const session = join(stack.pki.dir, `kept${version}`);
    await openssl(client, version, ['-sess_out', session]);
    const own = await stack.pki.issue({ cn: 'localhost', eku: 'server', dns: ['localhost'], ip: ['127.0.0.1'] });
    await replaceFile(join(stack.certsDir, 'server.crt'), own.certPem);
    await replaceFile(join(stack.certsDir, 'server.key'), own.keyPem, 0o600);
    expect(await stack.gateway.reload()).toBe(true);
    expect(isResumed(await openssl(client, version, ['-sess_in', session]))).toBe(true);
  });
});

test('an idle connection that is kept alive is closed', async () => {
  const client = await stack.pki.issue();
  const idle = await rawConnected({ port: stack.port, caPem: stack.pki.caPem, pair: client });
  const used = await rawConnected({ port: stack.port, caPem: stack.pki.caPem, pair: client });
  const ends = [untilClosed(idle), untilClosed(used)];
  let heard = '';
  used.on('data', (chunk) => {
    heard += chunk;
  });
  used.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await until('it was served once', () => heard.includes('200 OK'));
  await revoker.revoke(client);
  const [silent, served] = await Promise.all(ends);
  expect([silent?.text, silent?.error, served?.status, served?.error]).toEqual(['', undefined, 200, undefined]);
});

test('a connection that one who is revoked opens is closed, though nothing is asked on it', async () => {
  const client = await stack.pki.issue();
  await revoke(client);
  const socket = await rawConnected({ port: stack.port, caPem: stack.pki.caPem, pair: client, alpn: ['h2'] });
  await untilClosed(socket);
});

test('deleting the list, or putting an older one back, lets nobody in again', async () => {
  const client = await stack.pki.issue();
  await revoke(client);
  await rm(revoker.file);
  const isBroken = () => stack.logs.some(({ why }) => String(why).includes('crl.pem'));
  await until('the missing list is reported', isBroken);
  const caller = callerOf(stack.gatewayUrl, stack.pki.caPem, client);
  expect((await caller.call('/whoami')).status).toBe(401);
  expect((await neighbour.call('/whoami')).status).toBe(200);
  await caller.close();
});
