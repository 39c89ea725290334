import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { takeFrames } from '../support/frames.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { type Stack, startStack } from '../support/stack.ts';

const RATE_HZ = 1_000_000;
const CENTER_HZ = 100_000_000;
/** Points of the transform, and the bin on which the tone lies: +187.5 kHz, so that no window is needed. */
const POINTS = 2048;
const BIN = 384;

let stack: Stack;
let client: Caller;

beforeAll(async () => {
  stack = await startStack({
    stations: [
      {
        stationId: 'tone',
        description: 'A carrier above the centre and nothing else to speak of',
        source: {
          kind: 'sim',
          seed: 1,
          sampleRateHz: RATE_HZ,
          centerFrequencyHz: CENTER_HZ,
          carriers: [{ offsetHz: (BIN * RATE_HZ) / POINTS, powerDbfs: -3 }],
          noiseDbfs: -103,
        },
      },
    ],
  });
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
});
afterAll(async () => {
  await client?.close();
  await stack?.close();
});

/** Power of a bin in dBFS by the definition of the transform; samples are I, Q, I, Q, … of full scale 1. */
function binPowerDbfs(samples: Float64Array, bin: number): number {
  let re = 0;
  let im = 0;
  for (let n = 0; n < POINTS; n++) {
    // Reduced first: the phase of a large product would lose digits.
    const phase = (-2 * Math.PI * ((bin * n) % POINTS)) / POINTS;
    const [i, q, cos, sin] = [samples[2 * n] ?? 0, samples[2 * n + 1] ?? 0, Math.cos(phase), Math.sin(phase)];
    re += i * cos - q * sin;
    im += i * sin + q * cos;
  }
  return 10 * Math.log10((re * re + im * im) / (POINTS * POINTS));
}

const READ: Readonly<Record<string, (bytes: Buffer, at: number) => number>> = {
  cf32_le: (bytes, at) => bytes.readFloatLE(4 * at),
  ci16_le: (bytes, at) => bytes.readInt16LE(2 * at) / 32767,
};

it.each(['cf32_le', 'ci16_le'])('in %s, with its mirror below -60 dB', async (datatype) => {
  const stream = await client.events(`/v1/stations/tone/iq?datatype=${datatype}&batch_size_samples=${POINTS}`);
  const [frame] = (await takeFrames(stream, 1)).frames;
  const bytes = frame?.data ?? Buffer.alloc(0);
  const samples = Float64Array.from({ length: 2 * POINTS }, (_, at) => READ[datatype]?.(bytes, at) ?? Number.NaN);
  const powers = Array.from({ length: POINTS }, (_, index) => binPowerDbfs(samples, index - POINTS / 2));
  const peak = powers.indexOf(Math.max(...powers)) - POINTS / 2;
  expect(peak).toBe(BIN);
  expect(binPowerDbfs(samples, BIN)).toBeCloseTo(-3, 2);
  expect(binPowerDbfs(samples, -BIN)).toBeLessThan(-3 - 60);
  // Nothing else is up there: half a sample of shift, or a swapped byte, would spread it.
  expect(powers.filter((power) => power > -3 - 60)).toHaveLength(1);
});

it('in the spectrum, at its own frequency', async () => {
  const answer = await client.call(
    `/v1/stations/tone/spectrum?fft_size=${POINTS}&window=SPECTRUM_WINDOW_BLACKMAN_HARRIS`,
  );
  const spectrum = answer.json() as { magnitudeDbm: number[]; peakFrequencyHz: number; peakPowerDbm: number };
  expect(spectrum.peakFrequencyHz).toBe(CENTER_HZ + (BIN * RATE_HZ) / POINTS);
  expect(spectrum.peakPowerDbm).toBeCloseTo(-3, 2);
  expect(spectrum.magnitudeDbm[POINTS / 2 - BIN]).toBeLessThan(-3 - 60);
});
