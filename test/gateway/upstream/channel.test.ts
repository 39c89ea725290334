import { once } from 'node:events';
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Client } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { openChannel } from '../../../src/gateway/upstream/channel.ts';
import { loadTlsMaterial } from '../../../src/pki/tls-files.ts';
import { makeTestPki, type TestPki } from '../../support/pki.ts';
import { until } from '../../support/until.ts';

/** What a stream of 8 MS/s has under way over a path of a tenth of a second. */
const ROOM_BYTES = 8 * 1024 * 1024;

let pki: TestPki;
let peer: Http2SecureServer;
let channel: Client;
beforeAll(async () => {
  pki = await makeTestPki();
  const { certPem, keyPem } = await pki.pair('backend');
  peer = createSecureServer({ cert: certPem, key: keyPem, ca: pki.caPem, requestCert: true });
  peer.listen(0, '127.0.0.1');
  await once(peer, 'listening');
  const { port } = peer.address() as AddressInfo;
  const tls = await loadTlsMaterial(pki.dir, 'gateway');
  channel = openChannel({ backend: `localhost:${port}`, tls, serviceConfig: {} });
});
afterAll(async () => {
  channel?.close();
  peer?.close();
  await pki?.remove();
});

it('lets a backend send 8 MiB ahead of what is read, on a stream and on the connection', async () => {
  const connected = once(peer, 'session') as Promise<[ServerHttp2Session]>;
  channel.waitForReady(Date.now() + 15_000, () => {});
  const [session] = await connected;
  // By the count of an HTTP/2 library of its own: what may be sent before anything was read.
  const connection = (): number => session.state.remoteWindowSize ?? 0;
  await until('the window of the connection is open', connection, (bytes) => bytes >= ROOM_BYTES);
  expect(session.remoteSettings.initialWindowSize).toBe(ROOM_BYTES);
});
