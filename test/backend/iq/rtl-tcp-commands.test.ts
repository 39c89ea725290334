import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import type { RtlTcpConfig } from '../../../src/backend/iq/sources/config.ts';
import { RtlTcpSource } from '../../../src/backend/iq/sources/rtl-tcp.ts';
import { nearestGainTenths } from '../../../src/backend/iq/sources/rtl-tcp-gains.ts';
import { until } from '../../support/until.ts';
import { BackendUnderTest, refusal } from '../backend-under-test.ts';
import { ManualClock } from '../manual-clock.ts';
import { type Command, RtlTcpServer } from '../rtl-tcp-server.ts';

let server: RtlTcpServer;
/** Waits until a number of commands has come, and gives those from one on. */
async function commands(count: number, from = 0): Promise<readonly Command[]> {
  await until(`${count} commands`, () => server.commands.length >= count);
  return server.commands.slice(from);
}

describe('commands', () => {
  let source: RtlTcpSource;
  const open = (config: Partial<RtlTcpConfig> = {}): void => {
    source = new RtlTcpSource(
      { host: '127.0.0.1', port: server.port, sampleRateHz: 2_048_000, centerFrequencyHz: 1_090_000_000, ...config },
      { stationId: 'dongle', clock: new ManualClock(), log: pino({ level: 'silent' }) },
    );
    source.start({ samples: () => {}, failed: () => {} });
  };
  beforeEach(async () => {
    server = await new RtlTcpServer().listen();
  });
  afterEach(async () => {
    source.stop();
    await server.stop();
  });

  it('bring a server to all settings when it is connected', async () => {
    open();
    expect(await commands(5)).toEqual([
      [2, 2_048_000],
      [5, 0],
      [1, 1_090_000_000],
      [8, 0],
      [3, 0],
    ]);
  });

  it('hold the gain nearest to the one that was asked for, and negative corrections', async () => {
    open({ gainDb: 30.5, frequencyCorrectionPpm: -57, centerFrequencyHz: 2 ** 32 - 1 });
    expect(await commands(6)).toEqual([
      [2, 2_048_000],
      [5, 2 ** 32 - 57],
      [1, 2 ** 32 - 1],
      [8, 0],
      [3, 1],
      [4, 297],
    ]);
  });

  it('follow a change while it runs, and keep what is not changed', async () => {
    open({ gainDb: 20 });
    await commands(6);
    source.tune({ sampleRateHz: 1_024_000, centerFrequencyHz: 433_920_001 }, { frequencyCorrectionPpm: 3 });
    expect(source.tuning).toEqual({ sampleRateHz: 1_024_000, centerFrequencyHz: 433_920_001 });
    expect(await commands(12, 6)).toEqual([
      [2, 1_024_000],
      [5, 3],
      [1, 433_920_001],
      [8, 0],
      [3, 1],
      [4, 197],
    ]);
    source.tune(source.tuning, { gainDb: 'automatic' });
    expect((await commands(17, 12)).at(-1)).toEqual([3, 0]);
  });

  it('are not sent for what rtl_tcp cannot express, and nothing has changed', async () => {
    open();
    await commands(5);
    const before = source.tuning;
    const refused = { code: 'FAILED_PRECONDITION' };
    expect(() => source.tune({ ...before, centerFrequencyHz: 2 ** 32 }, { gainDb: 3 })).toThrow(
      expect.objectContaining({
        ...refused,
        publicMessage: 'center_frequency_hz must be a whole number from 1 to 4294967295 Hz over rtl_tcp',
      }),
    );
    for (const fraction of [{ sampleRateHz: 250_000.5 }, { centerFrequencyHz: 433_920_000.5 }]) {
      expect(() => source.tune({ ...before, ...fraction }, {})).toThrow(expect.objectContaining(refused));
    }
    expect(source.tuning).toEqual(before);
    source.tune(before, {});
    expect(await commands(10, 5)).toEqual(server.commands.slice(0, 5));
  });
});

describe('the nearest gain', () => {
  it.each([
    ['R820T', 5, 29, 30.5, 297],
    ['R820T', 5, 29, 100, 496],
    ['R820T', 5, 29, -20, 0],
    ['R820T, half way', 5, 29, 0.45, 0],
    ['R828D', 6, 29, 12, 125],
    ['E4000', 1, 14, -20, -10],
    ['E4000', 1, 14, 31.6, 340],
    ['FC0012', 2, 5, 0, -40],
    ['FC0013', 3, 23, 10, 71],
    ['FC2580', 4, 1, 30, 0],
    ['an R820T with gains of its own', 5, 30, 30.51, 305],
    ['a tuner that nobody knows', 77, 29, 30.5, 305],
    ['a server that names none', 0, 0, -1.24, -12],
  ])('of %s (%i, %i gains) to %d dB is %d tenths', (_name, tunerType, gainCount, gainDb, tenths) => {
    expect(nearestGainTenths(gainDb, { tunerType, gainCount })).toBe(tenths);
  });
});

