import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, test } from '@jest/globals';
import { until } from '../../../support/until.ts';
import { BackendUnderTest, type Caller, type Message, refusal } from '../../backend-under-test.ts';
import { ManualClock } from '../../manual-clock.ts';
import { batchOf, bytesOf, PushingClient, pushStation, RATE, ramp } from './producer-under-test.ts';

const SIM = { kind: 'sim', seed: 1, sampleRateHz: RATE, centerFrequencyHz: 1e8, noiseDbfs: -20 } as const;
const { START_NS } = ManualClock;
/** One for each test. */
const IDS = Array.from({ length: 60 }, (_, i) => `gs-${i}`);

let clock: ManualClock;
let backend: BackendUnderTest;
let client: Caller;
let stations: Caller;
let id: string;
let producer: PushingClient;

beforeAll(async () => {
  clock = new ManualClock();
  const waiting = IDS.map((stationId) => pushStation(stationId));
  backend = await BackendUnderTest.start({
    clock,
    stations: [...waiting, { stationId: 'sim-1', description: '', source: SIM }],
  });
  client = await backend.client('sdr.oran.IQStreamService');
  stations = await backend.client('sdr.oran.StationService');
});
afterAll(() => backend?.stop());

beforeEach(() => {
  id = IDS.pop() ?? 'none is left';
  producer = new PushingClient(client);
});
afterEach(() => producer.call.cancel());

const batch = (sequence: number, change: object = {}): object => batchOf(id, sequence, change);

/** Reads frames of 500 samples from the oldest on. */
const frames = (count: number, request: object = {}): Promise<Message[]> =>
  client.take('SubscribeIQ', { station_id: id, batch_size_samples: 500, start: 'EARLIEST', ...request }, count);

const samplesOf = (messages: readonly Message[]): Buffer =>
  Buffer.concat(messages.map(({ data }) => data ?? Buffer.alloc(0)));

const station = (): Promise<Message> => stations.unary('GetStation', { station_id: id });

describe('a producer', () => {
  it('gets an acknowledgement of each batch, and readers its samples, bit for bit', async () => {
    await producer.push(batch(7), batch(8), batch(9, { samples: [-0, 1e-45, ...ramp(9001, 999)] }));
    expect(producer.acks).toMatchObject([
      { acked_sequence: '7', packets_received: '1', packets_lost: '0', processing_latency_ms: 0 },
      { acked_sequence: '8', packets_received: '2', packets_lost: '0' },
      { acked_sequence: '9', packets_received: '3', packets_lost: '0' },
    ]);
    const read = await frames(6);
    expect(samplesOf(read).equals(bytesOf([...ramp(7000, 2000), -0, 1e-45, ...ramp(9001, 999)]))).toBe(true);
    expect(read.map(({ sample_index, lost_samples }) => [sample_index, lost_samples])).toEqual(
      [0, 500, 1000, 1500, 2000, 2500].map((index) => [String(index), '0']),
    );
    expect(read[3]).toMatchObject({
      timestamp_ns: String(START_NS + 8_500_000n),
      center_frequency_hz: 100_000_000,
      sample_rate: RATE,
      datatype: 'cf32_le',
    });
    expect(await producer.end()).toBe('0: OK');
  });

  it('is named as such while it is connected', async () => {
    expect(await station()).toMatchObject({ source: 'push', producer: '' });
    await producer.push(batch(0));
    expect(await station()).toMatchObject({ producer: 'oran-client', subscribers: 0 });
    await producer.end();
    expect(await station()).toMatchObject({ producer: '' });
  });

  it('says by a jump of its sequence what was lost, to the sample', async () => {
    await producer.push(batch(0), batch(3), batch(4));
    expect(producer.acks.at(-1)).toMatchObject({ packets_received: '3', packets_lost: '2' });
    const read = await frames(6);
    expect(read.map(({ sample_index, lost_samples }) => [sample_index, lost_samples])).toEqual([
      ['0', '0'],
      ['500', '0'],
      ['3000', '2000'],
      ['3500', '0'],
      ['4000', '0'],
      ['4500', '0'],
    ]);
    expect(samplesOf(read).equals(bytesOf([...ramp(0, 1000), ...ramp(3000, 2000)]))).toBe(true);
    expect(await client.unary('GetStreamStats', { station_id: id })).toMatchObject({ source_lost_samples: '2000' });
  });

  it('brings its tuning and its reception with it', async () => {
    const reception = { snr_db: 12.5, receive_power_dbm: -97, agc_locked: true, doppler_shift_hz: 1234 };
    await producer.push(
      batch(0),
      batch(1, { sample_rate: 2_000_000, center_frequency_hz: 433e6, band: 'Ku-band', ...reception }),
    );
    const read = await frames(4);
    expect(read.map(({ sample_rate, center_frequency_hz }) => [sample_rate, center_frequency_hz])).toEqual([
      [RATE, 1e8],
      [RATE, 1e8],
      [2 * RATE, 433e6],
      [2 * RATE, 433e6],
    ]);
    expect(read[3]).toMatchObject(reception);
    expect(read[1]).toMatchObject({ agc_locked: false, doppler_shift_hz: 0 });
    expect(read[1]?.snr_db).toBeUndefined();
    expect(await station()).toMatchObject({ sample_rate: 2 * RATE, center_frequency_hz: 433e6, band: 'Ku-band' });
  });

  it('may leave time, rate and frequency to the station', async () => {
    const now = clock.wallNs();
    await producer.push(batch(0, { timestamp_ns: 0, sample_rate: 0, center_frequency_hz: 0 }));
    const [frame] = await frames(1);
    // Its last sample is from now.
    expect(frame).toMatchObject({
      timestamp_ns: String(now - 1_000_000n),
      sample_rate: RATE,
      center_frequency_hz: 1e8,
    });
  });

  it('is the only one: a second is refused, and costs the first nothing', async () => {
    await producer.push(batch(0));
    const second = new PushingClient(client);
    second.send(batch(1));
    expect(await second.ended).toBe(`6: station ${id} has a producer already; it takes one at a time`);
    await producer.push(batch(1));
    expect(samplesOf(await frames(4)).equals(bytesOf(ramp(0, 2000)))).toBe(true);
  });
});

