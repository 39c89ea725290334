import { once } from 'node:events';
import type { ClientReadableStream } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { StationConfig } from '../../../src/backend/stations/station-config.ts';
import { until } from '../../support/until.ts';
import { BackendUnderTest, type Caller, type Message } from '../backend-under-test.ts';
import { ManualClock } from '../manual-clock.ts';

const RATE_HZ = 10_000;
/** A frame lasts 50 ms, and is 4000 bytes: all of a test is less than what may be on its way to a reader. */
const BATCH = 500;
/** The ring holds ten frames. */
const RING_BYTES = 40_000;
const SIM: StationConfig = {
  stationId: 'sim',
  description: 'noise',
  source: { kind: 'sim', seed: 1, noiseDbfs: -20, sampleRateHz: RATE_HZ, centerFrequencyHz: 100e6 },
  ring: { bytes: RING_BYTES },
};

let clock: ManualClock;
let backend: BackendUnderTest;
let iq: Caller;

beforeEach(async () => {
  clock = new ManualClock();
  backend = await BackendUnderTest.start({ clock, stations: [SIM] });
  iq = await backend.client('sdr.oran.IQStreamService');
});
afterEach(() => backend.stop());

/** A reader, and what each of its frames tells: how long it had been there when it was sent, by the test's own clock. */
class Reader {
  bytes = 0;
  frames = 0;
  lostSamples = 0;
  waitedMs = 0;
  readonly #stream: ClientReadableStream<Message>;

  /** @param sentMs when frames are sent, where that is not as soon as they are whole. */
  private constructor(stream: ClientReadableStream<Message>, sentMs: number | undefined) {
    this.#stream = stream;
    stream.on('error', () => undefined);
    stream.on('data', ({ data, sample_index, sample_count, lost_samples }: Message) => {
      // Samples are made by the clock from its beginning on: the last of a frame comes when they are that many.
      const wholeMs = ((Number(sample_index) + Number(sample_count)) / RATE_HZ) * 1000;
      this.frames++;
      this.bytes += data?.length ?? 0;
      this.lostSamples += Number(lost_samples);
      if (sentMs !== undefined) this.waitedMs += sentMs - wholeMs;
    });
  }

  static async open(request: object, sentMs?: number): Promise<Reader> {
    const stream = iq.stream('SubscribeIQ', { station_id: 'sim', batch_size_samples: BATCH, ...request });
    const reader = new Reader(stream, sentMs);
    await once(stream, 'metadata');
    return reader;
  }

  has(frames: number): Promise<unknown> {
    return until(
      `${frames} frames`,
      () => this.frames,
      (seen) => seen === frames,
    );
  }

  leave(): void {
    this.#stream.cancel();
  }
}

const stats = (): Promise<Message> => iq.unary('GetStreamStats', { station_id: 'sim' });

it('rates, latency, loss and uptime are those of what every reader was given, by the clock', async () => {
  const live = await Reader.open({});
  clock.advance(1250);
  await live.has(25);
  // Two who come late to what the ring still has; the second wanted ten frames more, which it has not.
  const late = await Reader.open({ start: 'EARLIEST' }, 1250);
  const missing = await Reader.open({ after_sequence: '4' }, 1250);
  await Promise.all([late.has(10), missing.has(10)]);
  for (const reader of [late, missing]) reader.leave();
  const stations = await backend.client('sdr.oran.StationService');
  await until('they are gone', async () => {
    const { subscribers } = await stations.unary('GetStation', { station_id: 'sim' });
    return subscribers === 1;
  });
  clock.advance(2740);
  await live.has(79);

  const readers = [live, late, missing];
  const sum = (of: (reader: Reader) => number): number => readers.reduce((total, reader) => total + of(reader), 0);
  const [frames, bytes, waitedMs] = [sum((r) => r.frames), sum((r) => r.bytes), sum((r) => r.waitedMs)];
  const framesLost = sum((r) => r.lostSamples) / BATCH;
  // What the test has done, in figures: 450 + 400 + … + 0 ms for each of the two, and none for who was there.
  expect([frames, bytes, waitedMs, framesLost]).toEqual([99, 396_000, 4500, 10]);
  const seen = await stats();
  expect(seen).toMatchObject({
    packets_sent: '99',
    total_bytes_sent: '396000',
    packets_lost: '10',
    uptime_seconds: '3',
  });
  expect(seen.average_throughput_mbps).toBeCloseTo((396_000 * 8) / 3.99 / 1e6, 9);
  expect(seen.average_latency_ms).toBeCloseTo(4500 / 99, 9);
  expect(seen.packet_loss_rate).toBeCloseTo(10 / 109, 9);
  expect(seen.total_samples_sent).toBe('39900');
});

it('they begin anew with the stream, at nothing', async () => {
  const before = await Reader.open({});
  clock.advance(1990);
  await before.has(39);
  // Before it is a whole second more, it is not counted as one.
  expect(await stats()).toMatchObject({ uptime_seconds: '1', packet_loss_rate: 0, average_latency_ms: 0 });
  clock.advance(10);
  expect(await stats()).toMatchObject({ uptime_seconds: '2' });
  await iq.unary('StopStream', { station_id: 'sim' });
  clock.advance(5000);
  await iq.unary('StartStream', { station_id: 'sim' });
  const nothing = { uptime_seconds: '0', average_throughput_mbps: 0, average_latency_ms: 0, packet_loss_rate: 0 };
  expect(await stats()).toMatchObject({ ...nothing, packets_sent: '0', total_bytes_sent: '0' });

  const after = await Reader.open({});
  clock.advance(1500);
  await after.has(30);
  const seen = await stats();
  expect(seen).toMatchObject({ uptime_seconds: '1', packets_sent: '30', total_bytes_sent: '120000' });
  expect(seen.average_throughput_mbps).toBeCloseTo((120_000 * 8) / 1.5 / 1e6, 9);
});
