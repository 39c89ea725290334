// needs: curl
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createParser } from 'eventsource-parser';
import { type Line, linesOf } from '../audit/journal-under-test.ts';
import { type Curl, curlOf } from '../support/curl.ts';
import { countingBytes, RecordingFolder } from '../support/sigmf-recording.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const RATE_HZ = 1_000_000;
/** A third of a second, that ends inside a frame. */
const SAMPLES = 300_001;
/** Past it the recording goes on elsewhere in the original stream, so that a frame says what is lost before it. */
const GAP_AT = 100_000;

let folder: RecordingFolder;
let stack: Stack;
let curl: Curl;

beforeAll(async () => {
  folder = await RecordingFolder.make();
  const captures = [
    { 'core:sample_start': 0, 'core:global_index': 0 },
    { 'core:sample_start': GAP_AT, 'core:global_index': GAP_AT + 12_345 },
  ];
  const file = await folder.write('once', 'ci16_le', RATE_HZ, countingBytes(SAMPLES * 4), captures);
  const source = { kind: 'sigmf', file, loop: false } as const;
  stack = await startStack({ stations: [{ stationId: 'once', description: '', source }] });
  curl = curlOf(stack.gatewayUrl, stack.certsDir);
});
afterAll(async () => {
  await stack?.close();
  await folder?.remove();
});

/** The line of a stream's end in one of the journals. */
async function endOf(program: string, requestId: string): Promise<Line | undefined> {
  const look = async (): Promise<Line | undefined> => {
    const lines = await linesOf(join(stack.certsDir, 'audit', `${program}.jsonl`));
    return lines.find((line) => line.requestId === requestId && line.event === 'end');
  };
  return until(`the end of ${requestId} is in the journal of the ${program}`, look);
}

/** Lengths of length-delimited messages, counted by hand. */
function lengthsIn(body: Buffer): number[] {
  const lengths: number[] = [];
  for (let at = 0; at < body.length; ) {
    let length = 0;
    for (let shift = 0, byte = 128; byte >= 128; shift += 7) {
      byte = body[at++] ?? 0;
      length += (byte & 127) * 2 ** shift;
    }
    lengths.push(length);
    at += length;
  }
  return lengths;
}

/** Events without a name: messages, and neither gaps nor the end. */
function eventsIn(body: Buffer): number {
  let events = 0;
  createParser({
    onEvent: ({ event }) => {
      if (event === undefined) events++;
    },
  }).feed(body.toString());
  return events;
}

it.each<readonly [string, string, (body: Buffer) => number]>([
  ['server-sent events', 'text/event-stream', eventsIn],
  ['newline-delimited JSON', 'application/x-ndjson', (body) => body.toString().trimEnd().split('\n').length],
  ['a JSON array', 'application/json', (body) => JSON.parse(body.toString()).length],
  ['delimited protobuf', 'application/x-protobuf', (body) => lengthsIn(body).length],
])('%s: a stream that came to its end has left its bytes and messages, to the octet', async (_name, type, messages) => {
  const requestId = type.replace('/', '-');
  for (const version of ['--http1.1', '--http2']) {
    const id = `${requestId}${version}`;
    const headers = ['-H', `accept: ${type}`, '-H', `x-request-id: ${id}`];
    const answer = await curl('/v1/stations/once/iq?batch_size_samples=4096', version, ...headers);
    const count = messages(answer.body);
    expect([answer.status, count > 10]).toEqual([200, true]);
    const line = { event: 'end', code: 'OK', reason: 'it was over', frames: count };
    expect(await endOf('gateway', id)).toMatchObject({ ...line, bytes: answer.body.length });
    const atBackend = await endOf('backend', id);
    expect(atBackend).toMatchObject(line);
    if (type !== 'application/x-protobuf') continue;
    // Messages go through the gateway as they are: what the backend sent are they without their lengths.
    expect(atBackend?.bytes).toBe(lengthsIn(answer.body).reduce((sum, length) => sum + length, 0));
  }
});

it('a body: what it has, and at the backend the messages that it came in', async () => {
  const headers = ['-H', 'x-request-id: download'];
  const listener = curl.start('/v1/stations/once/iq');
  await listener.readUntil('id: ');
  const answer = await curl('/v1/stations/once/iq:download?datatype=ci16_le&samples=50000&from=earliest', ...headers);
  listener.kill();
  expect([answer.status, answer.body.length]).toEqual([200, 200_000]);
  const line = await endOf('gateway', 'download');
  expect(line).toMatchObject({ code: 'OK', bytes: answer.body.length, frames: expect.any(Number) });
  const atBackend = await endOf('backend', 'download');
  expect(atBackend?.frames).toBe(line?.frames);
  // Each message has its data's tag and length beside the data, and the first its content type.
  const beside = Number(atBackend?.bytes) - answer.body.length;
  expect(beside).toBeGreaterThanOrEqual(2 * Number(line?.frames));
  expect(beside).toBeLessThan(100 + 8 * Number(line?.frames));
});
