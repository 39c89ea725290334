import { zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { compressFrameSync } from 'lz4-napi';
import { Registry } from 'prom-client';
import { until } from '../../../support/until.ts';
import { BackendUnderTest, type Caller, type Message, refusal } from '../../backend-under-test.ts';
import { ManualClock } from '../../manual-clock.ts';
import { batchOf, bytesOf, PushingClient, pushStation, RATE, RING_SECONDS, ramp } from './producer-under-test.ts';

const metrics = new Registry();
let clock: ManualClock;
let backend: BackendUnderTest;
let client: Caller;

beforeAll(async () => {
  clock = new ManualClock();
  backend = await BackendUnderTest.start({
    clock,
    metrics,
    stations: [pushStation('fast'), pushStation('long'), pushStation('set'), pushStation('ints', 'ci16_le')],
  });
  client = await backend.client('sdr.oran.IQStreamService');
});
afterAll(() => backend?.stop());

/** Collects the samples of a live reader from the first on. */
function collect(stationId: string): { readonly chunks: Buffer[]; readonly losses: unknown[]; stop(): void } {
  const stream = client.stream('SubscribeIQ', { station_id: stationId, batch_size_samples: 1000, start: 'EARLIEST' });
  const chunks: Buffer[] = [];
  const losses: unknown[] = [];
  stream.on('data', ({ data, lost_samples }: Message) => {
    chunks.push(data ?? Buffer.alloc(0));
    losses.push(lost_samples);
  });
  stream.on('error', () => undefined);
  return { chunks, losses, stop: () => stream.cancel() };
}

/** Lets time pass, but only while a producer is kept waiting (beyond `timers`), until there are so many of something. */
async function advanceUntil(timers: number, count: () => number, wanted: number): Promise<number> {
  const startMs = clock.nowMs();
  const deadlineMs = Date.now() + 15_000;
  while (count() < wanted) {
    if (Date.now() > deadlineMs) throw new Error(`${count()} of ${wanted} came`);
    if (clock.timers > timers) clock.advance(1);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return clock.nowMs() - startMs;
}

describe('a producer that sends faster than real time', () => {
  it('is slowed to it by flow control, and every sample arrives at a reader', async () => {
    const BATCHES = 1000;
    const producer = new PushingClient(client);
    await producer.push(batchOf('fast', 0));
    const reader = collect('fast');
    await until('the first frame', () => reader.chunks.length === 1);
    const { timers } = clock;
    // A second of samples, a millisecond each, at once.
    for (let n = 1; n < BATCHES; n++) producer.send(batchOf('fast', n));
    // What it may be ahead, and what it may have been behind: a quarter of the ring for each.
    const leewayBatches = RING_SECONDS * 1000 * (1 / 4 + 1 / 4) + 1;
    await until(
      'what is let in at once',
      () => producer.acks.length,
      (acks) => acks >= 0.8 * leewayBatches,
    );
    // Time stands still: nothing more is taken, however long the producer tries.
    for (let i = 0; i < 200; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(producer.acks.length).toBeLessThanOrEqual(1.05 * leewayBatches);

    const tookMs = await advanceUntil(timers, () => reader.chunks.length, BATCHES);
    expect(producer.acks.at(-1)).toMatchObject({ acked_sequence: '999', packets_received: '1000', packets_lost: '0' });
    // In real time but for the leeway, a hundredth faster.
    expect(tookMs).toBeGreaterThan((BATCHES - leewayBatches) / 1.011);
    expect(tookMs).toBeLessThan(BATCHES);
    expect(new Set(reader.losses)).toEqual(new Set(['0']));
    expect(Buffer.concat(reader.chunks).equals(bytesOf(ramp(0, BATCHES * 1000)))).toBe(true);
    reader.stop();
    await producer.end();
  });

  it('may send batches longer than the ring: they go on in time, and none of their samples is lost', async () => {
    const COUNT = 2 * RING_SECONDS * RATE;
    const producer = new PushingClient(client);
    await producer.push(batchOf('long', 0, {}, 1000));
    const reader = collect('long');
    await until('the first frame', () => reader.chunks.length === 1);
    const { timers } = clock;
    const samples = ramp(1000, COUNT);
    producer.send({
      ...batchOf('long', 1, {}, 1000),
      compressed_samples: zstdCompressSync(bytesOf(samples)),
      samples: [],
    });
    await advanceUntil(timers, () => reader.chunks.length, 1 + COUNT / 1000);
    await producer.acked(2);
    expect(new Set(reader.losses)).toEqual(new Set(['0']));
    expect(Buffer.concat(reader.chunks).equals(bytesOf(ramp(0, 1000 + COUNT)))).toBe(true);
    reader.stop();
    await producer.end();
  });
});

describe('StartStream of a station whose samples are pushed', () => {
  const start = (request: object): Promise<unknown> => client.unary('StartStream', { station_id: 'set', ...request });
  const TUNING = { sample_rate: 2 * RATE, center_frequency_hz: 433e6 };

  it('announces compression, rate and frequency; the batches are held to the first and bring the others', async () => {
    await start({ ...TUNING, batch_size_samples: 500, enable_compression: true, compression: 'ZSTD' });
    const samples = bytesOf(ramp(0, 1000));
    const lz4 = { samples: [], compressed_samples: compressFrameSync(samples), sample_rate: 0, center_frequency_hz: 0 };
    const wrong = new PushingClient(client);
    wrong.send(batchOf('set', 0, lz4));
    expect(await wrong.ended).toMatch(/^3: compressed_samples is LZ4, and StartStream has announced ZSTD/);

    const producer = new PushingClient(client);
    await producer.push(batchOf('set', 0, { ...lz4, compressed_samples: zstdCompressSync(samples) }));
    const [frame] = await client.take('SubscribeIQ', { station_id: 'set', start: 'EARLIEST' }, 1);
    expect(frame).toMatchObject({ sample_count: 500, data: samples.subarray(0, 4000), ...TUNING });

    // With a producer its batches rule; what is so already may be asked for.
    await start(TUNING);
    expect(await refusal(start({ sample_rate: RATE }))).toMatch(/^9: .* the rate and the frequency that its producer/);
    expect(await refusal(start({ gain_db: 3 }))).toMatch(/^9: a push source has no gain/);
    await start({});
    await producer.push(batchOf('set', 1, { ...lz4, sample_rate: RATE }));
    expect(await producer.end()).toBe('0: OK');
  });

  it('says that a compression which is not enabled has no effect, and holds no batch to it', async () => {
    const { message } = (await start({ ...TUNING, compression: 'ZSTD' })) as { readonly message: string };
    expect(message).toMatch(/ samples\/s at \d+ Hz; compression ZSTD has no effect without enable_compression$/);
    const samples = bytesOf(ramp(0, 1000));
    const producer = new PushingClient(client);
    await producer.push(batchOf('set', 0, { samples: [], compressed_samples: compressFrameSync(samples), ...TUNING }));
    expect(await producer.end()).toBe('0: OK');
    // Nothing is said where nothing was asked for, or it is in force.
    for (const request of [{}, { enable_compression: true, compression: 'ZSTD' }]) {
      expect(await start(request)).toMatchObject({ message: expect.stringMatching(/ at \d+ Hz$/) });
    }
  });

  it('refuses a compression that is none', async () => {
    expect(await refusal(start({ enable_compression: true }))).toMatch(/^3: compression must be ZSTD or LZ4/);
    expect(await refusal(start({ enable_compression: true, compression: 9 }))).toMatch(
      /^3: compression must be one of/,
    );
  });
});

it('a station may keep pushed samples in a datatype of its own', async () => {
  const producer = new PushingClient(client);
  await producer.push(batchOf('ints', 0, { samples: [0, 1, -1, 0.5, 2, -2, ...ramp(0, 97)] }));
  const request = { station_id: 'ints', batch_size_samples: 100, start: 'EARLIEST' };
  const [frame] = await client.take('SubscribeIQ', request, 1);
  expect(frame).toMatchObject({ datatype: 'ci16_le', sample_count: 100 });
  const values = Int16Array.from([0, 32_767, -32_767, 16_384, 32_767, -32_768]);
  expect(frame?.data?.subarray(0, 12)).toEqual(Buffer.from(values.buffer));
  // 2 and -2 did not fit.
  expect(await client.unary('GetStreamStats', { station_id: 'ints' })).toMatchObject({ saturated_values: '2' });
  expect(await metrics.getSingleMetric('passband_saturated_values_total')?.get()).toMatchObject({
    values: [{ labels: { station_id: 'ints' }, value: 2 }],
  });
  await producer.end();
});
