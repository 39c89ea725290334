// needs: curl, jsonschema
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Curl, curlOf } from '../support/curl.ts';
import { readSigmf } from '../support/read-sigmf.ts';
import { countingBytes, RecordingFolder } from '../support/sigmf-recording.ts';
import { type Stack, startStack } from '../support/stack.ts';

const RATE_HZ = 1_000_000;
const BYTES = 4;
/** Where the captures begin in the file and in the original stream: gaps of 12,345 samples, of none and of one. */
const CAPTURES = [
  { start: 0, index: 500, hz: 433e6 },
  { start: 20_000, index: 32_845, hz: 433e6 },
  { start: 35_001, index: 47_846, hz: 868e6 },
  { start: 50_000, index: 62_846, hz: 868e6 },
];
const SAMPLES = 70_000;
const SPAN = 62_846 + 20_000 - 500;
const LOST = SPAN - SAMPLES;
const START_MS = Date.parse('2024-02-29T12:00:00Z');
const data = countingBytes(SAMPLES * BYTES);

let folder: RecordingFolder;
let stack: Stack;
let curl: Curl;

beforeAll(async () => {
  folder = await RecordingFolder.make();
  const captures = CAPTURES.map(({ start, index, hz }) => ({
    'core:sample_start': start,
    'core:global_index': index,
    'core:frequency': hz,
    'core:datetime': new Date(START_MS + (index - 500) / 1000).toISOString(),
  }));
  const file = await folder.write('gaps', 'ci16_le', RATE_HZ, data, captures);
  const source = { kind: 'sigmf', file, loop: false } as const;
  stack = await startStack({ stations: [{ stationId: 'gaps', description: '', source }] });
  curl = curlOf(stack.gatewayUrl, stack.certsDir);
});
afterAll(async () => {
  await stack?.close();
  await folder?.remove();
});

/** Where a sample of the station lies in the file; undefined in a gap. */
function placeOf(sampleIndex: number): number | undefined {
  const into = sampleIndex + 500;
  const at = CAPTURES.findLastIndex(({ index }) => index <= into);
  const { start = 0, index = 0 } = CAPTURES[at] ?? {};
  const place = start + into - index;
  return place < (CAPTURES[at + 1]?.start ?? SAMPLES) ? place : undefined;
}

interface Frame {
  readonly sampleIndex?: string;
  readonly sampleCount: number;
  readonly lostSamples?: string;
  readonly centerFrequencyHz: number;
  readonly timestampNs: string;
  readonly data: string;
}

it.each([1000, 4096])('frames of %d samples: what came and what was lost is all there is', async (batch) => {
  const answer = await curl(`/v1/stations/gaps/iq?batchSizeSamples=${batch}`, '-H', 'accept: application/x-ndjson');
  expect(answer.status).toBe(200);
  const frames = answer
    .text()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Frame);
  const first = Number(frames[0]?.sampleIndex ?? 0);
  // Each reading is a round of its own; its numbers go on from those of the one before.
  const round = Math.floor(first / SPAN);
  let next = first;
  let [came, lost] = [0, 0];
  for (const frame of frames) {
    const index = Number(frame.sampleIndex ?? 0);
    const missing = Number(frame.lostSamples ?? 0);
    expect(index).toBe(next + missing);
    const place = placeOf(index - round * SPAN) ?? Number.NaN;
    const bytes = Buffer.from(frame.data, 'base64');
    expect(bytes.equals(data.subarray(BYTES * place, BYTES * (place + frame.sampleCount)))).toBe(true);
    expect(frame.centerFrequencyHz).toBe(place < 35_001 ? 433e6 : 868e6);
    const recordedNs = BigInt(START_MS) * 1_000_000n + BigInt(index) * 1000n;
    // The times of captures are written to the millisecond.
    expect(Math.abs(Number(BigInt(frame.timestampNs) - recordedNs))).toBeLessThanOrEqual(1_000_000);
    came += frame.sampleCount;
    lost += missing;
    next = index + frame.sampleCount;
  }
  expect(first + came + lost).toBe(next);
  // The last samples, too few for a frame, may not have come.
  expect((round + 1) * SPAN - next).toBeLessThan(batch);
  expect(lost).toBe(LOST);
});

it('an archive of it has the same captures, and the same samples', async () => {
  const answer = await curl(`/v1/stations/gaps/iq:download?samples=${SAMPLES}&archive=sigmf`);
  expect(answer.status).toBe(200);
  const file = join(folder.dir, 'answer.sigmf');
  await writeFile(file, answer.body);
  const members = execFileSync('tar', ['-tf', file], { encoding: 'utf8' }).trimEnd().split('\n');
  const member = (ending: string): Buffer =>
    execFileSync('tar', ['-xOf', file, members.find((name) => name.endsWith(ending)) ?? '']);
  expect(member('.sigmf-data').equals(data)).toBe(true);
  const { captures } = await readSigmf(answer.body);
  const base = Number(captures[0]?.['core:global_index']) - 500;
  expect(captures).toMatchObject(
    CAPTURES.map(({ start, index, hz }) => ({
      'core:sample_start': start,
      'core:global_index': base + index,
      'core:frequency': hz,
      'core:datetime': expect.stringMatching(/^2024-02-29T12:00:0/),
    })),
  );
});
