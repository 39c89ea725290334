import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DEFAULT_STATIONS } from '../../../src/backend/stations/default-stations.ts';
import type { StationConfig } from '../../../src/backend/stations/station-config.ts';
import { BackendUnderTest, type Caller, type Message, refusal } from '../backend-under-test.ts';
import { ManualClock } from '../manual-clock.ts';

const source = { kind: 'sim', seed: 1, sampleRateHz: 1_000_000, centerFrequencyHz: 100e6, noiseDbfs: -20 } as const;
const STATIONS: readonly StationConfig[] = [
  ...DEFAULT_STATIONS,
  { stationId: 'small', description: '', source, ring: { bytes: 65_536 } },
  { stationId: 'fast', description: '', source: { ...source, sampleRateHz: 20_000_000 } },
];

let clock: ManualClock;
let backend: BackendUnderTest;
let iq: Caller;
let stations: Caller;

beforeAll(async () => {
  clock = new ManualClock();
  backend = await BackendUnderTest.start({ clock, stations: STATIONS });
  iq = await backend.client('sdr.oran.IQStreamService');
  stations = await backend.client('sdr.oran.StationService');
  // Two seconds of samples, held for who comes later.
  const keeper = iq.stream('SubscribeIQ', { station_id: 'sim-1', batch_size_samples: 100_000 });
  await new Promise((resolve) => keeper.once('metadata', resolve));
  keeper.on('error', () => undefined);
  keeper.resume();
  clock.advance(2000);
});
afterAll(() => backend?.stop());

const first = async (request: object): Promise<Message | undefined> =>
  (await iq.take('SubscribeIQ', { station_id: 'sim-1', batch_size_samples: 1000, ...request }, 1))[0];

const nsAt = (ms: number): string => (ManualClock.START_NS + BigInt(Math.round(ms * 1e6))).toString();

describe('SubscribeIQ from', () => {
  it.each<readonly [string, object, number]>([
    ['a time', { after_time_ns: nsAt(500.5) }, 500_000],
    ['the time of a first sample', { after_time_ns: nsAt(500) }, 500_000],
    ['a time just before it', { after_time_ns: nsAt(499.9991) }, 500_000],
    ['a time long ago', { after_time_ns: '1' }, 0],
    ['a time before 1970', { after_time_ns: '-5' }, 0],
    ['the earliest', { start: 'EARLIEST' }, 0],
    ['a number', { after_sequence: '41' }, 42_000],
    ['a number, whatever the URL began with', { after_sequence: '41', after_time_ns: nsAt(1), start: 'LIVE' }, 42_000],
    ['a number of a process of long ago', { after_sequence: '41', after_epoch: '5' }, 0],
  ])('%s', async (_, request, index) => {
    expect(await first(request)).toMatchObject({ sample_index: String(index), lost_samples: '0' });
  });

  it('a number of the present epoch, which frames and the station name alike', async () => {
    const { epoch } = (await first({ start: 'EARLIEST' })) ?? {};
    expect(epoch).toMatch(/^[1-9][0-9]+$/);
    expect((await stations.unary('GetStation', { station_id: 'sim-1' })).epoch).toBe(epoch);
    expect(await first({ after_sequence: '41', after_epoch: epoch })).toMatchObject({ sample_index: '42000' });
  });

  it('a time that a clock may show that is a little ahead is live', async () => {
    const stream = iq.stream('SubscribeIQ', {
      station_id: 'sim-1',
      batch_size_samples: 1000,
      after_time_ns: nsAt(2000 + 4999),
    });
    await new Promise((resolve) => stream.once('metadata', resolve));
    const frame = new Promise<Message>((resolve) => stream.once('data', resolve));
    stream.on('error', () => undefined);
    clock.advance(10);
    expect(Number((await frame).sample_index)).toBeGreaterThanOrEqual(2_000_000);
    stream.cancel();
  });

  it.each<readonly [object, RegExp]>([
    [{ after_time_ns: nsAt(60_000) }, /^3: after_time_ns must be at most 5 s after now/],
    [{ after_time_ns: '9223372036854775807' }, /^3: after_time_ns/],
    [{ after_time_ns: nsAt(100), start: 'EARLIEST' }, /^3: after_time_ns and start EARLIEST/],
    [{ after_epoch: '5' }, /^3: after_epoch .* after_sequence/],
    [{ start: 7 }, /^3: start must be one of LIVE, EARLIEST/],
    [{ batch_size_samples: 50 }, /^3: batch_size_samples must be at least 100 samples/],
    [{ station_id: 'fast', batch_size_samples: 1999 }, /^3: batch_size_samples must be at least 2000 samples/],
    [{ station_id: 'small', batch_size_samples: 2049 }, /^3: batch_size_samples must be at most 2048 samples/],
    [{ batch_size_samples: 262_145 }, /^3: batch_size_samples must be a number from 1 to 262144 samples/],
    [{ datatype: 'cf64_le' }, /^3: datatype must be one of/],
  ])('%j is refused', async (request, why) => {
    expect(await refusal(first(request))).toMatch(why);
  });

  it('a station with a small ring has frames that it can hold', async () => {
    const stream = iq.stream('SubscribeIQ', { station_id: 'small' });
    stream.on('error', () => undefined);
    await new Promise((resolve) => stream.once('metadata', resolve));
    const frame = new Promise<Message>((resolve) => stream.once('data', resolve));
    clock.advance(20);
    expect((await frame).sample_count).toBe(2048);
    stream.cancel();
  });
});
