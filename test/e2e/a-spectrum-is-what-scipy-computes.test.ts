// needs: scipy
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { FrameReader, takeFrames } from '../support/frames.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { run } from '../support/run.ts';
import { type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
let client: Caller;

beforeAll(async () => {
  stack = await startStack();
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
  // The ring holds what came since someone listens; whole frames are to be had from behind its beginning.
  for (const station of ['sim-1', 'adsb']) {
    await takeFrames(await client.events(`/v1/stations/${station}/iq?batch_size_samples=${BATCH}`), 2);
  }
});
afterAll(async () => {
  await client?.close();
  await stack?.close();
});

/** Samples of the frames; spectra begin anywhere, so that small frames waste little. */
const BATCH = 1024;

/** Reads raw cf32_le samples; prints the Welch estimate from the lowest frequency up. */
const WELCH = `
import sys, json, numpy, scipy.signal
file, rate, points, window, scaling = sys.argv[1:]
samples = numpy.fromfile(file, numpy.complex64).astype(numpy.complex128)
_, power = scipy.signal.welch(samples, fs=float(rate), window=window, nperseg=int(points), detrend=False,
                              return_onesided=False, scaling=scaling)
print(json.dumps(list(numpy.fft.fftshift(power))))
`;

interface Spectrum {
  readonly sampleIndex: string;
  readonly averages: number;
  readonly sampleRate: number;
  readonly magnitudeDbm: readonly number[];
  readonly unit: string;
}

/** The samples of these numbers, fetched as server-sent events from the ring. */
async function samplesFrom(station: string, first: number, count: number): Promise<Buffer> {
  const firstFrame = Math.floor(first / BATCH);
  const reader = new FrameReader(
    await client.events(
      `/v1/stations/${station}/iq?datatype=cf32_le&batch_size_samples=${BATCH}&after_sequence=${firstFrame - 1}`,
    ),
  );
  await reader.until(() => (reader.lastId + 1) * BATCH >= first + count);
  reader.stop();
  expect(reader.frames[0]?.id).toBe(firstFrame);
  expect(reader.gaps).toEqual([]);
  // The frame in which the samples begin that are held is a short one.
  const skip = first - (reader.frames[0]?.sampleIndex ?? 0);
  return Buffer.concat(reader.frames.map(({ data }) => data)).subarray(8 * skip, 8 * (skip + count));
}

it.each([
  ['sim-1', 1024, 8, 'HANN', 'hann', 'TONE', 'spectrum'],
  ['sim-1', 256, 32, 'BLACKMAN_HARRIS', 'blackmanharris', 'DENSITY', 'density'],
  ['sim-1', 4096, 3, 'FLATTOP', 'flattop', 'TONE', 'spectrum'],
  ['sim-1', 512, 5, 'HAMMING', 'hamming', 'DENSITY', 'density'],
  ['sim-1', 64, 100, 'RECTANGULAR', 'boxcar', 'TONE', 'spectrum'],
  // Samples of 8 bits: made floats by the same rule for the spectrum and for the reader.
  ['adsb', 2048, 7, 'HANN', 'hann', 'TONE', 'spectrum'],
])(
  'of %s: %d points, %d averages, %s window (%s), %s',
  async (station, points, averages, window, scipyWindow, scaling, scipyScaling) => {
    const answer = await client.call(
      `/v1/stations/${station}/spectrum?fft_size=${points}&averaging=${averages}&window=SPECTRUM_WINDOW_${window}&scaling=SPECTRUM_SCALING_${scaling}`,
    );
    const spectrum = answer.json() as unknown as Spectrum;
    expect(spectrum.averages).toBe(averages);
    expect(spectrum.unit).toBe(scaling === 'TONE' ? 'dBFS' : 'dBFS/Hz');
    const samples = await samplesFrom(station, Number(spectrum.sampleIndex), (points * (averages + 1)) / 2);
    const file = join(stack.certsDir, 'samples.cf32');
    await writeFile(file, samples);
    const arguments_ = [file, spectrum.sampleRate, points, scipyWindow, scipyScaling].map(String);
    const { stdout, stderr } = await run('/usr/bin/python3', ['-c', WELCH, ...arguments_]);
    expect(stderr).toBe('');
    const expected = JSON.parse(stdout) as number[];
    expect(spectrum.magnitudeDbm).toHaveLength(points);
    for (const [bin, text] of spectrum.magnitudeDbm.entries()) {
      // JSON has the shortest digits that give the 32-bit float back.
      const db = Math.fround(text);
      const power = expected[bin] ?? Number.NaN;
      // Half of the last place is what such a float cannot hold.
      const roundingDb = 2 ** (Math.floor(Math.log2(Math.abs(db))) - 24);
      expect(Math.abs(db - 10 * Math.log10(power))).toBeLessThanOrEqual(roundingDb + 1e-8);
      // Above -128 dB that is less than a millionth of the power.
      if (db > -128) expect(Math.abs(10 ** (db / 10) / power - 1)).toBeLessThan(1e-6);
    }
  },
);
