import { X509Certificate } from 'node:crypto';
import { copyFile, rename, writeFile } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { join } from 'node:path';
import { connect, createSecureContext, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DEFAULT_STATIONS } from '../../src/backend/stations/default-stations.ts';
import { noLog } from '../../src/observability/log.ts';
import { openReloadable } from '../../src/trust/files.ts';
import { type Material, materialFiles } from '../../src/trust/material.ts';
import type { Reloadable } from '../../src/trust/reloadable.ts';
import { mountedAsVolume } from '../support/kubernetes-volume.ts';
import { makeTestPki, type TestFiles, type TestPki } from '../support/pki.ts';
import { until } from '../support/until.ts';
import { BackendUnderTest, backendMaterial } from './backend-under-test.ts';
import { FrameRun } from './frame-run.ts';

describe('a certificate that is replaced while the backend runs', () => {
  let pki: TestPki;
  let material: Reloadable<Material<'backend'>>;
  let backend: BackendUnderTest;
  beforeAll(async () => {
    pki = await makeTestPki();
    const files = materialFiles(pki.dir, ['backend'], { crlFiles: [] });
    const load = (before?: Material<'backend'>) => backendMaterial(pki, before);
    material = await openReloadable({ what: 'certificates', files, load, log: noLog });
    backend = await BackendUnderTest.start({ pki, material, stations: DEFAULT_STATIONS });
  });
  afterAll(async () => {
    await backend?.stop();
    material?.close();
    await pki?.remove();
  });

  /** Puts another pair in place of the backend's, as a renewal does: each file in one step. */
  async function replace({ certFile, keyFile }: TestFiles): Promise<void> {
    for (const [from, name] of [
      [keyFile, 'backend.key'],
      [certFile, 'backend.crt'],
    ] as const) {
      const to = join(pki.dir, name);
      await writeFile(`${to}.new`, '', { mode: 0o600 });
      await copyFile(from, `${to}.new`);
      await rename(`${to}.new`, to);
    }
  }

  const another = (): Promise<TestFiles> => pki.issue({ cn: 'backend', eku: 'server', dns: ['localhost'] });

  /** A connection whose handshake is over. */
  async function handshake(session?: Buffer): Promise<TLSSocket> {
    const { certPem, keyPem } = await pki.pair('client');
    const secureContext = createSecureContext({ ca: pki.caPem, cert: certPem, key: keyPem });
    return new Promise((resolve, reject) => {
      const socket = connect({
        host: 'localhost',
        port: backend.backend.port,
        secureContext,
        ALPNProtocols: ['h2'],
        ...(session === undefined ? {} : { session }),
      });
      socket.on('error', reject);
      socket.on('secureConnect', () => resolve(socket));
    });
  }

  async function shownSerial(): Promise<string> {
    const socket = await handshake();
    const serial = socket.getPeerX509Certificate()?.serialNumber ?? '';
    socket.destroy();
    return serial;
  }

  it('is shown to new connections, and open streams lose no frame', async () => {
    const iq = await backend.client('sdr.oran.IQStreamService');
    const run = new FrameRun(iq.stream('SubscribeIQ', { station_id: 'sim-1', batch_size_samples: 4096 }));
    await run.more(20);
    const before = await shownSerial();
    await replace(await another());
    await until('another serial number', shownSerial, (serial) => serial !== before);
    await run.more(50);
    expect(run.missing).toBe(0);
    expect(run.ended).toBe(false);
    run.stream.cancel();
    // A client that comes now is served as ever.
    expect(await (await backend.client('sdr.oran.StationService')).unary('ListStations', {})).toHaveProperty(
      'stations',
    );
  });

  it.each([
    ['TLS 1.1', { maxVersion: 'TLSv1.1' as const, ciphers: 'ALL:@SECLEVEL=0' }],
    ['CBC suites', { maxVersion: 'TLSv1.2' as const, ciphers: 'ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA' }],
    ['no certificate', { who: null }],
  ])('leaves %s refused', async (_name, options) => {
    const before = await shownSerial();
    await replace(await another());
    await until('another serial number', shownSerial, (serial) => serial !== before);
    expect(await backend.tls(options)).toMatch(/alert|closed/);
    expect(await backend.tls({ maxVersion: 'TLSv1.2' })).toMatch(/^TLSv1.2 ECDHE-ECDSA-AES\d+-GCM-SHA\d+$/);
  });

  it('stays when the new one cannot be used', async () => {
    const before = await shownSerial();
    const stranger = await another();
    await writeFile(stranger.keyFile, (await another()).keyPem);
    await replace(stranger);
    expect(await backend.backend.reload()).toBe(false);
    expect(await shownSerial()).toBe(before);
    await replace(await another());
    await until('another serial number', shownSerial, (serial) => serial !== before);
  });

  it('is that of a Kubernetes volume once the volume is swapped', async () => {
    const volume = await mountedAsVolume(pki.dir);
    const { certPem, keyPem } = await another();
    await volume.swap({ 'backend.crt': certPem, 'backend.key': keyPem });
    const { serialNumber } = new X509Certificate(certPem);
    await until('the pair of the new volume is shown', shownSerial, (serial) => serial === serialNumber);
  });

  it('resumes no session, so that every connection shows its certificate anew', async () => {
    const first = await handshake();
    const session = await new Promise<Buffer | undefined>((resolve) => {
      first.on('session', resolve);
      // What the server says first comes behind its tickets, if it gives any.
      first.once('data', () => resolve(first.getSession()));
    });
    first.destroy();
    const second = await handshake(session);
    expect(second.isSessionReused()).toBe(false);
    second.destroy();
  });
});

it('keeps the receive window that producers need', async () => {
  const backend = await BackendUnderTest.start();
  const { certPem, keyPem } = await backend.pki.pair('client');
  const session = connectHttp2(`https://${backend.address}`, { ca: backend.pki.caPem, cert: certPem, key: keyPem });
  const settings = await new Promise((resolve) => session.once('remoteSettings', resolve));
  expect(settings).toMatchObject({ initialWindowSize: 8 * 1024 * 1024, maxConcurrentStreams: 1024 });
  session.destroy();
  await backend.stop();
});