describe('StartStream', () => {
  let backend: BackendUnderTest;
  beforeAll(async () => {
    server = await new RtlTcpServer().listen();
    const tuning = { sampleRateHz: 2_048_000, centerFrequencyHz: 100e6 };
    backend = await BackendUnderTest.start({
      clock: new ManualClock(),
      stations: [
        {
          stationId: 'dongle',
          description: '',
          source: { kind: 'rtl_tcp', host: '127.0.0.1', port: server.port, ...tuning },
        },
        { stationId: 'sim', description: '', source: { kind: 'sim', seed: 1, noiseDbfs: -20, ...tuning } },
      ],
    });
  });
  afterAll(async () => {
    await backend?.stop();
    await server.stop();
  });

  it('sets frequency, rate, gain and correction of a dongle', async () => {
    const iq = await backend.client('sdr.oran.IQStreamService');
    const reader = iq.stream('SubscribeIQ', { station_id: 'dongle' });
    reader.on('error', () => {});
    await commands(5);
    const done = await iq.unary('StartStream', {
      station_id: 'dongle',
      center_frequency_hz: 433.92e6,
      sample_rate: 250_000,
      gain_db: 8,
      frequency_correction_ppm: -2,
    });
    expect(done.message).toBe('station dongle is retuned: 250000 samples/s at 433920000 Hz');
    expect(await commands(11, 5)).toEqual([
      [2, 250_000],
      [5, 2 ** 32 - 2],
      [1, 433_920_000],
      [8, 0],
      [3, 1],
      [4, 77],
    ]);
    await iq.unary('StartStream', { station_id: 'dongle', automatic_gain: true });
    expect((await commands(16, 11)).at(-1)).toEqual([3, 0]);
    reader.cancel();
  });

  it.each([
    [{ gain_db: 1000 }, '3: gain_db must be a number from -20 to 100 dB'],
    [{ gain_db: Number.NaN }, '3: gain_db must be a number from -20 to 100 dB'],
    [{ gain_db: 20, automatic_gain: true }, '3: gain_db and automatic_gain exclude each other; give one of them'],
    [{ frequency_correction_ppm: 5000 }, '3: frequency_correction_ppm must be a number from -1000 to 1000 ppm'],
    [
      { center_frequency_hz: 5e9 },
      '9: center_frequency_hz must be a whole number from 1 to 4294967295 Hz over rtl_tcp',
    ],
    [
      { center_frequency_hz: 433_920_000.5 },
      '9: center_frequency_hz must be a whole number from 1 to 4294967295 Hz over rtl_tcp',
    ],
    [{ sample_rate: 250_000.5 }, '9: sample_rate must be a whole number from 1000 to 61440000 samples/s over rtl_tcp'],
  ])('refuses %j', async (change, message) => {
    const iq = await backend.client('sdr.oran.IQStreamService');
    expect(await refusal(iq.unary('StartStream', { station_id: 'dongle', ...change }))).toBe(message);
  });

  it('refuses compression and a producer for what makes its own samples', async () => {
    const iq = await backend.client('sdr.oran.IQStreamService');
    const compressed = { station_id: 'dongle', enable_compression: true, compression: 'LZ4' };
    expect(await refusal(iq.unary('StartStream', compressed))).toBe(
      '9: an rtl_tcp source takes no batches that could be compressed; set enable_compression to false',
    );
    expect(await iq.unary('StartStream', { ...compressed, enable_compression: false })).toMatchObject({
      message: expect.stringMatching(/ Hz; compression LZ4 has no effect without enable_compression$/),
    });
    const call = iq.raw.StreamIQ?.();
    const refused = iq.status(call);
    call.write({ station_id: 'dongle', samples: [0, 0] });
    expect((await refused).details).toMatch(/^station dongle has an rtl_tcp source; samples can be pushed to/);
  });

  it('refuses a gain for what has none', async () => {
    const iq = await backend.client('sdr.oran.IQStreamService');
    expect(await refusal(iq.unary('StartStream', { station_id: 'sim', gain_db: 3 }))).toMatch(/^9: .*gain/);
  });
});
