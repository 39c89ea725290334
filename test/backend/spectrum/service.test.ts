// needs: scipy
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import FFT from 'fft.js';
import { DEFAULT_STATIONS } from '../../../src/backend/stations/default-stations.ts';
import { makeTestPki, type TestPki } from '../../support/pki.ts';
import { BackendUnderTest, type Caller, type Message, refusal } from '../backend-under-test.ts';
import { ManualClock } from '../manual-clock.ts';
import { scipyWelch, worstRelativeError } from './scipy.ts';

const list = (value: unknown): number[] => (Array.isArray(value) ? value : []);
const linear = (values: readonly number[]): number[] => values.map((db) => 10 ** (db / 10));

describe('SpectrumMonitorService', () => {
  let pki: TestPki;
  let clock: ManualClock;
  let backend: BackendUnderTest;
  let spectrum: Caller;
  let iq: Caller;

  beforeAll(async () => {
    pki = await makeTestPki();
  });
  afterAll(() => pki.remove());
  beforeEach(async () => {
    clock = new ManualClock();
    const [sim, adsb] = DEFAULT_STATIONS;
    if (sim === undefined || adsb === undefined) throw new Error('there are two default stations');
    backend = await BackendUnderTest.start({
      pki,
      clock,
      stations: [sim, adsb, { ...sim, stationId: 'calibrated', fullScaleDbm: -30 }],
    });
    spectrum = await backend.client('sdr.oran.SpectrumMonitorService');
    iq = await backend.client('sdr.oran.IQStreamService');
  });
  afterEach(() => backend.stop());

  const get = (request: object): Promise<Message> => clock.advanceUntil(spectrum.unary('GetSpectrum', request));

  /** The samples that a spectrum was made of, read from the ring as cf32. */
  async function samplesOf(data: Message, stationId: string, count: number): Promise<Uint8Array> {
    const batch = 1000;
    // Time stands still while they are read: they are all there, and none of them leaves the ring.
    clock.advance(20);
    const first = Number(data.sample_index);
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

  it.each([
    ['sim-1', 'HANN', 'hann', 1024, 8],
    ['sim-1', 'FLATTOP', 'flattop', 256, 33],
    ['adsb', 'BLACKMAN_HARRIS', 'blackmanharris', 4096, 3],
    ['adsb', 'RECTANGULAR', 'boxcar', 64, 100],
  ])(
    'of %s, %s, equals scipy on the samples that it names',
    async (stationId, window, scipyWindow, fftSize, averaging) => {
      // A reader is there before, so that the samples are still held afterwards from the beginning.
      const keeper = iq.stream('SubscribeIQ', { station_id: stationId });
      keeper.on('error', () => undefined).resume();
      await once(keeper, 'metadata');
      const data = await get({
        station_id: stationId,
        fft_size: fftSize,
        averaging,
        window: `SPECTRUM_WINDOW_${window}`,
      });
      const rate = Number(data.sample_rate);
      const count = (fftSize * (averaging + 1)) / 2;
      const samples = await samplesOf(data, stationId, count);
      expect(samples).toHaveLength(count * 8);
      const [oracle] = scipyWelch(samples, [{ window: scipyWindow, nperseg: fftSize, scaling: 'spectrum', fs: rate }]);
      const worst = worstRelativeError(linear(list(data.magnitude_dbm)), oracle?.powers ?? []);
      // Floats of tens of dB end at some 4e-6 dB.
      expect(worst).toBeLessThan(1e-6);
      const center = Number(data.center_frequency_hz);
      expect(list(data.frequencies_hz)).toEqual(oracle?.frequencies.map((f) => f + center));
      keeper.cancel();
    },
  );

  it('describes itself: axis, unit, bandwidth, peak', async () => {
    const data = await get({ station_id: 'sim-1', fft_size: 1024, averaging: 4 });
    expect(data).toMatchObject({
      station_id: 'sim-1',
      center_frequency_hz: 100e6,
      span_hz: 1e6,
      start_hz: 99.5e6,
      step_hz: 1e6 / 1024,
      fft_size: 1024,
      averages: 4,
      window: 'SPECTRUM_WINDOW_HANN',
      scaling: 'SPECTRUM_SCALING_TONE',
      unit: 'dBFS',
      calibrated: false,
      full_scale_dbm: 0,
      sequence_number: '0',
      peak_frequency_hz: 100.25e6,
      peak_power_dbm: expect.closeTo(-12, 1),
      enbw_bins: expect.closeTo(1.5, 6),
      enbw_hz: expect.closeTo((1.5 * 1e6) / 1024, 3),
    });
    expect(list(data.frequencies_hz)[512]).toBe(100e6);
  });

  it('adds the calibration of a station that has one', async () => {
    const data = await get({ station_id: 'calibrated', scaling: 'SPECTRUM_SCALING_DENSITY' });
    expect(data).toMatchObject({ unit: 'dBm/Hz', calibrated: true, full_scale_dbm: -30 });
    const tone = await get({ station_id: 'calibrated' });
    expect(tone).toMatchObject({ unit: 'dBm', peak_power_dbm: expect.closeTo(-42, 0) });
  });

  it('crops a span that is too wide to zoom to from the grid of the whole band', async () => {
    const data = await get({
      station_id: 'sim-1',
      center_frequency_hz: 100.25e6,
      span_hz: 437_500,
      omit_frequencies: true,
    });
    expect(data).toMatchObject({ center_frequency_hz: 100.25e6, span_hz: 437_500, start_hz: 100.03125e6 });
    expect(list(data.magnitude_dbm)).toHaveLength(448);
    expect(list(data.frequencies_hz)).toHaveLength(0);
    expect(data.peak_frequency_hz).toBe(100.25e6);
  });

  it('names the strongest peaks, the one between bins, and the floor of the noise', async () => {
    const request = { station_id: 'sim-1', fft_size: 4096, averaging: 32, peaks: 3, window: 'SPECTRUM_WINDOW_FLATTOP' };
    const data = await get(request);
    // A carrier of -12 dBFS at +250 kHz; noise of -40 dBFS in 1 MHz, of which a bin has its share.
    const floor = -40 + 10 * Math.log10(Number(data.enbw_bins) / 4096);
    expect(Math.abs(Number(data.noise_floor_dbm) - floor)).toBeLessThan(0.5);
    expect(Math.abs(Number(data.peak_interpolated_frequency_hz) - 100.25e6)).toBeLessThan(1);
    expect(Number(data.peak_interpolated_power_dbm)).toBeCloseTo(-12, 2);
    const peaks = Array.isArray(data.peaks) ? data.peaks : [];
    expect(peaks).toHaveLength(3);
    expect(peaks[0]).toEqual({
      frequency_hz: data.peak_interpolated_frequency_hz,
      power_dbm: data.peak_interpolated_power_dbm,
    });
    expect(peaks[1].power_dbm).toBeGreaterThanOrEqual(peaks[2].power_dbm);
    // The next are in the QPSK signal around the centre.
    expect(Math.abs(peaks[1].frequency_hz - 100e6)).toBeLessThan(85_000);
  });

  it('holds the greatest power of each bin', async () => {
    const keeper = iq.stream('SubscribeIQ', { station_id: 'adsb' });
    keeper.on('error', () => undefined).resume();
    await once(keeper, 'metadata');
    const detector = 'SPECTRUM_DETECTOR_MAX_HOLD';
    const data = await get({ station_id: 'adsb', fft_size: 512, averaging: 40, detector });
    const samples = await samplesOf(data, 'adsb', (512 * 41) / 2);
    const [oracle] = scipyWelch(samples, [{ window: 'hann', nperseg: 512, scaling: 'spectrum', fs: 2e6, hold: true }]);
    expect(worstRelativeError(linear(list(data.magnitude_dbm)), oracle?.powers ?? [])).toBeLessThan(1e-6);
    expect(data.detector).toBe(detector);
    keeper.cancel();
  });

  it('writes powers as bytes that mean the same to half a step', async () => {
    const keeper = iq.stream('SubscribeIQ', { station_id: 'sim-1' });
    keeper.on('error', () => undefined).resume();
    await once(keeper, 'metadata');
    const data = await get({ station_id: 'sim-1', encoding: 'SPECTRUM_ENCODING_UINT8', fft_size: 256, averaging: 8 });
    const samples = await samplesOf(data, 'sim-1', (256 * 9) / 2);
    const [oracle] = scipyWelch(samples, [{ window: 'hann', nperseg: 256, scaling: 'spectrum', fs: 1e6 }]);
    const bytes = Buffer.from(Object.values(data.magnitude_u8 ?? {}));
    const [offset, step] = [Number(data.u8_offset_db), Number(data.u8_step_db)];
    expect(bytes).toHaveLength(256);
    expect(list(data.magnitude_dbm)).toHaveLength(0);
    expect(step).toBeLessThan(0.5);
    bytes.forEach((byte, i) => {
      const expected = 10 * Math.log10(oracle?.powers[i] ?? 0);
      expect(Math.abs(offset + step * byte - expected)).toBeLessThan(step / 2 + 1e-6);
    });
    keeper.cancel();
  });

  it('streams at the rate that is asked for, each from fresh samples', async () => {
    const request = { station_id: 'sim-1', rate_hz: 20, fft_size: 256 };
    const messages = await clock.advanceUntil(spectrum.take('StreamSpectrum', request, 5));
    messages.forEach(({ sample_index, sequence_number }, i) => {
      expect(sequence_number).toBe(String(i));
      expect(Number(sample_index) - Number(messages[0]?.sample_index)).toBe(i * 50_000);
    });
  });

  it('computes one spectrum for all who ask the same, and counts for each', async () => {
    const request = { station_id: 'adsb', rate_hz: 50 };
    const open = (): { readonly first: Promise<Message>; readonly stream: ReturnType<Caller['stream']> } => {
      const stream = spectrum.stream('StreamSpectrum', request);
      stream.on('error', () => undefined);
      return { stream, first: once(stream, 'data').then(([message]) => message) };
    };
    const one = open();
    await clock.advanceUntil(one.first);
    const [third] = await Promise.all([once(one.stream, 'data'), clock.advanceUntil(once(one.stream, 'data'))]);
    const two = open();
    await once(two.stream, 'metadata');
    const [fromOne, fromTwo] = await clock.advanceUntil(
      Promise.all([once(one.stream, 'data').then(([m]) => m), two.first]),
    );
    expect(third).toBeDefined();
    expect(fromTwo.sample_index).toBe(fromOne.sample_index);
    expect(fromTwo.sequence_number).toBe('0');
    expect(Number(fromOne.sequence_number)).toBeGreaterThan(0);
    for (const { stream } of [one, two]) stream.cancel();
  });

  it('transforms once, however many read the same', async () => {
    const transform = jest.spyOn(FFT.prototype, 'transform');
    try {
      const request = { station_id: 'sim-1', rate_hz: 50, fft_size: 256, averaging: 4 };
      const streams = Array.from({ length: 12 }, () => spectrum.stream('StreamSpectrum', request));
      const firsts = streams.map((stream) =>
        once(
          stream.on('error', () => undefined),
          'data',
        ),
      );
      await Promise.all(streams.map((stream) => once(stream, 'metadata')));
      const spectra = await clock.advanceUntil(Promise.all(firsts));
      expect(new Set(spectra.map(([message]) => message.sample_index)).size).toBe(1);
      // Every spectrum since the first, whether it has arrived already or not.
      expect(transform.mock.calls.length % 4).toBe(0);
      expect(transform.mock.calls.length / 4).toBeLessThanOrEqual(1 + (clock.nowMs() * 50) / 1000);
      for (const stream of streams) stream.cancel();
    } finally {
      transform.mockRestore();
    }
  });

  it('measures once for all who ask the same at a time, and anew for who asks for something else or later', async () => {
    const stations = await backend.client('sdr.oran.StationService');
    const transform = jest.spyOn(FFT.prototype, 'transform');
    const readers = async () => (await stations.unary('GetStation', { station_id: 'sim-1' })).subscribers;
    try {
      const request = { station_id: 'sim-1', fft_size: 256, averaging: 40 };
      const asked = Array.from({ length: 12 }, () => spectrum.unary('GetSpectrum', request));
      while ((await readers()) !== 12);
      // Halfway through, one who asks is not late yet.
      clock.advance(3);
      asked.push(spectrum.unary('GetSpectrum', request));
      while ((await readers()) !== 13);
      const other = spectrum.unary('GetSpectrum', { ...request, averaging: 41 });
      while ((await readers()) !== 14);
      const spectra = await clock.advanceUntil(Promise.all(asked));
      await clock.advanceUntil(other);
      expect(transform).toHaveBeenCalledTimes(40 + 41);
      for (const each of spectra) expect(each).toEqual(spectra[0]);
      const next = await get(request);
      expect(transform).toHaveBeenCalledTimes(40 + 41 + 40);
      expect(Number(next.sample_index)).toBeGreaterThan(Number(spectra[0]?.sample_index) + (256 * 41) / 2);
    } finally {
      transform.mockRestore();
    }
  });

  it('goes on measuring for those who are left when the first one goes, and not for one who asks after a retune', async () => {
    const stations = await backend.client('sdr.oran.StationService');
    const readers = async () => (await stations.unary('GetStation', { station_id: 'sim-1' })).subscribers;
    const request = { station_id: 'sim-1', fft_size: 65_536, averaging: 8 };
    const first = spectrum.raw.GetSpectrum?.(request, () => undefined);
    while ((await readers()) !== 1);
    const second = spectrum.unary('GetSpectrum', request);
    while ((await readers()) !== 2);
    first.cancel();
    while ((await readers()) !== 1);
    await iq.unary('StartStream', { station_id: 'sim-1', center_frequency_hz: 433e6 });
    const third = spectrum.unary('GetSpectrum', request);
    while ((await readers()) !== 2);
    const transform = jest.spyOn(FFT.prototype, 'transform');
    try {
      for (const each of await clock.advanceUntil(Promise.all([second, third]))) {
        expect(each.center_frequency_hz).toBe(433e6);
      }
      expect(transform).toHaveBeenCalledTimes(16);
    } finally {
      transform.mockRestore();
    }
    expect(await readers()).toBe(0);
  });

  it('begins anew behind a gap', async () => {
    const pending = spectrum.unary('GetSpectrum', { station_id: 'sim-1', fft_size: 65_536, averaging: 8 });
    const stations = await backend.client('sdr.oran.StationService');
    while ((await stations.unary('GetStation', { station_id: 'sim-1' })).subscribers === 0);
    clock.advance(100);
    clock.stall(10_000);
    const data = await clock.advanceUntil(pending);
    // The 9 s gap after 0.1 s ends at 9.1 s.
    expect(Number(data.sample_index)).toBeGreaterThanOrEqual(9_100_000);
  });

  it('ends when the station is stopped', async () => {
    const pending = refusal(spectrum.unary('GetSpectrum', { station_id: 'sim-1', fft_size: 65_536 }));
    const stream = spectrum.stream('StreamSpectrum', { station_id: 'sim-1', fft_size: 65_536 });
    const status = spectrum.status(stream);
    const stations = await backend.client('sdr.oran.StationService');
    while ((await stations.unary('GetStation', { station_id: 'sim-1' })).subscribers !== 2);
    await iq.unary('StopStream', { station_id: 'sim-1' });
    expect(await pending).toBe('9: station sim-1 was stopped');
    expect(await status).toMatchObject({ code: 0 });
  });

  it('lets go of the station when the callers are gone', async () => {
    const call = spectrum.raw.GetSpectrum?.({ station_id: 'sim-1', fft_size: 65_536, averaging: 100 }, () => undefined);
    const stream = spectrum.stream('StreamSpectrum', { station_id: 'sim-1' });
    const ended = spectrum.status(stream);
    const stations = await backend.client('sdr.oran.StationService');
    const readers = async () => (await stations.unary('GetStation', { station_id: 'sim-1' })).subscribers;
    while ((await readers()) !== 2);
    call.cancel();
    stream.cancel();
    await ended;
    while ((await readers()) !== 0);
    clock.advance(5001);
    expect(clock.timers).toBe(0);
  });
});
