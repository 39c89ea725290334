import { once } from 'node:events';
import type { ClientReadableStream } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { decimationNeeds, planDecimation } from '../../../src/backend/dsp/decimation-plan.ts';
import { DownConverter } from '../../../src/backend/dsp/down-converter.ts';
import { tunedBand } from '../../../src/backend/iq/tuned/tuned-band.ts';
import { DEFAULT_STATIONS } from '../../../src/backend/stations/default-stations.ts';
import { makeTestPki, type TestPki } from '../../support/pki.ts';
import { BackendUnderTest, type Caller, type Message } from '../backend-under-test.ts';
import { ManualClock } from '../manual-clock.ts';

/** A subscription whose frames are collected as they come. */
class Reader {
  readonly frames: Message[] = [];
  readonly stream: ClientReadableStream<Message>;
  readonly status: Promise<{ readonly code: number; readonly details: string }>;
  #ended = false;

  constructor(stream: ClientReadableStream<Message>) {
    this.stream = stream;
    stream.on('error', () => undefined);
    stream.on('data', (message: Message) => this.frames.push(message));
    this.status = new Promise((resolve) => {
      stream.on('status', ({ code, details }) => {
        this.#ended = true;
        resolve({ code, details });
      });
    });
  }

  /** Waits until a sample of this index or a later one has come. */
  async until(sampleIndex: number): Promise<void> {
    while (this.end <= sampleIndex) {
      if (this.#ended) throw new Error(`the stream has ended: ${(await this.status).details}`);
      await Promise.race([once(this.stream, 'data'), this.status]);
    }
  }

  /** Index after the last sample that came. */
  get end(): number {
    const last = this.frames.at(-1);
    return last === undefined ? 0 : Number(last.sample_index) + Number(last.sample_count);
  }

  get first(): number {
    return Number(this.frames[0]?.sample_index);
  }

  /** Bytes of the samples from an index on, up to another. */
  bytes(from = this.first, to = this.end): Buffer {
    const all = Buffer.concat(this.frames.map(({ data }) => data ?? Buffer.alloc(0)));
    return all.subarray((from - this.first) * 8, (to - this.first) * 8);
  }

  get lost(): number {
    return this.frames.reduce((sum, frame) => sum + Number(frame.lost_samples), 0);
  }
}

describe('SubscribeIQ of a part of the band', () => {
  let pki: TestPki;
  let clock: ManualClock;
  let backend: BackendUnderTest;
  let iq: Caller;
  let stations: Caller;

  beforeAll(async () => {
    pki = await makeTestPki();
  });
  afterAll(() => pki.remove());
  beforeEach(async () => {
    clock = new ManualClock();
    backend = await BackendUnderTest.start({ pki, clock, stations: DEFAULT_STATIONS });
    iq = await backend.client('sdr.oran.IQStreamService');
    stations = await backend.client('sdr.oran.StationService');
  });
  afterEach(() => backend.stop());

  async function subscribe(request: object): Promise<Reader> {
    const reader = new Reader(iq.stream('SubscribeIQ', request));
    await Promise.race([once(reader.stream, 'metadata'), reader.status]);
    return reader;
  }

  /** Waits until the station has so many readers. */
  async function readersBecome(count: number, stationId = 'sim-1'): Promise<void> {
    while ((await stations.unary('GetStation', { station_id: stationId })).subscribers !== count);
  }

  /** The part of a band that the samples of the whole give, by the same filters. */
  function filtered(whole: Reader, offsetHz: number, rateHz: number, decimation: number): (n: number) => Buffer {
    const converter = new DownConverter(planDecimation(decimation), offsetHz, rateHz);
    converter.restart(whole.first);
    const input = Uint8Array.from(whole.bytes());
    const { firstIndex, samples } = converter.push(new Float32Array(input.buffer), input.length / 8);
    const output = Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
    return (n) => output.subarray((n - firstIndex) * 8);
  }

  it.each([
    ['sim-1', 1e6, 100e6, 250_000.5, 10],
    ['sim-1', 1e6, 100e6, -187_500, 8],
    ['adsb', 2e6, 1_090_000_000, 500_000, 25],
  ])('of %s is the filtered band, sample by sample', async (stationId, rate, center, offsetHz, decimation) => {
    const whole = await subscribe({ station_id: stationId, datatype: 'cf32_le', batch_size_samples: 1000 });
    clock.advance(20);
    const part = await subscribe({
      station_id: stationId,
      frequency_offset_hz: offsetHz,
      output_rate: rate / decimation,
      batch_size_samples: 500,
    });
    clock.advance(150);
    const end = 0.165 * (rate / decimation) - 500;
    await part.until(end - 1);
    await whole.until(0.165 * rate);
    expect(part.frames[0]).toMatchObject({
      datatype: 'cf32_le',
      sample_rate: rate / decimation,
      center_frequency_hz: center + offsetHz,
      epoch: whole.frames[0]?.epoch,
      lost_samples: '0',
    });
    part.frames.forEach((frame, i) => {
      expect(Number(frame.sample_index)).toBe(part.first + 500 * i);
      expect(Number(frame.sequence_number)).toBe(part.first / 500 + i);
      const ns = (Number(frame.sample_index) * decimation * 1e9) / rate;
      expect(Number(BigInt(String(frame.timestamp_ns)) - ManualClock.START_NS)).toBeCloseTo(ns, -1);
    });
    const expected = filtered(whole, offsetHz, rate, decimation)(part.first);
    const received = part.bytes();
    const common = Math.min(received.length, expected.length);
    expect(common).toBeGreaterThan(40_000);
    expect(received.subarray(0, common).equals(expected.subarray(0, common))).toBe(true);
    for (const { stream } of [whole, part]) stream.cancel();
  });

  it('is converted to the datatype that is asked for', async () => {
    const request = { station_id: 'sim-1', output_rate: 100_000, batch_size_samples: 100 };
    const [floats, integers] = [await subscribe(request), await subscribe({ ...request, datatype: 'ci16_le' })];
    clock.advance(100);
    await Promise.all([floats.until(5000), integers.until(5000)]);
    const exact = new Float32Array(Uint8Array.from(floats.frames[5]?.data ?? []).buffer);
    const rounded = new Int16Array(Uint8Array.from(integers.frames[5]?.data ?? []).buffer);
    expect(rounded).toHaveLength(200);
    rounded.forEach((value, i) => {
      expect(value).toBe(Math.floor(32_767 * (exact[i] ?? 0) + 0.5));
    });
    for (const { stream } of [floats, integers]) stream.cancel();
  });

  const part = { station_id: 'sim-1', output_rate: 100_000, frequency_offset_hz: -300_000, batch_size_samples: 200 };

  it('goes on after a sequence number with the same bytes', async () => {
    const keeper = await subscribe({ station_id: 'sim-1' });
    const first = await subscribe(part);
    clock.advance(200);
    await first.until(19_000);
    first.stream.cancel();
    await readersBecome(1);
    const again = await subscribe({ ...part, after_sequence: '40' });
    await again.until(18_999);
    expect(again.frames[0]).toMatchObject({ sequence_number: '41', lost_samples: '0' });
    expect(again.bytes(8200, 19_000).equals(first.bytes(8200, 19_000))).toBe(true);
    again.stream.cancel();
    keeper.stream.cancel();
  });

  it('computes the past anew, bit for bit, for who asks for it', async () => {
    const keeper = await subscribe({ station_id: 'sim-1' });
    clock.advance(100);
    const first = await subscribe(part);
    clock.advance(200);
    await first.until(29_000);
    expect(first.first).toBe(10_000);
    // The samples of the band are held since the keeper came: before there was a reader of the part.
    const earliest = await subscribe({ ...part, start: 'EARLIEST' });
    await earliest.until(29_000);
    expect(earliest.lost).toBe(0);
    // From the first sample on that has all its filter needs.
    expect(earliest.first).toBe(Math.ceil(decimationNeeds(10).reach / 10));
    expect(earliest.bytes(10_000, 29_000).equals(first.bytes(10_000, 29_000))).toBe(true);
    const replayed = await subscribe({ ...part, after_time_ns: String(ManualClock.START_NS + 100_000_000n) });
    await replayed.until(29_000);
    expect(replayed.first).toBe(10_000);
    expect(replayed.bytes(10_000, 29_000).equals(first.bytes(10_000, 29_000))).toBe(true);
    for (const { stream } of [keeper, first, earliest, replayed]) stream.cancel();
  });

  it('does so too when the filter has ended meanwhile and the past is computed anew', async () => {
    const first = await subscribe(part);
    clock.advance(200);
    await first.until(19_000);
    first.stream.cancel();
    await readersBecome(0);
    // Ends the filter; the station still holds its samples.
    await iq.unary('StopStream', { station_id: 'sim-1' });
    await iq.unary('StartStream', { station_id: 'sim-1' });
    const before = await subscribe({ ...part, after_sequence: '59' });
    await before.until(18_999);
    before.stream.cancel();
    expect(before.first).toBe(12_000);
    expect(before.lost).toBe(0);
    expect(before.bytes(12_000, 19_000).equals(first.bytes(12_000, 19_000))).toBe(true);
  });

  it('has a gap where the band has one, and says exactly what is missing', async () => {
    const whole = await subscribe({ station_id: 'sim-1', batch_size_samples: 500 });
    const reader = await subscribe(part);
    clock.advance(100);
    await reader.until(9000);
    const before = reader.end;
    // A second of four is made up for.
    clock.stall(4000);
    clock.advance(50);
    await reader.until(410_000);
    const jump = reader.frames.findIndex((frame) => Number(frame.lost_samples) > 0);
    const behind = Number(reader.frames[jump]?.sample_index);
    const plan = planDecimation(10);
    expect(jump).toBeGreaterThan(0);
    // The gap ends at input 3,100,000; the first output has all that its filter needs from there on.
    expect(behind).toBeGreaterThanOrEqual(310_000);
    expect(behind).toBeLessThan(310_000 + 2 * (plan.stages[0]?.taps.length ?? 0));
    const received = reader.frames.reduce((sum, { sample_count }) => sum + Number(sample_count), 0);
    expect(received + reader.lost).toBe(reader.end - reader.first);
    expect(before).toBeLessThanOrEqual(10_000);
    // And none of what came before the gap is in what comes behind it.
    await whole.until(4_100_000);
    whole.frames.splice(
      0,
      whole.frames.findIndex(({ sample_index }) => Number(sample_index) >= 3_100_000),
    );
    reader.frames.splice(0, jump);
    const expected = filtered(whole, -300_000, 1e6, 10)(behind);
    expect(reader.bytes(behind, 408_000).equals(expected.subarray(0, (408_000 - behind) * 8))).toBe(true);
    for (const { stream } of [whole, reader]) stream.cancel();
  });

  it('follows the station to another frequency, and ends when its rate becomes another', async () => {
    const reader = await subscribe(part);
    clock.advance(100);
    await reader.until(9000);
    await iq.unary('StartStream', { station_id: 'sim-1', center_frequency_hz: 433e6 });
    clock.advance(100);
    await reader.until(19_000);
    expect(reader.frames[0]?.center_frequency_hz).toBe(99.7e6);
    expect(reader.frames.at(-1)?.center_frequency_hz).toBe(432.7e6);
    await iq.unary('StartStream', { station_id: 'sim-1', sample_rate: 2e6 });
    clock.advance(50);
    expect(await reader.status).toEqual({
      code: 9,
      details: "the station's sample rate is 2000000 samples/s now; subscribe anew",
    });
  });

  it("takes the station's own rate as the whole band, untouched, and a third of it in as many digits as there are", async () => {
    const whole = await subscribe({ station_id: 'adsb', output_rate: 2e6, batch_size_samples: 1000 });
    const third = await subscribe({ station_id: 'sim-1', output_rate: 333_333.333, batch_size_samples: 100 });
    clock.advance(50);
    await Promise.all([whole.until(50_000), third.until(10_000)]);
    expect(whole.frames[0]).toMatchObject({ datatype: 'cu8', sample_rate: 2e6 });
    expect(third.frames[0]?.sample_rate).toBe(1e6 / 3);
    for (const { stream } of [whole, third]) stream.cancel();
  });

  it('is filtered once for all readers of the same part, and once for each other part', async () => {
    const push = jest.spyOn(DownConverter.prototype, 'push');
    try {
      const at = (offset: number) => subscribe({ ...part, frequency_offset_hz: offset });
      const readers = [await at(1000), await at(1000), await at(1000), await at(-1000)];
      clock.advance(100);
      await Promise.all(readers.map((reader) => reader.until(9000)));
      const samplesOf = new Map<unknown, number>();
      push.mock.contexts.forEach((filter, i) => {
        samplesOf.set(filter, (samplesOf.get(filter) ?? 0) + (push.mock.calls[i]?.[1] ?? 0));
      });
      // All that came, and no sample of it twice.
      expect([...samplesOf.values()]).toEqual([100_000, 100_000]);
      const [first, ...others] = readers.slice(0, 3).map((reader) => reader.bytes());
      for (const other of others) expect(other.equals(first ?? Buffer.alloc(0))).toBe(true);
      for (const { stream } of readers) stream.cancel();
    } finally {
      push.mockRestore();
    }
  });

  it('filters no more parts than it can, and has room again when their readers have gone', async () => {
    const at = (offset: number) => subscribe({ ...part, output_rate: 25_000, frequency_offset_hz: offset });
    const readers: Reader[] = [];
    for (let i = 0; i < 16; i++) readers.push(await at(1000 * i));
    const refused = await at(16_000);
    expect(await refused.status).toMatchObject({ code: 8 });
    const shared = await at(0);
    await readersBecome(17);
    clock.advance(100);
    await Promise.all([...readers, shared].map((reader) => reader.until(1500)));
    // There is room for another when the filters of those who left have lingered.
    for (const { stream } of [...readers, shared]) stream.cancel();
    await readersBecome(0);
    clock.advance(5001);
    const next = await at(16_000);
    clock.advance(100);
    await next.until(next.first + 100);
    next.stream.cancel();
    await readersBecome(0);
    clock.advance(10_001);
    expect(clock.timers).toBe(0);
  });
});

describe('what part of a band may be asked for', () => {
  it.each([
    [{ frequency_offset_hz: 1000 }, 'frequency_offset_hz needs output_rate: the width that is wanted there'],
    [
      { output_rate: 300_000 },
      "output_rate must be the station's 1000000 samples/s divided by a whole number; the nearest are 333333.3333333333 and 250000 samples/s",
    ],
    [
      { output_rate: 2e6 },
      "output_rate must be a number from 244.140625 to 1000000 samples/s, or 0, which means the source's own, unfiltered",
    ],
    [
      { output_rate: 100 },
      "output_rate must be a number from 244.140625 to 1000000 samples/s, or 0, which means the source's own, unfiltered",
    ],
    [
      { output_rate: Number.NaN },
      "output_rate must be a number from 244.140625 to 1000000 samples/s, or 0, which means the source's own, unfiltered",
    ],
    [
      { output_rate: 100_000, frequency_offset_hz: 450_001 },
      "frequency_offset_hz must be a number from -450000 to 450000 Hz for this output_rate: the part must lie in the station's band",
    ],
    [
      { output_rate: 1e6, frequency_offset_hz: -1 },
      "frequency_offset_hz must be a number from 0 to 0 Hz for this output_rate: the part must lie in the station's band",
    ],
    [
      { output_rate: 100_000, frequency_offset_hz: Number.POSITIVE_INFINITY },
      'frequency_offset_hz must be a number from -30720000 to 30720000 Hz',
    ],
  ])('refuses %j', (fields, message) => {
    const request = { frequency_offset_hz: 0, output_rate: 0, ...fields };
    const ask = (): unknown => tunedBand(request, { sampleRateHz: 1e6, centerFrequencyHz: 100e6 });
    expect(ask).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', publicMessage: message }));
  });
});
