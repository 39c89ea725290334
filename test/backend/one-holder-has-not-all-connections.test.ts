import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { DEV_POLICY } from '../../src/gateway/guard/policy.ts';
import type { TestFiles } from '../support/pki.ts';
import { until } from '../support/until.ts';
import { BackendUnderTest, policyOf, refusal } from './backend-under-test.ts';

/** Connections that one holder may have. */
const SHARE = 128;

let backend: BackendUnderTest;
const sockets: TLSSocket[] = [];

beforeEach(async () => {
  backend = await BackendUnderTest.start({ policy: policyOf(DEV_POLICY) });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await backend.stop();
});

/** Connections that say nothing; each stays as long as the backend lets it. */
async function idle(count: number, { certPem, keyPem }: TestFiles): Promise<readonly TLSSocket[]> {
  const { pki } = backend;
  const { port } = backend.backend;
  const opened = Array.from({ length: count }, () =>
    connect({ host: 'localhost', port, ca: pki.caPem, cert: certPem, key: keyPem, ALPNProtocols: ['h2'] }),
  );
  sockets.push(...opened);
  for (const socket of opened) socket.on('error', () => {}).resume();
  await Promise.all(opened.map((socket) => once(socket, 'secureConnect')));
  return opened;
}

it('a holder has its share, with whichever certificate, and others come in all the while', async () => {
  const held = await idle(SHARE, await backend.pki.issue({ cn: 'dash-many' }));
  await backend.connectionsBecome(SHARE);
  // A renewed certificate brings no second share.
  const [more] = await idle(1, await backend.pki.issue({ cn: 'dash-many' }));
  await until('one more is closed', () => more?.destroyed);
  expect(await backend.connections()).toBe(SHARE);
  expect(backend.log).toContainEqual(
    expect.objectContaining({ msg: 'a peer was refused', reason: `no more than ${SHARE} connections of one holder` }),
  );

  const stations = await backend.client('sdr.oran.StationService', await backend.pki.issue({ cn: 'dash-other' }));
  expect(await refusal(stations.unary('ListStations', {}))).toBe('no error');

  // A place that is given back is there to be taken.
  held[0]?.destroy();
  await backend.connectionsBecome(SHARE);
  const again = await backend.client('sdr.oran.StationService', await backend.pki.issue({ cn: 'dash-many' }));
  expect(await refusal(again.unary('ListStations', {}))).toBe('no error');
});

it('a delegate has as many as it needs', async () => {
  await idle(SHARE + 10, await backend.pki.pair('gateway'));
  await backend.connectionsBecome(SHARE + 10);
  const stations = await backend.client('sdr.oran.StationService');
  expect(await refusal(stations.unary('ListStations', {}))).toBe('no error');
  expect(await backend.connections()).toBe(SHARE + 11);
});
