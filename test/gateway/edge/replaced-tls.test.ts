import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { loadTlsMaterial } from '../../../src/pki/tls-files.ts';
import { rawConnect, rawConnected } from '../../support/raw.ts';
import { type EdgeUnderTest, startEdge } from './edge-under-test.ts';

let edge: EdgeUnderTest;
const intervals = jest.spyOn(globalThis, 'setInterval');
beforeAll(async () => {
  edge = await startEdge((_request, response) => void response.end('served'));
});
afterAll(async () => {
  await edge?.stop();
});

/** A material with another leaf of the same CA. */
async function otherMaterial() {
  const { certPem, keyPem } = await edge.pki.issue({ cn: 'localhost', eku: 'server', dns: ['localhost'] });
  return { ...(await loadTlsMaterial(edge.pki.dir, 'server')), certPem, keyPem };
}

describe('after the certificate was replaced', () => {
  let certPem: string;
  let before: TLSSocket;
  beforeAll(async () => {
    before = await rawConnected(edge.asClient);
    const material = await otherMaterial();
    ({ certPem } = material);
    edge.listener.replaceTls(material, false);
  });

  it('a new connection is shown the new one', async () => {
    const socket = await rawConnected(edge.asClient);
    expect(socket.getPeerX509Certificate()?.serialNumber).toBe(new X509Certificate(certPem).serialNumber);
    socket.destroy();
  });

  it('a connection of before is served on', async () => {
    before.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    const [answer] = await once(before, 'data');
    expect(String(answer)).toContain('HTTP/1.1 200 OK');
    before.destroy();
  });

  it.each<[string, object]>([
    ['TLS 1.1', { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' }],
    ['a CBC suite', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256' }],
    ['no client certificate', { cert: undefined, key: undefined, maxVersion: 'TLSv1.2' }],
  ])('%s is refused as before', async (_what, options) => {
    const { port, caPem, pair } = edge.asClient;
    const socket = connect({
      ...{ host: '127.0.0.1', servername: 'localhost', port, ca: caPem, cert: pair?.certPem, key: pair?.keyPem },
      ...options,
    });
    const [error] = await once(socket, 'error');
    expect(String(error)).toMatch(/alert|handshake|ECONNRESET|disconnected before/i);
  });

  it('a client certificate of another CA is refused as before', async () => {
    const socket = rawConnect({
      ...edge.asClient,
      pair: await edge.pki.issue({ issuer: 'other-ca' }),
      version: 'TLSv1.2',
    });
    const [error] = await once(socket, 'error');
    expect(String(error)).toMatch(/alert|ECONNRESET|disconnected before/i);
  });
});

describe('a session of before', () => {
  /** The session of a connection, once the listener has handed it out. */
  async function sessionOf(): Promise<Buffer> {
    const socket = rawConnect({ ...edge.asClient, version: 'TLSv1.3' });
    socket.resume();
    const [session] = await once(socket, 'session');
    socket.destroy();
    return session;
  }
  async function isResumed(session: Buffer): Promise<boolean> {
    const { port, caPem, pair } = edge.asClient;
    const where = { host: '127.0.0.1', servername: 'localhost', port, ca: caPem };
    const socket = connect({ ...where, cert: pair?.certPem, key: pair?.keyPem, session, ALPNProtocols: ['http/1.1'] });
    await once(socket, 'secureConnect');
    const resumed = socket.isSessionReused();
    socket.destroy();
    return resumed;
  }

  it.each([
    ['is resumed when only the certificate changed', false],
    ['is begun anew when trust changed', true],
  ])('%s', async (_claim, forget) => {
    const session = await sessionOf();
    expect(await isResumed(session)).toBe(true);
    edge.listener.replaceTls(await otherMaterial(), forget);
    expect(await isResumed(session)).toBe(!forget);
  });

  it('is begun anew when its keys have been in use for long: a week at most', async () => {
    const session = await sessionOf();
    expect(await isResumed(session)).toBe(true);
    const seldom = intervals.mock.calls.filter(([, ms = 0]) => ms >= 3_600_000 && ms <= 7 * 24 * 3_600_000);
    for (const [renew] of seldom) renew();
    expect(await isResumed(session)).toBe(false);
    // What is handed out from then on can be resumed.
    expect(await isResumed(await sessionOf())).toBe(true);
  });
});
