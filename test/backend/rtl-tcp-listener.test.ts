import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import type { RtlTcpListenerConfig, StationConfig } from '../../src/backend/stations/station-config.ts';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { until } from '../support/until.ts';
import { BackendUnderTest, fixture, type LogLine } from './backend-under-test.ts';
import { ManualClock } from './manual-clock.ts';
import { RtlTcpClient } from './rtl-tcp-client.ts';
import { R820T_HEADER } from './rtl-tcp-server.ts';

const LOOPBACK: RtlTcpListenerConfig = { host: '127.0.0.1', port: 0, tls: false };
const RECORDING = join(PACKAGE_ROOT, 'fixtures', 'recordings', 'modes1.sigmf-meta');
/** Bytes of a tick (10 ms at 2 MS/s): a block. */
const BLOCK_BYTES = 40_000;

const recording = (rtlTcpListener: RtlTcpListenerConfig): StationConfig => ({
  stationId: 'adsb',
  description: '',
  source: { kind: 'sigmf', file: RECORDING },
  rtlTcpListener,
});
const simulated: StationConfig = {
  stationId: 'sim',
  description: '',
  source: {
    kind: 'sim',
    seed: 3,
    noiseDbfs: -20,
    // Louder than full scale: cu8 has to saturate.
    carriers: [{ offsetHz: 10_000, powerDbfs: 1 }],
    sampleRateHz: 100_000,
    centerFrequencyHz: 1e8,
  },
  rtlTcpListener: LOOPBACK,
};

let clock: ManualClock;
let backend: BackendUnderTest;
let metrics: Registry;
let played: Buffer;
const clients: RtlTcpClient[] = [];

const told = (text: string): readonly LogLine[] => backend.log.filter(({ msg }) => msg === text);
const told1 = (text: string): Promise<LogLine | undefined> => until(text, () => told(text).at(-1));

async function start(station: StationConfig): Promise<number> {
  clock = new ManualClock();
  metrics = new Registry();
  backend = await BackendUnderTest.start({ clock, metrics, stations: [station] });
  return Number((await told1('rtl_tcp listener listens'))?.port);
}

function client(port: number): RtlTcpClient {
  const made = new RtlTcpClient(port);
  clients.push(made);
  return made;
}

/** Samples of the recording, which is played round after round. */
const playedFrom = (sample: number, bytes: number): Buffer => {
  const rounds = Math.ceil((2 * sample + bytes) / played.length);
  return Buffer.concat(Array.from({ length: rounds }, () => played)).subarray(2 * sample, 2 * sample + bytes);
};

beforeAll(async () => {
  played = await fixture('modes1.sigmf-data');
});
afterEach(async () => {
  for (const one of clients.splice(0)) one.stop();
  await backend.stop();
});

