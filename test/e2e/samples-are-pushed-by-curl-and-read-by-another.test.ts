// needs: curl
import { zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import protobuf from 'protobufjs';
import { messageType } from '../../src/backend/protos.ts';
import type { StationConfig } from '../../src/backend/stations/station-config.ts';
import { type Curl, curlOf, type RunningCurl } from '../support/curl.ts';
import { takeFrames } from '../support/frames.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { type Stack, startStack } from '../support/stack.ts';

const BATCH = messageType('sdr.oran.IQSampleBatch');
const ACK = messageType('sdr.oran.IQAck');
const SAMPLES = 1000;

let stack: Stack;
let curl: Curl;
let reader: Caller;

const station = (stationId: string): StationConfig => ({
  stationId,
  description: '',
  source: { kind: 'push', datatype: 'cf32_le', sampleRateHz: 1e6, centerFrequencyHz: 1e8 },
});

beforeAll(async () => {
  const stations = ['json1', 'json2', 'proto1', 'proto2', 'long', 'whole', 'wrong'].map(station);
  stack = await startStack({ stations });
  curl = curlOf(stack.gatewayUrl, stack.certsDir);
  reader = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
});
afterAll(async () => {
  await reader?.close();
  await stack?.close();
});

/** Samples of a batch; every one is exact as a float. */
const values = (batch: number): number[] =>
  Array.from({ length: 2 * SAMPLES }, (_, i) => ((i * 7 + batch * 13) % 4096) / 2048 - 1);
const bytes = (batch: number): Buffer => Buffer.from(Float32Array.from(values(batch)).buffer);

const line = (batch: number): string => `${JSON.stringify({ sequenceNumber: batch + 1, samples: values(batch) })}\n`;

/** A batch behind its length; every second one is compressed. */
function delimited(batch: number): Buffer {
  const samples = batch % 2 === 0 ? { samples: values(batch) } : { compressed_samples: zstdCompressSync(bytes(batch)) };
  const message = BATCH.serialize({ sequence_number: batch + 1, ...samples });
  return Buffer.concat([Buffer.from([(message.length & 0x7f) | 0x80, message.length >> 7]), message]);
}

async function expectAtReader(stationId: string, batches: number): Promise<void> {
  const path = `/v1/stations/${stationId}/iq?batch_size_samples=${SAMPLES}&start=EARLIEST`;
  const { frames } = await takeFrames(await reader.events(path), batches);
  expect(frames.map(({ id }) => id)).toEqual(Array.from({ length: batches }, (_, n) => n));
  expect(frames.filter(({ id, data }) => !data.equals(bytes(id)))).toEqual([]);
}

const push = (stationId: string, version: string, type: string): RunningCurl =>
  curl.start(
    `/v1/stations/${stationId}/iq:push`,
    ...[version, '-H', `content-type: ${type}`, '-H', `accept: ${type}`, '-X', 'POST', '-T', '.'],
  );

// Over HTTP/2 some versions of curl do not read while they wait for input; whole bodies prove it there.
describe('curl, while it still uploads', () => {
  it('gets the acknowledgement of each line of JSON before it sends the next, and a reader the samples', async () => {
    const running = push('json1', '--http1.1', 'application/x-ndjson');
    for (let n = 0; n < 4; n++) {
      running.write(line(n));
      const ack = JSON.parse(await running.readUntil('\n'));
      expect(ack).toMatchObject({ ackedSequence: String(n + 1), packetsReceived: String(n + 1) });
    }
    await expectAtReader('json1', 4);
    running.endInput();
    expect(await running.ended).toMatchObject({ status: 200, contentType: 'application/x-ndjson' });
  });

  it('gets a conflict when another one pushes already, and the other goes on', async () => {
    const first = push('json2', '--http1.1', 'application/x-ndjson');
    first.write(line(0));
    await first.readUntil('\n');
    const second = await curl.feed(
      line(1),
      '/v1/stations/json2/iq:push',
      '-H',
      'content-type: application/x-ndjson',
      '-T',
      '-',
      '-X',
      'POST',
    );
    expect(second.status).toBe(409);
    expect(second.json()).toMatchObject({
      code: 'ALREADY_EXISTS',
      detail: 'station json2 has a producer already; it takes one at a time',
    });
    first.write(line(1));
    expect(JSON.parse(await first.readUntil('\n'))).toMatchObject({ ackedSequence: '2' });
    await expectAtReader('json2', 2);
    first.endInput();
    await first.ended;
  });
});

describe.each([
  ['--http1.1', 'proto1'],
  ['--http2', 'proto2'],
])('curl %s', (version, stationId) => {
  it('pushes delimited protobuf, compressed or not, and gets delimited acknowledgements', async () => {
    const batches = Array.from({ length: 20 }, (_, n) => delimited(n));
    const answer = await curl.feed(
      Buffer.concat(batches),
      `/v1/stations/${stationId}/iq:push`,
      ...[version, '-H', 'content-type: application/x-protobuf', '-H', 'accept: application/x-protobuf'],
      ...['--data-binary', '@-'],
    );
    expect([answer.status, answer.contentType]).toEqual([200, 'application/x-protobuf']);
    const acks: unknown[] = [];
    for (let at = 0; at < answer.body.length; ) {
      const length = answer.body[at] ?? 0;
      acks.push(ACK.deserialize(answer.body.subarray(at + 1, at + 1 + length)));
      at += 1 + length;
    }
    expect(acks).toHaveLength(20);
    expect(acks.at(-1)).toMatchObject({ acked_sequence: '20', packets_received: '20', packets_lost: '0' });
    await expectAtReader(stationId, 20);
  });
});

describe('the longest batch, not compressed', () => {
  const LONGEST = 524_288;
  const batchOf = (samples: number): Buffer => {
    const band = 'x'.repeat(32);
    const message = BATCH.serialize({ sequence_number: 1, band, samples: new Array(2 * samples).fill(0.5) });
    return Buffer.concat([protobuf.Writer.create().uint32(message.length).finish(), message]);
  };
  const feed = (body: Buffer): ReturnType<Curl['feed']> =>
    curl.feed(
      body,
      ...['/v1/stations/long/iq:push', '-H', 'content-type: application/x-protobuf', '--data-binary', '@-'],
    );

  it('gets through the gateway and the backend, and a longer one is told what it may be', async () => {
    expect((await feed(batchOf(LONGEST))).status).toBe(200);
    const answer = await feed(batchOf(LONGEST + 1));
    expect([answer.status, answer.json().detail]).toEqual([400, expect.stringMatching(/524288/)]);
  });
});

it('a reader of a station to which nobody pushes gets 503 and is told why', async () => {
  const answer = await curl('/v1/stations/whole/iq', '-H', 'accept: application/x-ndjson');
  expect(answer.status).toBe(503);
  expect(answer.json().detail).toMatch(/^no producer is connected to station whole/);
});

describe('a batch that is wrong', () => {
  const feed = (body: string): ReturnType<Curl['feed']> =>
    curl.feed(body, '/v1/stations/wrong/iq:push', '-H', 'content-type: application/x-ndjson', '--data-binary', '@-');

  it.each([
    ['the station of another path', '{"stationId":"json1","samples":[0,0]}', /station_?id/i],
    ['half a sample', '{"samples":[0,0,0]}', /^samples must hold pairs of I and Q/],
    ['a sample that is no number', '{"samples":[0,"NaN"]}', /^samples must be finite numbers/],
    ['a rate in MHz', '{"samples":[0,0],"sampleRate":2.4}', /^sample_rate must be a number from 1000 to/],
    ['compressed by nobody', '{"compressedSamples":"AAAAAAAA"}', /begins like neither/],
  ])('is 400 with a reason: %s', async (_, body, detail) => {
    const answer = await feed(body);
    expect([answer.status, answer.contentType]).toEqual([400, 'application/problem+json']);
    expect(answer.json().detail).toMatch(detail);
  });
});
