// needs: scipy
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { planDecimation } from '../../src/backend/dsp/decimation-plan.ts';
import { FrameReader, takeFrames } from '../support/frames.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { run } from '../support/run.ts';
import { type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
let client: Caller;

beforeAll(async () => {
  stack = await startStack();
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
});
afterAll(async () => {
  await client?.close();
  await stack?.close();
});

const DECIMATION = 20;
const OFFSET_HZ = 240_000;
const BATCH = 200;
const PART = `/v1/stations/sim-1/iq?frequencyOffsetHz=${OFFSET_HZ}&outputRate=50000&batchSizeSamples=${BATCH}`;

/** Filters the samples of the whole band as scipy does; prints the largest difference from those of the part. */
const COMPARE = `
import sys, json, numpy, scipy.signal
band, part, band_first, part_first, offset, decimation, stages = sys.argv[1:]
x = numpy.fromfile(band, numpy.complex64).astype(numpy.complex128)
y = numpy.fromfile(part, numpy.complex64)
first, decimation = int(band_first), int(decimation)
x *= numpy.exp(-2j * numpy.pi * ((first + numpy.arange(len(x))) * int(offset) % 1000000) / 1000000)
taps, spacing = numpy.ones(1), 1
for stage in json.loads(stages):
    spread = numpy.zeros((len(stage['taps']) - 1) * spacing + 1)
    spread[::spacing] = stage['taps']
    taps, spacing = numpy.convolve(taps, spread), spacing * stage['decimation']
filtered = scipy.signal.lfilter(taps, 1, x)[(len(taps) - 1) // 2 + int(part_first) * decimation - first:][::decimation]
count = min(len(filtered), len(y))
print(json.dumps([count, float(abs(filtered[:count] - y[:count]).max()), float(abs(y).mean())]))
`;

it('reaches a client as scipy filters the band, and goes on where it was broken off', async () => {
  // What it has not read yet waits in the station's ring.
  const band = new FrameReader(await client.events('/v1/stations/sim-1/iq?batchSizeSamples=5000&overflow=block'));
  await band.until(() => band.frames.length >= 2);
  const first = await takeFrames(await client.events(PART), 5);
  const again = await client.events(`${PART}&lastEventId=${first.frames.at(-1)?.eventId}`);
  const second = await takeFrames(again, 5);
  const frames = [...first.frames, ...second.frames];
  expect(second.gaps).toEqual([]);
  const ends = frames.map(({ sampleIndex, samples }) => sampleIndex + samples);
  expect(frames.slice(1).map(({ sampleIndex }) => sampleIndex)).toEqual(ends.slice(0, -1));
  const end = ends.at(-1) ?? 0;
  await band.until(() => (band.frames.at(-1)?.sampleIndex ?? 0) > (end + 100) * DECIMATION);
  band.stop();
  expect(band.gaps).toEqual([]);
  const files = { band: join(stack.certsDir, 'band.cf32'), part: join(stack.certsDir, 'part.cf32') };
  await writeFile(files.band, Buffer.concat(band.frames.map(({ data }) => data)));
  await writeFile(files.part, Buffer.concat(frames.map(({ data }) => data)));
  const stages = planDecimation(DECIMATION).stages.map((stage) => ({ ...stage, taps: [...stage.taps] }));
  const numbers = [band.frames[0]?.sampleIndex, frames[0]?.sampleIndex, OFFSET_HZ, DECIMATION].map(String);
  const { stdout, stderr } = await run('/usr/bin/python3', [
    '-c',
    COMPARE,
    files.band,
    files.part,
    ...numbers,
    JSON.stringify(stages),
  ]);
  expect(stderr).toBe('');
  const [count, worst, mean] = JSON.parse(stdout);
  expect(count).toBe(end - (frames[0]?.sampleIndex ?? 0));
  expect(worst).toBeLessThan(1e-7);
  // The carrier of -12 dBFS, 10 kHz above the part's centre.
  expect(mean).toBeCloseTo(10 ** (-12 / 20), 1);
});
