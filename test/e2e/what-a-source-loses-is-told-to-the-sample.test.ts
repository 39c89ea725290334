import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ManualClock } from '../backend/manual-clock.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const RATE_HZ = 20_000;
const STATION = {
  stationId: 's',
  description: 'noise',
  source: { kind: 'sim', seed: 1, sampleRateHz: RATE_HZ, centerFrequencyHz: 100e6, noiseDbfs: -3 },
} as const;

/** Milliseconds for which the source is held up, and the samples that this costs it. */
const STALLS = [
  [1010.37, 207],
  [1004.21, 144],
  [1000.01, 60],
  [1200, 4060],
] as const;

let stack: Stack;
let client: Caller;
let clock: ManualClock;

beforeAll(async () => {
  clock = new ManualClock();
  stack = await startStack({ clock, stations: [STATION] });
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
});
afterAll(async () => {
  await client?.close();
  await stack?.close();
});

interface Frame {
  readonly sequenceNumber?: string;
  readonly sampleIndex?: string;
  readonly sampleCount: number;
  readonly lostSamples?: string;
  readonly saturatedValues?: number;
  readonly data: string;
}

/** Sums of what frames say. */
const sumOf = (frames: readonly Frame[], of: (frame: Frame) => number): number =>
  frames.reduce((sum, frame) => sum + of(frame), 0);

it('a reader at the gateway is told every gap to the sample, whatever the size of its frames', async () => {
  const sizes = [64, 1000, 4096, 8192];
  const responses = await Promise.all(
    sizes.map((size) =>
      client.open(`/v1/stations/s/iq?batchSizeSamples=${size}&overflow=block`, {
        headers: { accept: 'application/x-ndjson' },
      }),
    ),
  );
  const bodies = responses.map(({ body }) => body.text());
  clock.advance(400);
  // A second of what is due after each stall is made up for; the rest never was. From the second on, 3 ms were due before.
  for (const [ms] of STALLS) {
    clock.stall(ms);
    clock.advance(33);
  }
  clock.advance(100);
  const injected = STALLS.map(([, samples]) => samples);
  const stats = (await client.call('/v1/stations/s/stats')).json() as Record<string, string>;
  await client.call('/v1/stations/s:stop', { method: 'POST', body: '{}' });
  const lost = injected.reduce((sum, samples) => sum + samples, 0);
  expect(Number(stats.sourceLostSamples)).toBe(lost);
  for (const body of bodies) {
    const frames: Frame[] = (await body)
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const last = frames.at(-1);
    expect(frames.flatMap(({ lostSamples }) => (lostSamples === undefined ? [] : Number(lostSamples)))).toEqual(
      injected,
    );
    // The count is the clock times the rate: the last samples were made 3 ms ago.
    const end = Number(last?.sampleIndex) + (last?.sampleCount ?? 0);
    expect(end).toBe(Math.floor(((clock.nowMs() - 3) * RATE_HZ) / 1000));
    expect(lost + sumOf(frames, ({ sampleCount }) => sampleCount)).toBe(end);
    let next = 0;
    for (const { sampleIndex = '0', sampleCount, lostSamples = '0', data } of frames) {
      expect(Number(sampleIndex)).toBe(next + Number(lostSamples));
      expect(Buffer.from(data, 'base64')).toHaveLength(8 * sampleCount);
      next = Number(sampleIndex) + sampleCount;
    }
    const numbers = frames.map(({ sequenceNumber = '0' }) => Number(sequenceNumber));
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  }
});

it('values that do not fit the datatype of a reader are counted, each of them', async () => {
  await client.call('/v1/stations/s:start', { method: 'POST', body: '{}' });
  const [exact, small] = await Promise.all(
    ['cf32_le', 'ci8'].map((datatype) =>
      client.open(`/v1/stations/s/iq?batchSizeSamples=200&overflow=block&datatype=${datatype}`, {
        headers: { accept: 'application/x-ndjson' },
      }),
    ),
  );
  const bodies = [exact, small].map((response) => response?.body.text());
  clock.advance(300);
  const stats = await until(
    'all frames are sent',
    async () => (await client.call('/v1/stations/s/stats')).json() as Record<string, string>,
    ({ packetsSent }) => Number(packetsSent) >= 56,
  );
  await client.call('/v1/stations/s:stop', { method: 'POST', body: '{}' });
  const [floats = [], bytes = []] = await Promise.all(
    bodies.map(
      async (body): Promise<Frame[]> =>
        ((await body) ?? '')
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line)),
    ),
  );
  let total = 0;
  for (const [i, frame] of floats.entries()) {
    const data = Buffer.from(frame.data, 'base64');
    const values = Array.from({ length: data.length / 4 }, (_, at) => Math.floor(127 * data.readFloatLE(4 * at) + 0.5));
    const beyond = values.filter((value) => value > 127 || value < -128).length;
    expect(bytes[i]?.saturatedValues ?? 0).toBe(beyond);
    expect(frame.saturatedValues ?? 0).toBe(0);
    // The last one, which the stop cut short, came after the statistics.
    if (i < Number(stats.packetsSent) / 2) total += beyond;
  }
  expect(floats.length).toBe(bytes.length);
  expect(total).toBeGreaterThan(0);
  expect(Number(stats.saturatedValues)).toBe(total);
});
