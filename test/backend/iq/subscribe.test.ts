import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { ClientReadableStream } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { DEFAULT_STATIONS } from '../../../src/backend/stations/default-stations.ts';
import { makeTestPki, type TestPki } from '../../support/pki.ts';
import { BackendUnderTest, type Caller, fixture, type Message } from '../backend-under-test.ts';
import { ManualClock } from '../manual-clock.ts';

/** What a test looks at in a frame. */
interface Frame {
  readonly sequence: number;
  readonly index: number;
  readonly lost: number;
  readonly data: Buffer;
}

const frameOf = (message: Message): Frame => ({
  sequence: Number(message.sequence_number),
  index: Number(message.sample_index),
  lost: Number(message.lost_samples),
  data: message.data ?? Buffer.alloc(0),
});

/** A subscription whose frames are collected as they come. */
class Collector {
  readonly frames: Frame[] = [];
  readonly stream: ClientReadableStream<Message>;
  readonly status: Promise<{ readonly code: number; readonly details: string }>;
  #ended = false;

  constructor(stream: ClientReadableStream<Message>) {
    this.stream = stream;
    this.status = new Promise((resolve) => {
      stream.on('status', ({ code, details }) => {
        this.#ended = true;
        resolve({ code, details });
      });
    });
    stream.on('error', () => undefined);
    stream.on('data', (message: Message) => this.frames.push(frameOf(message)));
  }

  /** Waits until the frame before this sample index has come. */
  async until(index: number, batchSize: number): Promise<void> {
    while ((this.frames.at(-1)?.index ?? -1) + 2 * batchSize <= index) {
      if (this.#ended) throw new Error('the stream has ended');
      await once(this.stream, 'data');
    }
  }
}

/** Compared as bytes: Jest's equality takes seconds for megabytes. */
function expectSame(actual: readonly Frame[], expected: readonly Frame[]): void {
  expect(actual.map(({ sequence }) => sequence)).toEqual(expected.map(({ sequence }) => sequence));
  expect(actual.every(({ data }, i) => expected[i]?.data.equals(data))).toBe(true);
}

describe('SubscribeIQ', () => {
  let pki: TestPki;
  let clock: ManualClock;
  let backend: BackendUnderTest;
  let metrics: Registry;
  let iq: Caller;

  beforeAll(async () => {
    pki = await makeTestPki();
  });
  afterAll(() => pki.remove());
  beforeEach(async () => {
    clock = new ManualClock();
    metrics = new Registry();
    backend = await BackendUnderTest.start({ pki, clock, metrics, stations: DEFAULT_STATIONS });
    iq = await backend.client('sdr.oran.IQStreamService');
  });
  afterEach(() => backend.stop());

  /** Subscribes, and waits until the backend has accepted. */
  async function subscribe(request: object, caller = iq): Promise<Collector> {
    const collector = new Collector(caller.stream('SubscribeIQ', request));
    await once(collector.stream, 'metadata');
    return collector;
  }

  it('says that it has accepted before there is a first frame', async () => {
    const reader = await subscribe({ station_id: 'sim-1' });
    expect(reader.frames).toHaveLength(0);
    reader.stream.cancel();
  });

  it('plays the recording byte for byte, round after round', async () => {
    const recording = await fixture('modes1.sigmf-data');
    clock.advance(12_345);
    const reader = await subscribe({ station_id: 'adsb', batch_size_samples: 3000 });
    clock.advance(600);
    await reader.until((12.345 + 0.6) * 2e6, 3000);
    const received = Buffer.concat(reader.frames.map(({ data }) => data));
    // Turned so that it begins where the recording begins.
    const offset = ((reader.frames[0]?.index ?? 0) * 2) % recording.length;
    const begin = recording.length - offset;
    const sha512 = (bytes: Buffer): string => createHash('sha512').update(bytes).digest('hex');
    expect(received.length).toBeGreaterThan(begin + 2 * recording.length);
    for (const round of [0, 1]) {
      const from = begin + round * recording.length;
      expect(sha512(received.subarray(from, from + recording.length))).toBe(sha512(recording));
    }
    reader.stream.cancel();
  });

  it('numbers frames by position, alike for every reader', async () => {
    clock.advance(777);
    const [one, two] = [
      await subscribe({ station_id: 'sim-1', batch_size_samples: 1000 }),
      await subscribe({ station_id: 'sim-1', batch_size_samples: 1000 }),
    ];
    clock.advance(50);
    await Promise.all([one.until(827_000, 1000), two.until(827_000, 1000)]);
    expect(one.frames[0]).toMatchObject({ sequence: 777, index: 777_000, lost: 0 });
    one.frames.forEach(({ sequence, index, lost }, i) => {
      expect([sequence, index, lost]).toEqual([777 + i, (777 + i) * 1000, 0]);
    });
    expectSame(two.frames, one.frames);
    for (const { stream } of [one, two]) stream.cancel();
  });

  it.each([
    ['ci16_le', 4],
    ['ci8', 2],
    ['cu8', 2],
    ['cf32_le', 8],
  ])('delivers %s at %i bytes a sample', async (datatype, bytes) => {
    const reader = await subscribe({ station_id: 'sim-1', datatype, batch_size_samples: 500 });
    clock.advance(20);
    await reader.until(20_000, 500);
    expect(reader.frames[0]?.data).toHaveLength(500 * bytes);
    reader.stream.cancel();
  });

  it('loses for a slow reader exactly what it says, and nothing for the others', async () => {
    const batch = 50_000;
    const slowCaller = await backend.client('sdr.oran.IQStreamService');
    const late = await subscribe({ station_id: 'sim-1', batch_size_samples: batch }, slowCaller);
    const fast = await subscribe({ station_id: 'sim-1', batch_size_samples: batch });
    clock.advance(50);
    await late.until(50_000, batch);
    // A grpc-js client holds the server back only once it has begun to read.
    late.stream.pause();
    clock.advance(450);
    // 20 s of samples: four times the ring.
    for (let ms = 1000; ms <= 20_000; ms += 500) {
      clock.advance(500);
      await fast.until(ms * 1000, batch);
    }
    expect(fast.frames.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 400 }, (_, i) => i));
    expect(fast.frames.every(({ lost }) => lost === 0)).toBe(true);

    late.stream.resume();
    await late.until(20e6, batch);
    const jumps = late.frames.map(({ sequence, lost }, i) => {
      const missing = sequence - (late.frames[i - 1]?.sequence ?? -1) - 1;
      expect(lost).toBe(missing * batch);
      return missing;
    });
    const missed = jumps.reduce((sum, jump) => sum + jump, 0);
    expect(missed).toBeGreaterThan(100);
    expect(late.frames.length + missed).toBe(400);
    // What did come is what everyone else got.
    for (const { sequence, data } of late.frames) expect(fast.frames[sequence]?.data.equals(data)).toBe(true);

    const stats = await iq.unary('GetStreamStats', { station_id: 'sim-1' });
    expect(Number(stats.packets_lost)).toBe(missed);
    expect(Number(stats.packets_sent)).toBe(400 + late.frames.length);
    expect(Number(stats.total_samples_sent)).toBe(20e6);
    expect(await metrics.metrics()).toContain(
      `passband_samples_lost_total{station_id="sim-1",cause="slow_reader"} ${missed * batch}`,
    );
    for (const { stream } of [fast, late]) stream.cancel();
  });

