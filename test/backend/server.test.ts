import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Metadata } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { startBackend } from '../../src/backend/server.ts';
import { DEFAULT_STATIONS } from '../../src/backend/stations/default-stations.ts';
import { UsageError } from '../../src/errors.ts';
import { DEV_POLICY } from '../../src/gateway/guard/policy.ts';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { unchanging } from '../../src/trust/reloadable.ts';
import { filesOpenIn } from '../support/files-open-in.ts';
import { BackendUnderTest, backendMaterial, policyOf } from './backend-under-test.ts';
import { ManualClock } from './manual-clock.ts';

const FIXTURES = join(PACKAGE_ROOT, 'fixtures');

describe('the backend as a server', () => {
  let backend: BackendUnderTest;
  beforeEach(async () => {
    backend = await BackendUnderTest.start({ stations: DEFAULT_STATIONS });
  });
  afterEach(() => backend.stop());

  it('says where it listens when the port is taken, and exits clean', async () => {
    const second = startBackend({
      host: '127.0.0.1',
      port: backend.backend.port,
      material: unchanging(await backendMaterial(backend.pki)),
      policy: unchanging(policyOf(DEV_POLICY)),
      stations: [],
      log: pino({ level: 'silent' }),
    });
    await expect(second).rejects.toThrow(UsageError);
    await expect(second).rejects.toThrow(
      `the backend cannot listen: port ${backend.backend.port} is in use; choose another with --backend-port`,
    );
  });

  it('leaves nothing running when the port is taken', async () => {
    const openBefore = await filesOpenIn(FIXTURES);
    const clock = new ManualClock();
    const tape = { kind: 'sigmf', file: 'fixtures/recordings/modes1.sigmf-meta' } as const;
    const second = startBackend({
      host: '127.0.0.1',
      port: backend.backend.port,
      material: unchanging(await backendMaterial(backend.pki)),
      policy: unchanging(policyOf(DEV_POLICY)),
      stations: [
        { stationId: 'tape', description: '', source: tape },
        // Tried again now and then until it is there.
        { stationId: 'gone', description: '', source: { ...tape, file: '/nowhere/x.sigmf-meta' } },
      ],
      log: pino({ level: 'silent' }),
      clock,
    });
    await expect(second).rejects.toThrow(UsageError);
    expect([clock.timers, await filesOpenIn(FIXTURES)]).toEqual([0, openBefore]);
  });

  it('drops connections that never came to a handshake when it is closed', async () => {
    const socket = connect({ host: '127.0.0.1', port: backend.backend.port });
    await once(socket, 'connect');
    socket.on('error', () => undefined);
    const closed = once(socket, 'close');
    // A call that is answered later than the connection was accepted.
    await (await backend.client('sdr.oran.StationService')).unary('ListStations', {});
    await backend.backend.close(1000);
    await closed;
  });

  it('gives the places of handshakes that never end to whoever comes', async () => {
    const few = await BackendUnderTest.start({ maxConnections: 8 });
    const silent = Array.from({ length: 7 }, () => connect({ host: '127.0.0.1', port: few.backend.port }));
    await Promise.all(silent.map((socket) => once(socket, 'connect')));
    for (const socket of silent) socket.on('error', () => undefined);
    const stations = [await few.client('sdr.oran.StationService'), await few.client('sdr.oran.StationService')];
    try {
      // One place is free; the second caller has that of a silent one.
      for (const caller of stations) expect(await caller.unary('ListStations', {})).toHaveProperty('stations');
    } finally {
      for (const socket of silent) socket.destroy();
      await few.stop();
    }
  });

  it('accepts nothing more once it is closed', async () => {
    const stations = await backend.client('sdr.oran.StationService');
    await stations.unary('ListStations', {});
    await backend.backend.close(1000);
    const deadline = new Metadata();
    await expect(stations.unary('ListStations', {}, deadline)).rejects.toMatchObject({ code: 14 });
  });

  it('ends a stream at its deadline, and logs why', async () => {
    const iq = await backend.client('sdr.oran.IQStreamService');
    const stream = iq.raw.SubscribeIQ?.({ station_id: 'adsb' }, { deadline: Date.now() + 300 });
    expect(await iq.status(stream)).toMatchObject({ code: 4 });
    const stations = await backend.client('sdr.oran.StationService');
    const readers = async () => (await stations.unary('GetStation', { station_id: 'adsb' })).subscribers;
    while ((await readers()) !== 0);
    const line = backend.log.find(({ msg, rpc }) => msg === 'call' && rpc === 'sdr.oran.IQStreamService/SubscribeIQ');
    expect(['DEADLINE_EXCEEDED', 'CANCELLED']).toContain(line?.code);
  });

  it('refuses a request that is too large, and one that is no message', async () => {
    const iq = await backend.client('sdr.oran.IQStreamService');
    const raw = (bytes: Buffer): Promise<unknown> =>
      new Promise((resolve) =>
        iq.raw.makeUnaryRequest(
          '/sdr.oran.IQStreamService/StartStream',
          () => bytes,
          () => undefined,
          {},
          (error) => resolve(error?.code),
        ),
      );
    expect(await raw(Buffer.alloc(4160 * 1024 + 1))).toBe(8);
    expect(await raw(Buffer.of(0x0f))).toBe(13);
    // A string longer than the message, and one that is no UTF-8, are no station ids.
    expect(await raw(Buffer.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f))).toBe(3);
    expect(await raw(Buffer.of(0x0a, 0x01, 0xff))).toBe(3);
    await (await backend.client('sdr.oran.StationService')).unary('ListStations', {});
  });

  it('has no other methods', async () => {
    const iq = await backend.client('sdr.oran.IQStreamService');
    for (const path of ['/sdr.oran.IQStreamService/Nope', '/nope.Nope/Nope', '/grpc.channelz.v1.Channelz/GetServers']) {
      const code = await new Promise((resolve) =>
        iq.raw.makeUnaryRequest(
          path,
          () => Buffer.alloc(0),
          () => undefined,
          {},
          (error) => resolve(error?.code),
        ),
      );
      expect(code).toBe(12);
    }
  });
});
