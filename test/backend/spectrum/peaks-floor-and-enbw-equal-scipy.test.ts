// needs: scipy
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { declareStation } from '../../../src/backend/stations/declared-station.ts';
import { makeTestPki, type TestPki } from '../../support/pki.ts';
import { BackendUnderTest, type Message } from '../backend-under-test.ts';
import { ManualClock } from '../manual-clock.ts';

const RATE_HZ = 1e6;
const NOISE_DBFS = -50;
/** Nine carriers between bins, a few dB apart so that no window changes their order, far enough apart for all windows. */
const CARRIERS = [-430_123, -311_000.7, -222_345, -120_987.6, 35_555.5, 123_456.7, 250_000, 333_888, 441_234].map(
  (offset_hz, i) => ({ offset_hz, power_dbfs: -6 - 4 * ((5 * i) % 9) }),
);

/**
 * Each is measured by the station, and by scipy from the very samples that the station names. Hamming's side lobes of nine
 * carriers are stronger than the noise in every bin, and where the greatest power on a flat top is, noise decides.
 */
const CASES = [
  { window: 'HANN', scipy: 'hann', fft: 1024, averaging: 8, detector: 'MEAN', seesNoise: true, isFlat: false },
  { window: 'HAMMING', scipy: 'hamming', fft: 2048, averaging: 16, detector: 'MEAN', seesNoise: false, isFlat: false },
  {
    window: 'BLACKMAN_HARRIS',
    scipy: 'blackmanharris',
    fft: 1024,
    averaging: 30,
    detector: 'MEAN',
    seesNoise: true,
    isFlat: false,
  },
  { window: 'FLATTOP', scipy: 'flattop', fft: 4096, averaging: 5, detector: 'MEAN', seesNoise: true, isFlat: true },
  {
    window: 'BLACKMAN_HARRIS',
    scipy: 'blackmanharris',
    fft: 2048,
    averaging: 20,
    detector: 'MAX_HOLD',
    seesNoise: true,
    isFlat: false,
  },
] as const;

/**
 * Positions and powers of the peaks by the transform of the segments at frequencies a two-hundredth of a bin apart; the
 * floor by the median of the bins that can be noise, with the quantiles of gamma distributions themselves.
 */
const PROGRAM = `
import json, sys
import numpy as np, scipy.signal, scipy.stats
answers = []
for case in json.load(sys.stdin):
    samples = np.fromfile(case['file'], dtype='<c8').astype(complex)
    n, k, hold = case['fft'], case['averaging'], case['detector'] == 'MAX_HOLD'
    w = scipy.signal.get_window(case['scipy'], n, fftbins=True)
    segments = np.lib.stride_tricks.sliding_window_view(samples, n)[::n // 2] * w / w.sum()
    assert len(segments) == k
    combine = (lambda p: p.max(axis=0)) if hold else (lambda p: p.mean(axis=0))
    power = np.fft.fftshift(combine(np.abs(np.fft.fft(segments, axis=1)) ** 2))
    found, _ = scipy.signal.find_peaks(power)
    peaks = []
    for bin in sorted(found, key=lambda i: -power[i])[:case['peaks']]:
        near = bin + np.arange(-100, 101) / 200
        at = combine(np.abs(segments @ np.exp(-2j * np.pi * np.outer(np.arange(n), near - n / 2) / n)) ** 2)
        peaks.append([float((near[at.argmax()] - n / 2) * case['rate'] / n), float(10 * np.log10(at.max()))])
    alike = ((w[:n // 2] * w[n // 2:]).sum() / (w ** 2).sum()) ** 2
    free = k / (1 + 2 * alike * (k - 1) / k)
    quantile = (lambda p: -np.log(1 - p ** (1 / free))) if hold else scipy.stats.gamma(free, scale=1 / free).ppf
    rough = np.quantile(power, 0.25) / quantile(0.25)
    floor = np.median(power[power <= rough * quantile(0.999)]) / quantile(0.5)
    answers.append({'enbwBins': float(n * (w ** 2).sum() / w.sum() ** 2), 'peaks': peaks, 'floorDb': float(10 * np.log10(floor))})
print(json.dumps(answers))
`;

interface Oracle {
  readonly enbwBins: number;
  /** Offset in Hz and power in dB, the strongest first. */
  readonly peaks: readonly (readonly [number, number])[];
  readonly floorDb: number;
}

let pki: TestPki;
let folder: string;
const measured: Message[] = [];
let oracles: readonly Oracle[] = [];