  it('never lets a frame span a gap of the source, and tells the loss', async () => {
    const reader = await subscribe({ station_id: 'adsb', batch_size_samples: 8192 });
    clock.advance(100);
    await reader.until(200_000, 8192);
    const whole = reader.frames.length;
    expect(whole).toBe(Math.floor(200_000 / 8192));
    clock.stall(4000);
    await reader.until(8_200_000, 8192);
    const recording = await fixture('modes1.sigmf-data');
    // The samples from 200,000 to 6,200,000 were never made: a second of the four is made up for. All others come.
    const [before, after] = reader.frames.slice(whole);
    expect(before).toMatchObject({ sequence: whole, index: whole * 8192, lost: 0 });
    expect(before?.data.length).toBe(2 * (200_000 - whole * 8192));
    expect(after).toMatchObject({ sequence: Math.floor(6_200_000 / 8192), index: 6_200_000, lost: 6_000_000 });
    expect((6_200_000 + (after?.data.length ?? 0) / 2) % 8192).toBe(0);
    for (const { index, data } of reader.frames) {
      const expected = Buffer.from(data.map((_, i) => recording[(2 * index + i) % recording.length] ?? 0));
      expect(data.equals(expected)).toBe(true);
    }
    expect(await metrics.metrics()).toContain(
      'passband_samples_lost_total{station_id="adsb",cause="source_gap"} 6000000',
    );
    reader.stream.cancel();
  });

  it('resumes after a sequence number with the same bytes', async () => {
    const request = { station_id: 'sim-1', batch_size_samples: 2000 };
    const first = await subscribe(request);
    clock.advance(100);
    await first.until(100_000, 2000);
    first.stream.cancel();
    clock.advance(100);
    const second = await subscribe({ ...request, after_sequence: '9' });
    await second.until(200_000, 2000);
    expect(second.frames[0]).toMatchObject({ sequence: 10, lost: 0 });
    expectSame(second.frames.slice(0, 40), first.frames.slice(10));
    second.stream.cancel();
  });

