// needs: scipy
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { DownConverter } from '../../../src/backend/dsp/down-converter.ts';
import { planSpectrum } from '../../../src/backend/spectrum/plan.ts';
import { zoomDecimation } from '../../../src/backend/spectrum/zoom.ts';
import { DEFAULT_STATIONS } from '../../../src/backend/stations/default-stations.ts';
import { makeTestPki, type TestPki } from '../../support/pki.ts';
import { BackendUnderTest, type Caller, type Message, refusal } from '../backend-under-test.ts';
import { ManualClock } from '../manual-clock.ts';
import { scipyZoom } from './scipy.ts';

const list = (value: unknown): number[] => (Array.isArray(value) ? value : []);

/** Input samples on either side of a spectrum's own that its filter may have used, in samples of the part. */
const MARGIN = 100;

describe('a spectrum of a narrow span', () => {
  let pki: TestPki;
  let clock: ManualClock;
  let backend: BackendUnderTest;
  let spectrum: Caller;
  let iq: Caller;
  let stations: Caller;

  beforeAll(async () => {
    pki = await makeTestPki();
  });
  afterAll(() => pki.remove());
  beforeEach(async () => {
    clock = new ManualClock();
    backend = await BackendUnderTest.start({ pki, clock, stations: DEFAULT_STATIONS });
    spectrum = await backend.client('sdr.oran.SpectrumMonitorService');
    iq = await backend.client('sdr.oran.IQStreamService');
    stations = await backend.client('sdr.oran.StationService');
  });
  afterEach(() => backend.stop());

  const get = (request: object): Promise<Message> => clock.advanceUntil(spectrum.unary('GetSpectrum', request));

  /** Samples of the station, read from the ring as cf32. */
  async function samplesFrom(stationId: string, first: number, count: number): Promise<Uint8Array> {
    const batch = 1000;
    clock.advance(100);
    const request = { station_id: stationId, datatype: 'cf32_le', batch_size_samples: batch, start: 'EARLIEST' };
    const frames = await iq.takeWhile(
      'SubscribeIQ',
      request,
      (got) => Number(got.at(-1)?.sample_index) + batch < first + count,
    );
    const begin = Number(frames[0]?.sample_index);
    expect(begin).toBeLessThanOrEqual(first);
    const bytes = Buffer.concat(frames.map((frame) => frame.data ?? Buffer.alloc(0)));
    return bytes.subarray((first - begin) * 8, (first - begin + count) * 8);
  }

  /** A reader that is there before, so that the samples are still held afterwards, and some of them before. */
  async function keeper(stationId: string): Promise<ReturnType<Caller['stream']>> {
    const stream = iq.stream('SubscribeIQ', { station_id: stationId });
    stream.on('error', () => undefined).resume();
    await once(stream, 'metadata');
    for (let i = 0; i < 10; i++) clock.advance(10);
    return stream;
  }

  const readers = async (id: string) => (await stations.unary('GetStation', { station_id: id })).subscribers;

  it.each([
    ['sim-1', 25_000, 100.25e6, 'HANN', 'hann', 'TONE', 'spectrum'],
    ['sim-1', 100_000, 100e6, 'BLACKMAN_HARRIS', 'blackmanharris', 'DENSITY', 'density'],
    ['adsb', 200_000, 1090.25e6, 'HANN', 'hann', 'TONE', 'spectrum'],
  ])(
    'of %s, %d Hz at %d Hz, %s, is what scipy says of the part and of the whole band',
    async (id, span, center, window, name, scaling, scipyScaling) => {
      const reader = await keeper(id);
      const [points, averaging] = [512, 6];
      const data = await get({
        station_id: id,
        span_hz: span,
        center_frequency_hz: center,
        fft_size: points,
        averaging,
        window: `SPECTRUM_WINDOW_${window}`,
        scaling: `SPECTRUM_SCALING_${scaling}`,
      });
      const station = await stations.unary('GetStation', { station_id: id });
      const [rate, stationCenter] = [Number(station.sample_rate), Number(station.center_frequency_hz)];
      const decimation = rate / Number(data.sample_rate);
      expect(decimation).toBe(Math.round(decimation));
      expect(decimation).toBeGreaterThan(1);
      // What it says of itself: finer bins than the whole band has, and most of those that were asked for.
      const powers = list(data.magnitude_dbm);
      const step = Number(data.step_hz);
      expect(step).toBeCloseTo(rate / decimation / points, 6);
      expect(powers.length).toBeGreaterThan(points / 2);
      expect(powers.length).toBe(Math.round(span / step));
      expect(Number(data.enbw_hz)).toBeCloseTo(Number(data.enbw_bins) * step, 6);
      expect(Math.abs(Number(data.center_frequency_hz) - center)).toBeLessThanOrEqual(step / 2);
      expect(Math.abs(Number(data.span_hz) - span)).toBeLessThanOrEqual(step / 2);

      const first = Number(data.sample_index);
      expect(first % decimation).toBe(0);
      const own = ((points * (averaging + 1)) / 2) * decimation;
      const margin = MARGIN * decimation;
      const samples = await samplesFrom(id, first - margin, own + 2 * margin);
      const offset = center - stationCenter;
      const task = { window: name, scaling: scipyScaling as 'spectrum' | 'density' };
      const { part, whole } = scipyZoom(samples, {
        ...task,
        nperseg: points,
        fs: rate,
        offset,
        decimation,
        margin: MARGIN,
      });
      const firstOfPart = Math.round((Number(data.start_hz) - center) / step) + points / 2;
      const firstOfWhole = Math.round((Number(data.start_hz) - stationCenter) / step) + (points * decimation) / 2;
      const worst = (expected: readonly number[]): number =>
        powers.reduce((most, db, i) => Math.max(most, Math.abs(db - 10 * Math.log10(expected[i] ?? 0))), 0);
      expect(worst(part.powers.slice(firstOfPart, firstOfPart + powers.length))).toBeLessThan(0.1);
      expect(worst(whole.powers.slice(firstOfWhole, firstOfWhole + powers.length))).toBeLessThan(0.1);
      // The frequencies are the same ones, whoever counts them.
      expect(list(data.frequencies_hz)[0]).toBeCloseTo((whole.frequencies[firstOfWhole] ?? 0) + stationCenter, 3);
      reader.cancel();
    },
  );

  it('tells two carriers apart that share a bin of the whole band, and estimates the same noise per hertz', async () => {
    const request = { station_id: 'sim-1', fft_size: 256, averaging: 16, scaling: 'SPECTRUM_SCALING_DENSITY' };
    const wide = await get(request);
    const narrow = await get({ ...request, center_frequency_hz: 100.25e6, span_hz: 5000 });
    expect(Number(wide.step_hz) / Number(narrow.step_hz)).toBeGreaterThan(100);
    expect(Math.abs(Number(narrow.peak_interpolated_frequency_hz) - 100.25e6)).toBeLessThan(0.1);
    expect(Math.abs(Number(narrow.noise_floor_dbm) - Number(wide.noise_floor_dbm))).toBeLessThan(1);
  });

  it('is filtered once for all who look at the same part, and not beyond the last of them', async () => {
    const push = jest.spyOn(DownConverter.prototype, 'push');
    try {
      const request = { station_id: 'sim-1', center_frequency_hz: 100.25e6, span_hz: 50_000, rate_hz: 20 };
      // Equal parts, and spectra that are not: each is a feed of its own.
      const streams = [64, 128, 256].map((fft_size) => spectrum.stream('StreamSpectrum', { ...request, fft_size }));
      const spectra = streams.map((stream) =>
        once(
          stream.on('error', () => undefined),
          'data',
        ),
      );
      while ((await readers('sim-1')) !== 3);
      await clock.advanceUntil(Promise.all(spectra));
      expect(new Set(push.mock.contexts).size).toBe(1);
      for (const stream of streams) stream.cancel();
      while ((await readers('sim-1')) !== 0);
      const pushes = push.mock.calls.length;
      clock.advance(100);
      expect(push.mock.calls.length).toBe(pushes);
    } finally {
      push.mockRestore();
    }
  });

  it('has room for whoever looks from place to place', async () => {
    for (let i = 0; i < 17; i++) {
      const center = 100e6 + 5000 * i;
      const data = await get({ station_id: 'sim-1', center_frequency_hz: center, span_hz: 50_000, fft_size: 64 });
      expect(Math.abs(Number(data.center_frequency_hz) - center)).toBeLessThan(Number(data.step_hz));
    }
  });

  it('stays where it is when the station is tuned elsewhere, and ends when it cannot', async () => {
    const stream = spectrum.stream('StreamSpectrum', {
      station_id: 'sim-1',
      center_frequency_hz: 100.1e6,
      span_hz: 50_000,
      fft_size: 64,
      rate_hz: 50,
    });
    stream.on('error', () => undefined);
    const status = spectrum.status(stream);
    const [before] = await clock.advanceUntil(once(stream, 'data'));
    await iq.unary('StartStream', { station_id: 'sim-1', center_frequency_hz: 99.9e6 });
    for (let i = 0; i < 3; i++) {
      const [after] = await clock.advanceUntil(once(stream, 'data'));
      expect(Number(after.center_frequency_hz)).toBeCloseTo(Number(before.center_frequency_hz), 3);
    }
    await iq.unary('StartStream', { station_id: 'sim-1', center_frequency_hz: 433e6 });
    expect(await clock.advanceUntil(status)).toMatchObject({
      code: 3,
      details: expect.stringContaining("the station's band"),
    });
  });

  it('begins anew behind a gap', async () => {
    const request = { station_id: 'sim-1', fft_size: 1024, averaging: 8, span_hz: 4000 };
    const pending = spectrum.unary('GetSpectrum', request);
    while ((await readers('sim-1')) === 0);
    clock.advance(100);
    clock.stall(10_000);
    const data = await clock.advanceUntil(pending);
    expect(Number(data.sample_index)).toBeGreaterThanOrEqual(9_100_000);
    expect(await readers('sim-1')).toBe(0);
  });

  it('ends with the station, and lets go of it', async () => {
    const request = { station_id: 'sim-1', fft_size: 65_536, span_hz: 50_000 };
    const pending = refusal(spectrum.unary('GetSpectrum', request));
    while ((await readers('sim-1')) !== 1);
    await iq.unary('StopStream', { station_id: 'sim-1' });
    expect(await pending).toBe('9: station sim-1 was stopped');
    clock.advance(5001);
    expect(clock.timers).toBe(0);
  });
});

