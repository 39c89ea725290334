// needs: rotctld
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { RotctldRotor } from '../../../src/backend/antenna/rotctld.ts';
import { systemClock } from '../../../src/backend/clock.ts';
import { until } from '../../support/until.ts';
import { BackendUnderTest, type Message, refusal } from '../backend-under-test.ts';
import { ManualClock } from '../manual-clock.ts';

const rotors: RotctldRotor[] = [];
const programs: ChildProcess[] = [];
const servers: { readonly server: Server; readonly sockets: Set<Socket> }[] = [];

afterEach(async () => {
  for (const rotor of rotors.splice(0)) rotor.close();
  for (const program of programs.splice(0)) await ended(program);
  for (const { server, sockets } of servers.splice(0)) {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
});

function ended(program: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (program.exitCode !== null || program.signalCode !== null) resolve();
    else program.once('exit', () => resolve()).kill();
  });
}

/** A port that was free a moment ago: rotctld cannot be told to take one. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Hamlib's own server with its dummy rotor, which turns at 6 degrees a second. */
function hamlib(port: number): ChildProcess {
  const program = spawn('rotctld', ['-m', '1', '-T', '127.0.0.1', '-t', String(port)], { stdio: 'ignore' });
  programs.push(program);
  return program;
}

function rotorAt(port: number, clock = systemClock, onFault = (): void => {}): RotctldRotor {
  const rotor = new RotctldRotor({ host: '127.0.0.1', port }, clock, onFault);
  rotors.push(rotor);
  return rotor;
}

const becomesWell = (rotor: RotctldRotor): Promise<unknown> =>
  until(
    'the rotor to be well',
    () => Promise.resolve(rotor.fault),
    (fault) => fault === undefined,
  );

describe('a rotor behind rotctld of Hamlib', () => {
  it('tells its limits, turns where it is sent, and says where it is', async () => {
    const port = await freePort();
    hamlib(port);
    const rotor = rotorAt(port);
    await becomesWell(rotor);
    expect(rotor.limits).toEqual({ minAzimuthDeg: -180, maxAzimuthDeg: 450, minElevationDeg: 0, maxElevationDeg: 90 });
    await rotor.pointTo({ axisAzimuthDeg: -2.5, elevationDeg: 3.25 });
    const there = await until(
      'the rotor to arrive',
      () => rotor.read(),
      ({ axisAzimuthDeg, elevationDeg }) => axisAzimuthDeg === -2.5 && elevationDeg === 3.25,
    );
    expect(there).toMatchObject({ azimuthMotorOk: true, elevationMotorOk: true, windSpeedMS: 0 });
    await rotor.pointTo({ axisAzimuthDeg: 400, elevationDeg: 90 });
    await until(
      'the rotor to move',
      () => rotor.read(),
      ({ axisAzimuthDeg }) => axisAzimuthDeg > -2,
    );
    await rotor.stop();
    const { axisAzimuthDeg } = await rotor.read();
    expect(axisAzimuthDeg).toBeLessThan(100);
    await rotor.read();
    expect((await rotor.read()).axisAzimuthDeg).toBe(axisAzimuthDeg);
  });

  it('refuses in its own words what is outside its limits', async () => {
    const port = await freePort();
    hamlib(port);
    const rotor = rotorAt(port);
    await becomesWell(rotor);
    await expect(rotor.pointTo({ axisAzimuthDeg: 500, elevationDeg: 10 })).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      publicMessage: 'rotctld refuses with RPRT -1: invalid parameter, or outside its limits',
    });
    // And goes on.
    await rotor.pointTo({ axisAzimuthDeg: 0, elevationDeg: 0 });
    expect(rotor.fault).toBeUndefined();
  });

  it('is well again by itself when rotctld was away', async () => {
    const port = await freePort();
    const clock = new ManualClock();
    let faults = 0;
    const rotor = rotorAt(port, clock, () => faults++);
    await until(
      'the first attempt to fail',
      () => Promise.resolve(rotor.fault?.publicMessage),
      (text) => /cannot be reached/.test(text ?? ''),
    );
    await expect(rotor.read()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(rotor.pointTo({ axisAzimuthDeg: 0, elevationDeg: 0 })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const comesBack = async (): Promise<void> => {
      await until(
        'the rotor to be well',
        async () => {
          clock.advance(100);
          return rotor.fault;
        },
        (fault) => fault === undefined,
      );
    };
    // Some attempts more are no other fault.
    for (let attempts = 0; attempts < 20; attempts++) {
      clock.advance(1000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(faults).toBe(1);
    const first = hamlib(port);
    await comesBack();
    expect(faults).toBe(1);
    await ended(first);
    await until(
      'the end to be seen',
      () => Promise.resolve(rotor.fault),
      (fault) => fault !== undefined,
    );
    expect(rotor.lastReading).toMatchObject({ azimuthMotorOk: false, elevationMotorOk: false });
    // No address of ours is in what callers may see.
    expect(rotor.fault?.publicMessage).not.toMatch(/127|\d{4}/);
    expect(faults).toBe(2);
    hamlib(port);
    await comesBack();
    expect(await rotor.read()).toMatchObject({ azimuthMotorOk: true });
    expect(faults).toBe(2);
    rotor.close();
    expect(faults).toBe(2);
  });
});

/** A server that answers the first command with a text. */
async function answering(text: string): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', () => socket.write(text));
  });
  servers.push({ server, sockets });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const STATE = 'Minimum Azimuth: 0.0\nMaximum Azimuth: 360.0\nMinimum Elevation: 0.0\nMaximum Elevation: 90.0\n';

