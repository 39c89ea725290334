import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import type { StationConfig } from '../../src/backend/stations/station-config.ts';
import { type Probes, startProbes } from '../../src/observability/probes.ts';
import { until } from '../support/until.ts';
import { BackendUnderTest, type Caller } from './backend-under-test.ts';
import { FrameRun } from './frame-run.ts';
import { ManualClock } from './manual-clock.ts';
import { RtlTcpServer } from './rtl-tcp-server.ts';

const RATE_HZ = 1000;
/** What comes first of a dongle's connection is thrown away: 200 ms of cu8. */
const SETTLING = Buffer.alloc(400);

const sim = (stationId: string): StationConfig => ({
  stationId,
  description: 'noise',
  source: { kind: 'sim', seed: 1, noiseDbfs: -20, sampleRateHz: 10_000, centerFrequencyHz: 100e6 },
});

let clock: ManualClock;
let server: RtlTcpServer;
let backend: BackendUnderTest;
let probes: Probes;
let iq: Caller;

beforeEach(async () => {
  clock = new ManualClock();
  server = await new RtlTcpServer().listen();
  const metrics = new Registry();
  const dongle: StationConfig = {
    stationId: 'dongle',
    description: 'a receiver',
    source: {
      ...{ kind: 'rtl_tcp', host: '127.0.0.1', port: server.port },
      ...{ sampleRateHz: RATE_HZ, centerFrequencyHz: 433_920_000 },
    },
  };
  backend = await BackendUnderTest.start({ clock, metrics, stations: [sim('one'), sim('two'), dongle] });
  probes = await startProbes({ host: '127.0.0.1', port: 0, registry: metrics, ready: async () => true });
  iq = await backend.client('sdr.oran.IQStreamService');
});
afterEach(async () => {
  await backend.stop();
  await probes.close();
  await server.stop();
});

/** What a scraper sees of a metric: its value by station. */
async function scraped(name: string): Promise<Readonly<Record<string, number>>> {
  const text = await (await fetch(`http://127.0.0.1:${probes.port}/metrics`)).text();
  const values: Record<string, number> = {};
  for (const line of text.split('\n')) {
    const [, metric, station = '', value] = /^(\w+)\{station_id="([\w-]+)"\} (\S+)$/.exec(line) ?? [];
    if (metric === name) values[station] = Number(value);
  }
  return values;
}

const read = (station: string, batch: number, more: object = {}): FrameRun =>
  new FrameRun(iq.stream('SubscribeIQ', { station_id: station, batch_size_samples: batch, ...more }));

async function stat(station: string, name: string, value: number): Promise<void> {
  await until(`${name} of ${station} to be ${value}`, async () => {
    const stats = await iq.unary('GetStreamStats', { station_id: station });
    return Number(stats[name]) === value;
  });
}

const listening = (station: string, readers: number): Promise<unknown> =>
  until(`${readers} readers of ${station}`, async () => {
    const stations = await backend.client('sdr.oran.StationService');
    return (await stations.unary('GetStation', { station_id: station })).subscribers === readers;
  });

it('samples and frames are counted by station: each sample once, each frame for each of its readers', async () => {
  const readers = [read('one', 500), read('one', 2000), read('two', 1000)];
  await Promise.all([listening('one', 2), listening('two', 1)]);
  clock.advance(2370);
  const counts = [47, 11, 23];
  await until('the frames', () => readers.every(({ count }, i) => count === counts[i]));
  expect(await scraped('passband_iq_frames_sent_total')).toEqual({ one: 47 + 11, two: 23 });
  expect(await scraped('passband_samples_produced_total')).toEqual({ one: 23_700, two: 23_700 });

  // A download has no frames, and makes no samples of its own.
  await iq.takeWhile('DownloadIQ', { station_id: 'two', samples: '5000', from: 'earliest' }, () => true);
  clock.advance(130);
  await until('the next frames', () => readers.every(({ count }, i) => count === [50, 12, 25][i]));
  expect(await scraped('passband_iq_frames_sent_total')).toEqual({ one: 50 + 12, two: 25 });
  expect(await scraped('passband_samples_produced_total')).toEqual({ one: 25_000, two: 25_000 });
  for (const name of ['passband_source_faults_total', 'passband_samples_suspected_lost_total']) {
    expect(await scraped(name)).toEqual({});
  }
  for (const { stream } of readers) stream.cancel();
});

it('samples that seem to be lost are counted as those that never came, and none where all came', async () => {
  const reader = read('dongle', RATE_HZ);
  await server.connected();
  server.send(SETTLING);
  let came = 0;
  const second = async (): Promise<void> => {
    clock.advance(1000);
    server.send(Buffer.alloc(2 * RATE_HZ));
    came += RATE_HZ;
    await stat('dongle', 'total_samples_sent', came);
  };
  // More than a window in which arrivals are watched.
  for (let i = 0; i < 12; i++) await second();
  expect(await scraped('passband_samples_suspected_lost_total')).toEqual({});
  // Two seconds never come, and then three, and nobody says so.
  for (const [lostS, expected] of [
    [2, 2000],
    [3, 5000],
  ] as const) {
    clock.advance(lostS * 1000);
    for (let i = 0; i < 25; i++) await second();
    expect(await scraped('passband_samples_suspected_lost_total')).toEqual({ dongle: expected });
  }
  expect(await scraped('passband_samples_produced_total')).toEqual({ dongle: came });
  reader.stream.cancel();
});

it('a source that fails is counted once, however often it is tried again, and again when it fails again', async () => {
  const retries = (): number => backend.log.filter(({ msg }) => msg === 'no samples from the rtl_tcp server').length;
  for (const faults of [1, 2]) {
    const connected = server.accepted + 1;
    const reader = read('dongle', 100);
    await server.connected(connected);
    server.send(Buffer.concat([SETTLING, Buffer.alloc(200)]));
    await stat('dongle', 'total_samples_sent', 100);
    expect(await scraped('passband_source_faults_total')).toEqual(faults === 1 ? {} : { dongle: 1 });

    await server.stop();
    expect(await reader.end).toMatchObject({ code: 14 });
    const before = retries();
    clock.advance(60_000);
    await until('it is tried again', () => retries() > before);
    expect(await scraped('passband_source_faults_total')).toEqual({ dongle: faults });

    await server.listen();
    // Its samples come again while nobody reads, which is no fault.
    if (faults === 2) return;
    const again = server.accepted + 1;
    await until('it is connected', () => {
      clock.advance(1000);
      return server.accepted >= again;
    });
    await iq.unary('StopStream', { station_id: 'dongle' });
    await until('it has let go', () => server.open === 0);
    await iq.unary('StartStream', { station_id: 'dongle' });
  }
});