beforeAll(async () => {
  pki = await makeTestPki();
  folder = await mkdtemp(join(tmpdir(), 'passband-scipy-'));
  const clock = new ManualClock();
  const sim = { seed: 7, noise_dbfs: NOISE_DBFS, carriers: CARRIERS };
  const station = { station_id: 'nine', sample_rate: RATE_HZ, center_frequency_hz: 100e6, sim };
  const backend = await BackendUnderTest.start({ pki, clock, stations: [declareStation(station, folder)] });
  try {
    const iq = await backend.client('sdr.oran.IQStreamService');
    const spectrum = await backend.client('sdr.oran.SpectrumMonitorService');
    // Reads all the time, so that every sample is there to be compared.
    const all: Buffer[] = [];
    const reader = iq.stream('SubscribeIQ', { station_id: 'nine', datatype: 'cf32_le', batch_size_samples: 1000 });
    reader.on('error', () => undefined).on('data', ({ data }: Message) => all.push(data ?? Buffer.alloc(0)));
    await once(reader, 'metadata');
    for (const { window, fft, averaging, detector } of CASES) {
      const asked = { fft_size: fft, averaging, peaks: CARRIERS.length, omit_frequencies: true };
      const names = { window: `SPECTRUM_WINDOW_${window}`, detector: `SPECTRUM_DETECTOR_${detector}` };
      let answer: Message | undefined;
      const call = spectrum.unary('GetSpectrum', { station_id: 'nine', ...asked, ...names }).then((message) => {
        answer = message;
      });
      while (answer === undefined) {
        clock.advance(10);
        await Promise.race([call, new Promise((resolve) => setImmediate(resolve))]);
      }
      measured.push(answer);
    }
    const lastEnd = Number(measured.at(-1)?.sample_index) + 100_000;
    while (all.length * 1000 < lastEnd) {
      clock.advance(10);
      await new Promise((resolve) => setImmediate(resolve));
    }
    reader.cancel();
    const samples = Buffer.concat(all);
    const tasks = await Promise.all(
      CASES.map(async ({ fft, averaging, ...rest }, i) => {
        const file = join(folder, `${i}.cf32`);
        const first = Number(measured[i]?.sample_index);
        await writeFile(file, samples.subarray(first * 8, (first + (fft * (averaging + 1)) / 2) * 8));
        return { ...rest, fft, averaging, file, rate: RATE_HZ, peaks: CARRIERS.length };
      }),
    );
    const python = spawnSync('/usr/bin/python3', ['-c', PROGRAM], { input: JSON.stringify(tasks), encoding: 'utf8' });
    if (python.status !== 0) throw new Error(python.stderr);
    oracles = JSON.parse(python.stdout);
  } finally {
    await backend.stop();
  }
});
afterAll(async () => {
  await pki.remove();
  await rm(folder, { recursive: true });
});

const rows = CASES.map((one, i) => [`${one.window}, ${one.fft} points, ${one.averaging}, ${one.detector}`, i] as const);

it.each(rows)('the noise bandwidth of %s', (_, i) => {
  const { enbwBins } = oracles[i] ?? { enbwBins: Number.NaN };
  expect(Number(measured[i]?.enbw_bins)).toBeCloseTo(enbwBins, 9);
  expect(Number(measured[i]?.enbw_hz) / ((enbwBins * RATE_HZ) / (CASES[i]?.fft ?? 0))).toBeCloseTo(1, 9);
});

it.each(rows)('the strongest peaks of %s, to a fiftieth of a bin and a twentieth of a decibel', (_, i) => {
  const peaks: readonly { readonly frequency_hz: number; readonly power_dbm: number }[] = Array.isArray(
    measured[i]?.peaks,
  )
    ? measured[i].peaks
    : [];
  const expected = oracles[i]?.peaks ?? [];
  expect(expected).toHaveLength(CARRIERS.length);
  expect(peaks).toHaveLength(CARRIERS.length);
  const binHz = RATE_HZ / (CASES[i]?.fft ?? 0);
  for (const [j, [offsetHz, powerDb]] of expected.entries()) {
    const measuredHz = (peaks[j]?.frequency_hz ?? 0) - 100e6;
    if (CASES[i]?.isFlat === false) expect(Math.abs(measuredHz - offsetHz) / binHz).toBeLessThan(0.02);
    expect(Math.abs((peaks[j]?.power_dbm ?? 0) - powerDb)).toBeLessThan(0.05);
    // And they are the carriers that the scene has.
    const nearest = Math.min(...CARRIERS.map(({ offset_hz }) => Math.abs(offset_hz - measuredHz)));
    expect(nearest / binHz).toBeLessThan(0.1);
  }
});

it.each(rows)('the noise floor of %s, to a tenth of a decibel', (_, i) => {
  const { floorDb, enbwBins } = oracles[i] ?? { floorDb: Number.NaN, enbwBins: Number.NaN };
  const floor = Number(measured[i]?.noise_floor_dbm);
  expect(Math.abs(floor - floorDb)).toBeLessThan(0.1);
  // And to half a decibel the noise that the scene has, of which a bin has its share.
  if (CASES[i]?.seesNoise !== true) return;
  const known = NOISE_DBFS + 10 * Math.log10(enbwBins / (CASES[i]?.fft ?? 0));
  expect(Math.abs(floor - known)).toBeLessThan(0.5);
});
