// needs: curl, jsonschema, scipy
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { unpackTar } from 'modern-tar';
import { planDecimation } from '../../src/backend/dsp/decimation-plan.ts';
import { type Curl, curlOf } from '../support/curl.ts';
import { FrameReader, takeFrames } from '../support/frames.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { readSigmf } from '../support/read-sigmf.ts';
import { run } from '../support/run.ts';
import { type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
let client: Caller;
let curl: Curl;

beforeAll(async () => {
  stack = await startStack();
  curl = curlOf(stack.gatewayUrl, stack.certsDir);
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

const DOWNLOAD = `/v1/stations/sim-1/iq:download?frequencyOffsetHz=${OFFSET_HZ}&outputRate=50000`;

/** Filters the samples of the whole band as scipy does; prints of each part the largest difference from that. */
const COMPARE = `
import sys, json, numpy, scipy.signal
band, band_first, part_first, offset, decimation, stages, *parts = sys.argv[1:]
x = numpy.fromfile(band, numpy.complex64).astype(numpy.complex128)
first, decimation = int(band_first), int(decimation)
x *= numpy.exp(-2j * numpy.pi * ((first + numpy.arange(len(x))) * int(offset) % 1000000) / 1000000)
taps, spacing = numpy.ones(1), 1
for stage in json.loads(stages):
    spread = numpy.zeros((len(stage['taps']) - 1) * spacing + 1)
    spread[::spacing] = stage['taps']
    taps, spacing = numpy.convolve(taps, spread), spacing * stage['decimation']
filtered = scipy.signal.lfilter(taps, 1, x)[(len(taps) - 1) // 2 + int(part_first) * decimation - first:][::decimation]
for part in parts:
    y = numpy.fromfile(part, numpy.complex64)
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
  const [start, count] = [frames[0]?.sampleIndex ?? 0, end - (frames[0]?.sampleIndex ?? 0)];
  const headersFile = join(stack.certsDir, 'headers');
  const body = await curl(`${DOWNLOAD}&from=${start}&samples=${count}`, '-D', headersFile);
  const archive = await curl(`${DOWNLOAD}&from=${start}&samples=${count}&archive=sigmf`);
  const headers = await readFile(headersFile, 'latin1');
  for (const header of [
    'x-sample-rate-hz: 50000',
    'x-center-frequency-hz: 100240000',
    `x-first-sample-index: ${start}`,
  ]) {
    expect(headers).toContain(`${header}\r\n`);
  }
  expect(await readSigmf(archive.body)).toMatchObject({ bytes: count * 8 });
  const [data, meta] = await unpackTar(archive.body);
  expect(JSON.parse(Buffer.from(meta?.data ?? []).toString())).toMatchObject({
    global: { 'core:sample_rate': 50_000, 'core:datatype': 'cf32_le' },
    captures: [{ 'core:frequency': 100_240_000, 'core:global_index': start }],
  });
  await band.until(() => (band.frames.at(-1)?.sampleIndex ?? 0) > (end + 100) * DECIMATION);
  band.stop();
  expect(band.gaps).toEqual([]);
  const fileOf = async (name: string, bytes: Uint8Array): Promise<string> => {
    const file = join(stack.certsDir, name);
    await writeFile(file, bytes);
    return file;
  };
  const bandFile = await fileOf('band.cf32', Buffer.concat(band.frames.map(({ data: bytes }) => bytes)));
  const partFiles = [
    await fileOf('streamed.cf32', Buffer.concat(frames.map(({ data: bytes }) => bytes))),
    await fileOf('downloaded.cf32', body.body),
    await fileOf('archived.cf32', data?.data ?? Buffer.alloc(0)),
  ];
  const stages = planDecimation(DECIMATION).stages.map((stage) => ({ ...stage, taps: [...stage.taps] }));
  const numbers = [band.frames[0]?.sampleIndex, start, OFFSET_HZ, DECIMATION].map(String);
  const { stdout, stderr } = await run('/usr/bin/python3', [
    ...['-c', COMPARE, bandFile],
    ...[...numbers, JSON.stringify(stages), ...partFiles],
  ]);
  expect(stderr).toBe('');
  const compared: number[][] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(compared).toHaveLength(3);
  for (const [samples, worst, mean] of compared) {
    expect(samples).toBe(count);
    expect(worst).toBeLessThan(1e-7);
    // The carrier of -12 dBFS, 10 kHz above the part's centre.
    expect(mean).toBeCloseTo(10 ** (-12 / 20), 1);
  }
});
