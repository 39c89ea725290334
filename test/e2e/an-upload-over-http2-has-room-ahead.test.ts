import { type ClientHttp2Session, connect } from 'node:http2';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { messageType } from '../../src/backend/protos.ts';
import { data, FLAG, FRAME, headerBlock, headers, requestFields } from '../support/http2-frames.ts';
import { Http2Peer } from '../support/http2-peer.ts';
import { pairIn } from '../support/https.ts';
import type { RawOptions } from '../support/raw.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const MIB = 1024 * 1024;
const BATCH = messageType('sdr.oran.IQSampleBatch');
/** Samples of a batch: half a MiB. */
const SAMPLES = 65_536;
const PROTOBUF = [
  ['content-type', 'application/x-protobuf'],
  ['accept', 'application/x-ndjson'],
] as const;

let stack: Stack;
let to: RawOptions;

beforeAll(async () => {
  const source = { kind: 'push', datatype: 'cf32_le', sampleRateHz: 20e6, centerFrequencyHz: 1e8 } as const;
  stack = await startStack({ stations: ['a', 'b'].map((stationId) => ({ stationId, description: '', source })) });
  to = { port: stack.port, caPem: stack.pki.caPem, pair: pairIn(stack.certsDir, 'client') };
});
afterAll(() => stack?.close());

/** Batches, each behind its length as a varint. */
function body(batches: number): Buffer {
  const samples = Array.from({ length: 2 * SAMPLES }, (_, i) => (i % 4096) / 4096);
  return Buffer.concat(
    Array.from({ length: batches }, (_, n) => {
      const message = BATCH.serialize({ sequence_number: n + 1, samples });
      const length = [(message.length & 127) | 128, ((message.length >> 7) & 127) | 128, message.length >> 14];
      return Buffer.concat([Buffer.from(length), message]);
    }),
  );
}

/** The last acknowledgement of an answer in lines. */
const lastAck = (answer: string): unknown => JSON.parse(answer.trim().split('\n').at(-1) ?? '');

it('is told of it in the first frames, and an upload of several MiB arrives', async () => {
  const { ca, cert, key } = { ca: to.caPem, cert: to.pair?.certPem, key: to.pair?.keyPem };
  const session: ClientHttp2Session = connect(stack.gatewayUrl, { ca, cert, key });
  try {
    const windows = await until(
      'the windows',
      () => [session.remoteSettings.initialWindowSize ?? 0, session.state.remoteWindowSize ?? 0],
      ([stream = 0, connection = 0]) => stream > 65_535 && connection > 65_535,
    );
    expect(windows).toEqual([MIB, 4 * MIB]);
    const stream = session.request({
      ':method': 'POST',
      ':path': '/v1/stations/a/iq:push',
      ...Object.fromEntries(PROTOBUF),
    });
    let answer = '';
    stream.setEncoding('utf8').on('data', (text: string) => {
      answer += text;
    });
    const status = new Promise((resolve, reject) => {
      stream.once('response', (fields) => resolve(fields[':status']));
      stream.once('error', reject);
    });
    const ended = new Promise((resolve) => stream.once('end', resolve));
    stream.end(body(12));
    expect(await status).toBe(200);
    await ended;
    expect(lastAck(answer)).toMatchObject({ ackedSequence: '12', packetsReceived: '12' });
  } finally {
    session.destroy();
  }
});

it('may use all of it before anything is given back', async () => {
  const peer = await Http2Peer.open(to);
  try {
    await until('the settings', () => peer.frames.get(FRAME.windowUpdate) === 1);
    const whole = body(2).subarray(0, MIB);
    const frames = Array.from({ length: MIB / 16_384 }, (_, i) =>
      data(1, whole.subarray(16_384 * i, 16_384 * (i + 1))),
    );
    const fields = requestFields('POST', '/v1/stations/b/iq:push', PROTOBUF);
    // In one go: what lies beyond a smaller window would be an error of flow control, and the end of the connection.
    peer.send(headers(1, headerBlock(fields), FLAG.endHeaders), ...frames);
    await until('the first batch is acknowledged', () => /"ackedSequence":"1"/.test(peer.stream(1).body));
    peer.send(data(1, body(2).subarray(MIB), FLAG.endStream));
    const { status, reset, body: answer } = await peer.over(1);
    expect([status, reset, peer.goaway]).toEqual([200, undefined, undefined]);
    expect(lastAck(answer)).toMatchObject({ ackedSequence: '2', packetsReceived: '2' });
  } finally {
    peer.destroy();
  }
});