describe('what is no rotctld', () => {
  it.each([
    ['an endless answer', 'x'.repeat(9000), /sends an answer without an end$/],
    ['two answers for one question', `${STATE}RPRT 0\nRPRT 0\n`, /sends what nobody asked for$/],
    ['no limits', 'RPRT 0\n', /something else than its protocol says$/],
    [
      'limits that are no numbers',
      `${STATE.replace('360.0', 'nan')}RPRT 0\n`,
      /something else than its protocol says$/,
    ],
    ['limits beyond reason', `${STATE.replace('360.0', '99999')}RPRT 0\n`, /something else than its protocol says$/],
    ['limits that hold nothing', `${STATE.replace('360.0', '-10')}RPRT 0\n`, /limits that hold nothing$/],
    ['a refusal', 'RPRT -6\n', /RPRT -6: input or output error$/],
    ['limits as a position', `${STATE}RPRT 0\n`, /something else than its protocol says$/],
  ])('gives a fault and is tried again later: %s', async (_, text, message) => {
    const clock = new ManualClock();
    const rotor = rotorAt(await answering(text), clock);
    await until(
      'a fault',
      () => Promise.resolve(rotor.fault?.publicMessage),
      (fault) => message.test(fault ?? ''),
    );
    expect(rotor.fault?.code).toBe('UNAVAILABLE');
    expect(clock.timers).toBe(1);
  });

  it('is given up when it does not answer', async () => {
    const clock = new ManualClock();
    const rotor = rotorAt(await answering(''), clock);
    await until(
      'the question',
      () => Promise.resolve(servers[0]?.sockets.size),
      (sockets) => sockets === 1,
    );
    const fault = await until(
      'a fault',
      async () => {
        clock.advance(500);
        return rotor.fault?.publicMessage;
      },
      (text) => /in time$/.test(text ?? ''),
    );
    expect(fault).toBe('the rotctld of the antenna does not answer in time');
  });

  it('leaves nothing when it is closed', async () => {
    const clock = new ManualClock();
    const rotor = rotorAt(await answering(''), clock);
    const asked = rotor.read().catch((error: unknown) => error);
    rotor.close();
    expect(await asked).toMatchObject({ code: 'UNAVAILABLE' });
    expect(clock.timers).toBe(0);
  });
});

describe('a station whose antenna is behind rotctld', () => {
  it('is pointed through it, tells its fault, and goes on tracking while it is away', async () => {
    const port = await freePort();
    const program = hamlib(port);
    const registry = new Registry();
    const faults = async (): Promise<number | undefined> =>
      (await registry.getSingleMetric('passband_rotor_faults_total')?.get())?.values.find(
        ({ labels }) => labels.station_id === 'yagi',
      )?.value;
    const backend = await BackendUnderTest.start({
      metrics: registry,
      stations: [
        {
          stationId: 'yagi',
          description: '',
          source: { kind: 'sim', seed: 1, sampleRateHz: 10_000, centerFrequencyHz: 437e6, noiseDbfs: -30 },
          antenna: { kind: 'rotctld', host: '127.0.0.1', port },
        },
      ],
    });
    try {
      const antenna = await backend.client('sdr.oran.AntennaControlService');
      const status = (): Promise<Message> => antenna.unary('GetAntennaStatus', { station_id: 'yagi' });
      await until('the rotor to be well', status, ({ fault }) => fault === '');
      const where = { station_id: 'yagi', azimuth_deg: 355, elevation_deg: 2 };
      expect(await antenna.unary('PointAntenna', where)).toMatchObject({ success: true });
      // The shorter way, by -5.
      await until('the antenna to arrive', status, ({ axis_azimuth_deg }) => axis_azimuth_deg === -5);
      expect(await status()).toMatchObject({ current_azimuth_deg: 355, azimuth_motor_ok: true, wind_speed_ms: 0 });
      expect(await refusal(antenna.unary('PointAntenna', { ...where, polarization_deg: 10 }))).toMatch(
        /^9: .*polarisation/,
      );

      const call = antenna.raw.TrackSatellite?.();
      const statuses: Message[] = [];
      call.on('error', () => undefined).on('data', (message: Message) => statuses.push(message));
      call.write({
        station_id: 'yagi',
        predicted_azimuth_deg: 1,
        predicted_elevation_deg: 3,
        predicted_doppler_hz: 100,
      });
      await until(
        'the antenna to follow',
        () => statuses.at(-1),
        (last) => last?.current_azimuth_deg === 1,
      );
      // One where the first attempt came before Hamlib listened.
      const faultsBefore = await faults();
      await ended(program);
      await until(
        'the fault',
        () => statuses.at(-1),
        (last) => last?.fault !== '',
      );
      expect(statuses.at(-1)).toMatchObject({ is_tracking: true, azimuth_motor_ok: false, target_doppler_hz: 100 });
      expect(await faults()).toBe((faultsBefore ?? 0) + 1);
      call.cancel();
      await until('the antenna to be free', status, ({ is_tracking }) => is_tracking === false);
      expect(await refusal(antenna.unary('PointAntenna', where))).toMatch(/^14: the rotctld of the antenna/);
    } finally {
      await backend.stop();
    }
  });
});