describe('a listener that speaks rtl_tcp', () => {
  it("sends an R820T's header and then the samples as they are, to each client from when it comes", async () => {
    const port = await start(recording(LOOPBACK));
    const one = await client(port).served();
    expect(one.header()).toEqual(R820T_HEADER);
    clock.advance(100);
    await one.has(12 + 400_000);
    const two = await client(port).served();
    clock.advance(100);
    await one.has(12 + 800_000);
    await two.has(12 + 400_000);
    expect(one.samples().equals(playedFrom(0, 800_000))).toBe(true);
    expect(two.samples().equals(playedFrom(200_000, 400_000))).toBe(true);
    one.stop();
    const gone = await told1('an rtl_tcp client is gone');
    expect(gone).toMatchObject({ station: 'adsb', bytes: 800_000, droppedBytes: 0 });
    two.stop();
    // Nobody reads any more: the source is let go of.
    await until('both are gone', () => told('an rtl_tcp client is gone').length === 2);
    clock.advance(5_001);
    expect(clock.timers).toBe(0);
  });

  it('converts another datatype to cu8 as SubscribeIQ does, and counts what it saturates', async () => {
    const port = await start(simulated);
    const reader = await client(port).served();
    const iq = await backend.client('sdr.oran.IQStreamService');
    const stream = iq.stream('SubscribeIQ', { station_id: 'sim', datatype: 'cu8', batch_size_samples: 10_000 });
    stream.on('error', () => {});
    await once(stream, 'metadata');
    clock.advance(100);
    const [frame] = await once(stream, 'data');
    await reader.has(12 + 20_000);
    expect(reader.samples().equals(frame.data)).toBe(true);
    const clipped = reader.samples().filter((value) => value === 0 || value === 255).length;
    expect(clipped).toBeGreaterThan(1_000);
    const counted = Number(
      /passband_saturated_values_total\{station_id="sim"\} (\d+)/.exec(await metrics.metrics())?.[1],
    );
    // Twice the same: for the listener and for the stream.
    expect(counted).toBeGreaterThan(1_000);
    stream.cancel();
  });

  it('leaves whole blocks out for a client that is too slow, and nothing for others', async () => {
    const port = await start(recording(LOOPBACK));
    const [fast, slow] = [await client(port).served(), await client(port).served()];
    slow.pause();
    const seconds = 10;
    for (let tenth = 1; tenth <= 10 * seconds; tenth++) {
      clock.advance(100);
      await fast.has(12 + 400_000 * tenth);
    }
    slow.resume();
    const lost = async (): Promise<number> => {
      const text = await metrics.metrics();
      return Number(/lost_total\{station_id="adsb",cause="slow_reader"\} (\d+)/.exec(text)?.[1] ?? 0);
    };
    const missing = 2 * (await lost());
    await slow.has(12 + 400_000 * 10 * seconds - missing);
    // What the systems hold on the way and 2 MiB of ours have come, the rest was dropped.
    expect(missing).toBeGreaterThan(10_000_000);
    const [all, some] = [fast.samples(), slow.samples()];
    expect(await metrics.metrics()).toContain(
      `passband_iq_sent_bytes_total{station_id="adsb"} ${all.length + some.length}\n`,
    );
    expect(some).toHaveLength(all.length - missing);
    expect(some.length % BLOCK_BYTES).toBe(0);
    let from = 0;
    for (let at = 0; at < some.length; at += BLOCK_BYTES) {
      const block = some.subarray(at, at + BLOCK_BYTES);
      while (from < all.length && !all.subarray(from, from + BLOCK_BYTES).equals(block)) from += BLOCK_BYTES;
      from += BLOCK_BYTES;
    }
    // Every block was found behind the one before it.
    expect(from).toBeLessThanOrEqual(all.length);
    expect(fast.isClosed).toBe(false);
  });

  it('cuts a client that takes nothing for half a minute', async () => {
    const port = await start(recording(LOOPBACK));
    const stuck = await client(port).served();
    stuck.pause();
    for (let second = 0; second < 45; second++) {
      clock.advance(1_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await told1('an rtl_tcp client is gone')).toMatchObject({ droppedBytes: expect.any(Number) });
  });

  it('carries out no command, and says what was asked for once', async () => {
    const port = await start(recording(LOOPBACK));
    const one = await client(port).served();
    // 433.92 MHz, in two pieces; 2 MS/s, which it has; bias tee on; and no command at all.
    const commands = Buffer.from(`0119dd0e0002001e84800e00000001${'ffffffffff'.repeat(20)}`, 'hex');
    one.send(commands.subarray(0, 3));
    one.send(commands.subarray(3));
    one.send(commands);
    const line = await told1('an rtl_tcp client asks for what the station does not do now');
    expect(line).toMatchObject({ setting: 'frequency', wantedHz: 433_917_440, stationHz: 1_090_000_000 });
    clock.advance(100);
    await one.has(12 + 400_000);
    expect(told('an rtl_tcp client asks for what the station does not do now')).toHaveLength(1);
    expect(one.samples().equals(playedFrom(0, 400_000))).toBe(true);
    const stations = await backend.client('sdr.oran.StationService');
    const { center_frequency_hz } = await stations.unary('GetStation', { station_id: 'adsb' });
    expect(center_frequency_hz).toBe(1_090_000_000);
  });

  it('cuts a client that floods it with commands, and no other', async () => {
    const port = await start(recording(LOOPBACK));
    const [flood, other] = [await client(port).served(), await client(port).served()];
    flood.send(Buffer.alloc(100_000, 1));
    await flood.closed();
    clock.advance(100);
    await other.has(12 + 400_000);
  });

  it('serves sixteen clients and no more', async () => {
    const port = await start(recording(LOOPBACK));
    for (let count = 0; count < 16; count++) await client(port).served();
    const oneTooMany = client(port);
    await oneTooMany.closed();
    expect(oneTooMany.length).toBe(0);
    clients[0]?.stop();
    await until('there is a place', () => told('an rtl_tcp client is gone').length === 1);
    await client(port).served();
  });

  it('ends its clients with the station, and serves nobody while that is stopped', async () => {
    const port = await start(recording(LOOPBACK));
    const one = await client(port).served();
    const iq = await backend.client('sdr.oran.IQStreamService');
    await iq.unary('StopStream', { station_id: 'adsb' });
    await one.closed();
    const two = client(port);
    await two.closed();
    expect(two.length).toBe(0);
    expect(told('an rtl_tcp client was turned away')).toMatchObject([
      { reason: expect.stringContaining('is stopped') },
    ]);
    await iq.unary('StartStream', { station_id: 'adsb' });
    await client(port).served();
  });

  it('waits for a port that is in use, and says so once', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    clock = new ManualClock();
    backend = await BackendUnderTest.start({ clock, stations: [recording({ ...LOOPBACK, port })] });
    const line = await until('it is told', () => backend.log.find(({ msg }) => /cannot listen/.test(String(msg))));
    expect(line).toMatchObject({ level: 50, station: 'adsb', port, err: { code: 'EADDRINUSE' } });
    expect(line?.msg).toMatch(/station adsb .* free its port or change rtl_tcp_listener/);
    clock.advance(5_000);
    other.close();
    await once(other, 'close');
    await until('it listens', () => {
      clock.advance(5_000);
      return told('rtl_tcp listener listens').length === 1;
    });
    expect(backend.log.filter(({ msg }) => /cannot listen/.test(String(msg)))).toHaveLength(1);
    await client(port).served();
  });

  it('is not opened without TLS for other machines', async () => {
    clock = new ManualClock();
    backend = await BackendUnderTest.start({ clock, stations: [recording({ host: '0.0.0.0', port: 0, tls: false })] });
    await told1('an rtl_tcp listener without TLS is for this machine alone: none is opened');
    expect(told('rtl_tcp listener listens')).toEqual([]);
  });

  it('is closed with the backend', async () => {
    const port = await start(recording(LOOPBACK));
    const one = await client(port).served();
    await backend.backend.close(1_000);
    await one.closed();
    const late = client(port);
    await late.closed();
    expect(late.length).toBe(0);
    expect(clock.timers).toBe(0);
  });
});