  it('resumes with the oldest it has when that is too long ago, and says what is missing', async () => {
    const keeper = await subscribe({ station_id: 'sim-1', batch_size_samples: 100_000 });
    clock.advance(9000);
    await keeper.until(9e6, 100_000);
    const reader = await subscribe({ station_id: 'sim-1', batch_size_samples: 100_000, after_sequence: '3' });
    await reader.until(9e6, 100_000);
    // The ring holds 5 s; the oldest whole frame in it is number 40.
    const oldest = 40;
    expect(reader.frames[0]).toMatchObject({ sequence: oldest, lost: (oldest - 4) * 100_000 });
    for (const { stream } of [keeper, reader]) stream.cancel();
  });

  it.each(['5000000000', '18446744073709551615'])(
    'begins live after a number from before a restart: %s',
    async (after) => {
      clock.advance(1000);
      const reader = await subscribe({ station_id: 'sim-1', batch_size_samples: 1000, after_sequence: after });
      clock.advance(20);
      await reader.until(1_020_000, 1000);
      expect(reader.frames[0]).toMatchObject({ sequence: 1000, lost: 0 });
      reader.stream.cancel();
    },
  );

  it('begins with the oldest frame on request', async () => {
    const keeper = await subscribe({ station_id: 'sim-1', batch_size_samples: 1000 });
    clock.advance(300);
    await keeper.until(300_000, 1000);
    const reader = await subscribe({ station_id: 'sim-1', batch_size_samples: 1000, start: 'EARLIEST' });
    await reader.until(300_000, 1000);
    expect(reader.frames[0]).toMatchObject({ sequence: 0, lost: 0 });
    expect(reader.frames).toHaveLength(300);
    for (const { stream } of [keeper, reader]) stream.cancel();
  });

  it('ends its readers in good order when the station is stopped', async () => {
    const reader = await subscribe({ station_id: 'sim-1' });
    const stopped = await iq.unary('StopStream', { station_id: 'sim-1' });
    expect(stopped).toMatchObject({ success: true, start_time_ns: '0' });
    expect(await reader.status).toMatchObject({ code: 0 });
    expect(clock.timers).toBe(0);
  });

  it('ends its readers with UNAVAILABLE when the backend is closed', async () => {
    const reader = await subscribe({ station_id: 'sim-1' });
    clock.advance(50);
    await reader.until(50_000, 8192);
    await backend.backend.close(5000);
    expect(await reader.status).toMatchObject({ code: 14 });
    expect(clock.timers).toBe(0);
  });

  it('cuts a reader that does not read when the backend is closed', async () => {
    const reader = await subscribe({ station_id: 'sim-1', batch_size_samples: 50_000 });
    clock.advance(50);
    await reader.until(50_000, 50_000);
    reader.stream.pause();
    clock.advance(15_000);
    await backend.backend.close(200);
    reader.stream.resume();
    expect(await reader.status).not.toMatchObject({ code: 0 });
    expect(reader.frames.length).toBeLessThan(200);
  });

  it('makes nothing while nobody reads, and leaves no trace of readers that went', async () => {
    clock.advance(60_000);
    expect(clock.timers).toBe(0);
    const reader = await subscribe({ station_id: 'sim-1' });
    clock.advance(100);
    await reader.until(60_100_000, 8192);
    expect(reader.frames[0]?.index).toBeGreaterThanOrEqual(60_000_000);
    reader.stream.cancel();
    await reader.status;
    const stations = await backend.client('sdr.oran.StationService');
    // The backend sees the cancellation on the same connection before this call.
    const readers = async (): Promise<unknown> =>
      (await stations.unary('GetStation', { station_id: 'sim-1' })).subscribers;
    while ((await readers()) !== 0);
    clock.advance(5001);
    expect(clock.timers).toBe(0);
  });

  it('goes on at another rate and frequency after a retune, in frames of one tuning only', async () => {
    const reader = await subscribe({ station_id: 'sim-1', batch_size_samples: 1000 });
    const tunings: unknown[][] = [];
    reader.stream.on('data', (message: Message) => tunings.push([message.sample_rate, message.center_frequency_hz]));
    clock.advance(50.5);
    await reader.until(50_500, 1000);
    await iq.unary('StartStream', { station_id: 'sim-1', sample_rate: 2e6, center_frequency_hz: 433e6 });
    clock.advance(60);
    await reader.until(150_500, 1000);
    // Frame 50 would have mixed the two: it ends with the old tuning, and what is left of it begins frame 51.
    expect(tunings[50]).toEqual([1e6, 100e6]);
    expect(tunings[51]).toEqual([2e6, 433e6]);
    expect(reader.frames.slice(50, 53).map(({ sequence, index, lost }) => [sequence, index, lost])).toEqual([
      [50, 50_000, 0],
      [51, 50_500, 0],
      [52, 52_000, 0],
    ]);
    reader.stream.cancel();
  });
});