/** Batches that are refused, by what is wrong with the second of them. */
const BAD: readonly (readonly [string, object, RegExp])[] = [
  ['another station', { station_id: 'sim-1' }, /^3: station_id must be gs-[0-9]+ in every batch/],
  ['no station', { station_id: '' }, /^3: station_id must be gs-[0-9]+/],
  ['the same number again', { sequence_number: 5 }, /^3: sequence_number is 5 after 5: it must count up/],
  ['a lower number', { sequence_number: 0 }, /^3: sequence_number is 0 after 5: it must count up/],
  [
    'a number that is none',
    { sequence_number: '18446744073709551615' },
    /^3: sequence_number is 18446744073709551615 after 5: it must not leave out more than 3600 s/,
  ],
  [
    'a rate in MHz',
    { sample_rate: 2.4 },
    /^3: sample_rate .* 1000 to 61440000 samples\/s, or 0, which means what the station has$/,
  ],
  ['no rate', { sample_rate: Number.NaN }, /^3: sample_rate must be a number from 1000/],
  ['an infinite rate', { sample_rate: Number.POSITIVE_INFINITY }, /^3: sample_rate must be a number from 1000/],
  [
    'a negative frequency',
    { center_frequency_hz: -1 },
    /^3: center_frequency_hz .* from 1 to .* Hz, or 0, which means what the station has$/,
  ],
  ['a time in seconds', { timestamp_ns: 1_767_225_600 }, /^3: timestamp_ns must be from .* nanoseconds since 1970/],
  ['a time before 1970', { timestamp_ns: -1 }, /^3: timestamp_ns must be from/],
  ['no ratio', { snr_db: Number.NaN }, /^3: snr_db .* from -200 to 200 dB, or 0, which means not known$/],
  [
    'power in W',
    { receive_power_dbm: 1e6 },
    /^3: receive_power_dbm .* from -300 to 100 dBm, or 0, which means not known$/,
  ],
  ['a Doppler shift too far', { doppler_shift_hz: 1e9 }, /^3: doppler_shift_hz must be a number from .* Hz/],
  ['a band that is none', { band: '\u0000' }, /^3: band must be a name/],
  ['no samples', { samples: [] }, /^3: samples must hold 1 to 524288 samples; it holds none/],
  ['half a sample', { samples: [1, 2, 3] }, /^3: samples must hold pairs of I and Q; 3 numbers are odd/],
  ['a sample that is no number', { samples: [1, 2, 3, Number.NaN] }, /^3: samples must be finite .* Q of sample 1 of/],
  ['an infinite sample', { samples: [0, 0, 0, 0, Number.NEGATIVE_INFINITY, 0] }, /^3: samples .* I of sample 2 of/],
  ['samples twice', { compressed_samples: Buffer.alloc(8) }, /^3: samples must be empty where compressed_samples is/],
];

