import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Metadata } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { DEFAULT_STATIONS } from '../../src/backend/stations/default-stations.ts';
import { BackendUnderTest, type Caller, refusal } from './backend-under-test.ts';
import { ManualClock } from './manual-clock.ts';

const REFLECTION_PROTO = join(
  dirname(createRequire(import.meta.url).resolve('@grpc/reflection/package.json')),
  'build/proto/grpc/reflection/v1/reflection.proto',
);

describe('the radio services', () => {
  let backend: BackendUnderTest;
  let metrics: Registry;
  let clock: ManualClock;
  let iq: Caller;
  let spectrum: Caller;
  let stations: Caller;
  let antenna: Caller;

  beforeAll(async () => {
    metrics = new Registry();
    clock = new ManualClock();
    backend = await BackendUnderTest.start({ stations: DEFAULT_STATIONS, metrics, clock });
    iq = await backend.client('sdr.oran.IQStreamService');
    spectrum = await backend.client('sdr.oran.SpectrumMonitorService');
    stations = await backend.client('sdr.oran.StationService');
    antenna = await backend.client('sdr.oran.AntennaControlService');
  });
  afterAll(() => backend.stop());
  beforeEach(async () => {
    await iq.unary('StartStream', {
      station_id: 'sim-1',
      sample_rate: 1e6,
      center_frequency_hz: 100e6,
      band: 'C-band',
    });
  });

  it('lists the stations by id, and gives each', async () => {
    const { stations: all } = await stations.unary('ListStations', {});
    expect(all).toMatchObject([
      { station_id: 'adsb', source: 'sigmf', datatype: 'cu8', sample_rate: 2e6, center_frequency_hz: 1090e6 },
      { station_id: 'sim-1', source: 'sim', datatype: 'cf32_le', sample_rate: 1e6, ring_seconds: 5, band: 'C-band' },
    ]);
    const one = await stations.unary('GetStation', { station_id: 'adsb' });
    expect(one).toMatchObject({ state: 'STATION_STATE_RUNNING', producer: 'local', batch_size_samples: 8192 });
    expect(one).not.toHaveProperty('full_scale_dbm');
  });

  const BAD: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
    [
      'iq StartStream',
      { sample_rate: Number.NaN },
      /^3: sample_rate must be a number from 1000 to 61440000 samples\/s/,
    ],
    ['iq StartStream', { sample_rate: Number.POSITIVE_INFINITY }, /^3: sample_rate/],
    ['iq StartStream', { sample_rate: -1 }, /^3: sample_rate/],
    ['iq StartStream', { sample_rate: 999 }, /^3: sample_rate .*, or 0, which keeps the present one$/],
    ['iq StartStream', { center_frequency_hz: Number.NEGATIVE_INFINITY }, /^3: center_frequency_hz .* Hz/],
    [
      'iq StartStream',
      { center_frequency_hz: 1e12 },
      /^3: center_frequency_hz .* Hz, or 0, which keeps the present one$/,
    ],
    [
      'iq StartStream',
      { batch_size_samples: 262_145 },
      /^3: batch_size_samples .* samples, or 0, which keeps the present one$/,
    ],
    ['iq StartStream', { band: 'C\u0000band' }, /^3: band/],
    ['iq StartStream', { band: 'x'.repeat(33) }, /^3: band/],
    ['iq StartStream', { enable_compression: true, compression: 'ZSTD' }, /^9: .*enable_compression/],
    ['iq StartStream', { station_id: 'adsb', sample_rate: 1e6 }, /^9: .*recording/],
    ['iq StartStream', { station_id: 'adsb', center_frequency_hz: 1e6 }, /^9: .*recording/],
    ['iq UpdateDoppler', { doppler_shift_hz: Number.NaN }, /^3: doppler_shift_hz .* Hz/],
    ['iq UpdateDoppler', { doppler_shift_hz: 2e7 }, /^3: doppler_shift_hz/],
    ['iq UpdateDoppler', { doppler_rate_hz_s: Number.POSITIVE_INFINITY }, /^3: doppler_rate_hz_s .* Hz\/s/],
    ['iq UpdateDoppler', { doppler_shift_hz: 1, timestamp_ns: '1' }, /^3: timestamp_ns/],
    ['iq UpdateDoppler', { doppler_shift_hz: 1, timestamp_ns: '-9223372036854775808' }, /^3: timestamp_ns/],
    ['iq SubscribeIQ', { datatype: 'cf32' }, /^3: datatype must be one of cf32_le/],
    ['iq SubscribeIQ', { datatype: '__proto__' }, /^3: datatype/],
    [
      'iq SubscribeIQ',
      { batch_size_samples: 4_000_000_000 },
      /^3: batch_size_samples .*, or 0, which means the station's setting$/,
    ],
    ['iq SubscribeIQ', { start: 7 }, /^3: start must be one of LIVE, EARLIEST/],
    ['iq DownloadIQ', { archive: 'zip' }, /^3: archive must be "sigmf"/],
    ['spectrum GetSpectrum', { fft_size: 1000 }, /^3: fft_size .*power of two/],
    ['spectrum GetSpectrum', { fft_size: 32 }, /^3: fft_size .* 64 to 65536/],
    ['spectrum GetSpectrum', { fft_size: 131_072 }, /^3: fft_size/],
    ['spectrum GetSpectrum', { averaging: 1025 }, /^3: averaging .* 1 to 1024/],
    ['spectrum GetSpectrum', { station_id: 'slow', fft_size: 65_536, averaging: 1024 }, /^3: .*at most 60 s/],
    ['spectrum GetSpectrum', { span_hz: Number.NaN }, /^3: span_hz/],
    ['spectrum GetSpectrum', { span_hz: 2e6 }, /^3: .*within the station's band, 99500000 to 100500000 Hz/],
    ['spectrum GetSpectrum', { center_frequency_hz: 1e6, span_hz: 1e3 }, /^3: .*within the station's band/],
    ['spectrum GetSpectrum', { window: 9 }, /^3: window must be one of/],
    ['spectrum GetSpectrum', { encoding: 9 }, /^3: encoding must be one of/],
    ['spectrum GetSpectrum', { scaling: 9 }, /^3: scaling must be one of/],
    ['spectrum StreamSpectrum', { rate_hz: 51 }, /^3: rate_hz .* 0.1 to 50 spectra\/s/],
    ['spectrum StreamSpectrum', { rate_hz: Number.NaN }, /^3: rate_hz/],
    ['antenna PointAntenna', {}, /^9: .*has no antenna/],
    ['antenna GetAntennaStatus', {}, /^9: .*has no antenna/],
  ];

  async function call(target: string, request: Record<string, unknown>): Promise<string> {
    const [service = '', method = ''] = target.split(' ');
    const caller = { iq, spectrum, stations, antenna }[service] ?? iq;
    const full = { station_id: 'sim-1', ...request };
    if (['SubscribeIQ', 'DownloadIQ', 'StreamSpectrum'].includes(method)) {
      const { code, details } = await caller.status(caller.stream(method, full));
      return `${code}: ${details}`;
    }
    return refusal(caller.unary(method, full));
  }

  it.each(BAD)('%s refuses %j', async (target, request, expected) => {
    if (request.station_id === 'slow') {
      await iq.unary('StartStream', { station_id: 'sim-1', sample_rate: 1000 });
      expect(await call(target, { ...request, station_id: 'sim-1' })).toMatch(expected);
      return;
    }
    expect(await call(target, request)).toMatch(expected);
    // Nothing has changed, and it serves on.
    const station = await stations.unary('GetStation', { station_id: 'sim-1' });
    expect(station).toMatchObject({ sample_rate: 1e6, center_frequency_hz: 100e6, state: 'STATION_STATE_RUNNING' });
  });

  const METHODS = [
    'stations GetStation',
    'iq StartStream',
    'iq StopStream',
    'iq UpdateDoppler',
    'iq GetStreamStats',
    'iq SubscribeIQ',
    'spectrum GetSpectrum',
    'spectrum StreamSpectrum',
  ];

  it.each(METHODS)('%s checks the station id', async (target) => {
    expect(await call(target, { station_id: 'no-such' })).toMatch(/^5: there is no station no-such/);
    for (const stationId of ['', '../sim-1', 'sim 1', 'x'.repeat(65), 'sim-1\n', '\u{1F4E1}', '__proto__ ']) {
      expect(await call(target, { station_id: stationId })).toMatch(/^3: station_id must be 1 to 64/);
    }
    expect(await call(target, { station_id: '__proto__' })).toMatch(/^5: /);
  });

  it('stops and starts a station', async () => {
    expect(await iq.unary('StopStream', { station_id: 'sim-1' })).toMatchObject({ success: true, start_time_ns: '0' });
    expect(await stations.unary('GetStation', { station_id: 'sim-1' })).toMatchObject({
      state: 'STATION_STATE_STOPPED',
    });
    const stopped = /^9: station sim-1 is stopped; start it with StartStream/;
    for (const target of ['iq SubscribeIQ', 'iq GetStreamStats', 'spectrum GetSpectrum', 'spectrum StreamSpectrum']) {
      expect(await call(target, {})).toMatch(stopped);
    }
    expect(await iq.unary('StopStream', { station_id: 'sim-1' })).toMatchObject({ success: true });
    clock.advance(1234);
    const started = await iq.unary('StartStream', { station_id: 'sim-1', batch_size_samples: 1000 });
    expect(started).toMatchObject({ success: true, start_time_ns: clock.wallNs().toString() });
    expect(started.message).toMatch(/is started: 1000000 samples\/s at 100000000 Hz/);
    expect(await stations.unary('GetStation', { station_id: 'sim-1' })).toMatchObject({ batch_size_samples: 1000 });
    expect((await iq.unary('StartStream', { station_id: 'sim-1' })).message).toMatch(/runs already/);
    expect((await iq.unary('StartStream', { station_id: 'sim-1', sample_rate: 2e6 })).message).toMatch(
      /is retuned: 2000000/,
    );
  });

  it('corrects a Doppler shift and reports it', async () => {
    const later = clock.wallNs() + 2_000_000_000n;
    const answer = await iq.unary('UpdateDoppler', {
      station_id: 'sim-1',
      doppler_shift_hz: 5000,
      doppler_rate_hz_s: -50,
      timestamp_ns: later.toString(),
    });
    expect(answer.message).toMatch(/5100 Hz/);
    const stream = iq.stream('SubscribeIQ', { station_id: 'sim-1', batch_size_samples: 1000 });
    const frame = new Promise((resolve) => stream.once('data', resolve));
    stream.on('error', () => undefined);
    await new Promise((resolve) => stream.once('metadata', resolve));
    clock.advance(20);
    expect(await frame).toMatchObject({ doppler_shift_hz: expect.closeTo(5100, 0) });
    stream.cancel();
    await iq.unary('UpdateDoppler', { station_id: 'sim-1' });
    await iq.unary('UpdateDoppler', { station_id: 'adsb' });
  });

  it('counts calls under names that no client can invent', async () => {
    await stations.unary('ListStations', {});
    const text = await metrics.metrics();
    expect(text).toMatch(
      /grpc_server_handled_total\{grpc_service="sdr.oran.StationService",grpc_method="ListStations",grpc_code="OK"\} \d+/,
    );
    expect(text).toMatch(
      /grpc_server_started_total\{grpc_service="sdr.oran.IQStreamService",grpc_method="StartStream"\}/,
    );
    for (const label of text.match(/(?:station_id|grpc_method|grpc_service)="[^"]*"/g) ?? []) {
      expect(label).toMatch(/^(station_id="(adsb|sim-1)"|grpc_(method|service)="[A-Za-z.]+")$/);
    }
    expect(text).toMatch(/passband_backend_active_streams\{[^}]*SubscribeIQ[^}]*\} 0/);
  });

  it('logs one line a call, without its content', async () => {
    const before = backend.log.length;
    await iq.unary('StartStream', { station_id: 'sim-1' });
    const lines = backend.log.slice(before).filter(({ msg }) => msg === 'call');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      rpc: 'sdr.oran.IQStreamService/StartStream',
      cn: 'oran-client',
      rule: 'developer',
      code: 'OK',
      messagesIn: 1,
      messagesOut: 1,
    });
    expect(JSON.stringify(lines)).not.toContain('sim-1');
  });

  it('describes itself by reflection to those who may', async () => {
    const protos = loadSync(REFLECTION_PROTO);
    const asked = async (who: 'client' | 'dashboard', request: object): Promise<string> => {
      const reflection = await backend.client('grpc.reflection.v1.ServerReflection', who, protos);
      const stream = reflection.raw.ServerReflectionInfo?.(new Metadata());
      return new Promise((resolve) => {
        stream.on('data', (answer: object) => resolve(JSON.stringify(answer)));
        stream.on('error', (error: Error) => resolve(error.message));
        stream.write(request);
        stream.end();
      });
    };
    const all = await asked('client', { listServices: '' });
    const named = [...all.matchAll(/"name":"([^"]+)"/g)].map(([, name]) => name);
    const ours = ['AntennaControlService', 'IQStreamService', 'SpectrumMonitorService', 'StationService'];
    expect(named.sort()).toEqual([...ours.map((name) => `sdr.oran.${name}`), 'sdr.oran.recording.v1.RecordingService']);
    // Also of what no service of ours has in its own file.
    for (const symbol of ['sdr.oran.recording.v1.Recording', 'google.rpc.ErrorInfo', 'google.protobuf.Timestamp']) {
      expect(await asked('client', { fileContainingSymbol: symbol })).toMatch(/"fileDescriptorProto":\[/);
    }
    expect(await asked('dashboard', { listServices: '' })).toMatch(/7 PERMISSION_DENIED/);
  });
});