describe('by how much a span is decimated', () => {
  it.each([
    [undefined, 1e6, 1],
    [1e6, 1e6, 1],
    [400_001, 1e6, 1],
    [400_000, 1e6, 2],
    // 7 and 13 have no cascade: the whole number below that has.
    [110_000, 1e6, 6],
    [60_000, 1e6, 12],
    [100, 1e6, 4096],
    // Thirds cannot be taken that fast, halves can.
    [2.5e6, 10e6, 2],
    // No filter can be as fast: the bins are the whole band's.
    [1e6, 61_440_000, 1],
  ])('%p Hz of %d samples/s: %d', (span, rate, decimation) => {
    expect(zoomDecimation(span, rate)).toBe(decimation);
  });

  it('is refused when the spectrum would need more than a minute of samples', () => {
    const request = {
      ...{ station_id: 'sim-1', center_frequency_hz: 0, span_hz: 1000, fft_size: 65_536, averaging: 8 },
      ...{ window: 'SPECTRUM_WINDOW_HANN', encoding: 'SPECTRUM_ENCODING_FLOAT32', omit_frequencies: false },
      ...{ scaling: 'SPECTRUM_SCALING_TONE', detector: 'SPECTRUM_DETECTOR_MEAN', rate_hz: 0, peaks: 0 },
    };
    expect(() => planSpectrum(request, { sampleRateHz: 1e6, centerFrequencyHz: 100e6 })).toThrow(
      'fft_size and averaging over this span_hz ask for 236 s of samples; at most 60 s are possible',
    );
  });
});