describe('a batch that is wrong', () => {
  test.each(BAD)('%s: refused with a reason, and what was good is kept', async (_, change, reason) => {
    await producer.push(batch(5));
    producer.send(batch(6, change));
    expect(await producer.ended).toMatch(reason);
    expect(producer.acks).toHaveLength(1);
    expect(await station()).toMatchObject({ producer: '', sample_rate: RATE });
    expect(samplesOf(await frames(2)).equals(bytesOf(ramp(5000, 1000)))).toBe(true);
    // The next producer is as welcome as ever.
    const next = new PushingClient(client);
    expect(await next.push(batch(0))).toMatchObject({ acked_sequence: '0', packets_received: '1' });
    await next.end();
  });

  test.each([
    ['no such station', { station_id: 'gs-x' }, '5: there is no station gs-x; ListStations tells which there are'],
    ['no station', { station_id: '' }, '3: station_id must be 1 to 64 of A-Z a-z 0-9 _ -'],
    [
      'a station that makes its own samples',
      { station_id: 'sim-1' },
      '9: station sim-1 has a sim source; samples can be pushed to a station whose source is push',
    ],
    ['a wrong field', { samples: [] }, '3: samples must hold 1 to 524288 samples; it holds none'],
  ])('%s, in the first: refused, and the station stays without a producer', async (_, change, status) => {
    producer.send(batch(0, change));
    expect(await producer.ended).toBe(status);
    expect(await refusal(frames(1))).toMatch(/^14: no producer is connected to station gs-[0-9]+/);
  });
});

describe('a station whose producer', () => {
  const NOBODY =
    /^14: no producer is connected to station gs-[0-9]+; it has samples while one pushes them by StreamIQ$/;
  const live = () => client.stream('SubscribeIQ', { station_id: id, batch_size_samples: 500 });

  it('was never there has no samples, and says so', async () => {
    expect(await refusal(frames(1))).toMatch(NOBODY);
    await producer.push(batch(0));
    expect(await frames(2)).toHaveLength(2);
  });

  it('comes back in time keeps its readers, who see the time between as a gap', async () => {
    await producer.push(batch(0));
    const reader = live();
    const got: Message[] = [];
    reader.on('data', (message: Message) => got.push(message));
    reader.on('error', () => undefined);
    await until('the reader', station, ({ subscribers }) => subscribers === 1);
    await producer.push(batch(1));
    producer.call.cancel();
    await until('its end', station, (message) => message.producer === '');
    clock.advance(4000);
    const next = new PushingClient(client);
    await next.push(batch(0));
    await until('all frames', () => got.length >= 3);
    await next.end();
    reader.cancel();
    // 1 ms had been pushed ahead of the clock for each of the two batches.
    const gap = Number(got[2]?.sample_index) - 2000;
    expect(gap).toBeGreaterThan(3.99 * RATE);
    expect(gap).toBeLessThanOrEqual(4 * RATE);
    expect(Number(got[2]?.lost_samples)).toBe(gap);
  });

  it('stays away loses them, and has them again when one comes', async () => {
    await producer.push(batch(0));
    const ended = client.status(live());
    await until('the reader', station, ({ subscribers }) => subscribers === 1);
    producer.call.cancel();
    await until('its end', station, (message) => message.producer === '');
    clock.advance(5000);
    expect(await ended).toMatchObject({ code: 14, details: expect.stringMatching(/no producer is connected/) });
    expect(await refusal(frames(1))).toMatch(NOBODY);
    const next = new PushingClient(client);
    await next.push(batch(0));
    expect(await frames(1)).toHaveLength(1);
    await next.end();
  });

  it('says nothing any more is ended, so that another may come', async () => {
    await producer.push(batch(0));
    clock.advance(30_000);
    await producer.push(batch(1));
    clock.advance(36_000);
    expect(await producer.ended).toBe(
      '4: no batch came within 30 s of the time that the one before lasts; open a new call',
    );
    const next = new PushingClient(client);
    await next.push(batch(0));
    await next.end();
  });

  it('is stopped, is ended, and may come again when it is started', async () => {
    await producer.push(batch(0));
    await client.unary('StopStream', { station_id: id });
    const STOPPED = `9: station ${id} is stopped; start it with StartStream`;
    expect(await producer.ended).toBe(STOPPED);
    const early = new PushingClient(client);
    early.send(batch(0));
    expect(await early.ended).toBe(STOPPED);
    await client.unary('StartStream', { station_id: id });
    const next = new PushingClient(client);
    await next.push(batch(0));
    await next.end();
  });
});
