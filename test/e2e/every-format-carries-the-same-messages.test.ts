import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { loadSync, type MessageTypeDefinition } from '@grpc/proto-loader';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createParser } from 'eventsource-parser';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { FrameReader, takeFrames } from '../support/frames.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
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

type Message = Readonly<Record<string, unknown>>;

const protos = loadSync(['sdr/oran/iq_stream.proto', 'sdr/oran/spectrum.proto'], {
  longs: String,
  enums: String,
  bytes: String,
  includeDirs: [join(PACKAGE_ROOT, 'proto'), join(PACKAGE_ROOT, 'dist', 'include')],
});

/** Length-delimited messages, read by gRPC's own protobuf library. */
function delimited(type: string, body: Buffer): Message[] {
  const { deserialize } = protos[type] as MessageTypeDefinition<object, object>;
  const messages: Message[] = [];
  for (let at = 0; at < body.length; ) {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = body[at++] ?? 0;
      length += (byte & 127) * 2 ** shift;
      if (byte < 128) break;
    }
    messages.push({ ...deserialize(body.subarray(at, at + length)) } as Message);
    at += length;
  }
  return messages;
}

function sseMessages(body: Buffer): Message[] {
  const messages: Message[] = [];
  createParser({
    onEvent: ({ event, data }) => {
      if (event === undefined) messages.push(JSON.parse(data));
    },
  }).feed(body.toString());
  return messages;
}

const jsonLines = (body: Buffer): Message[] =>
  body
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

const FORMATS: readonly (readonly [string, (type: string, body: Buffer) => Message[]])[] = [
  ['text/event-stream', (_, body) => sseMessages(body)],
  ['application/x-ndjson', (_, body) => jsonLines(body)],
  ['application/jsonl', (_, body) => jsonLines(body)],
  ['application/json', (_, body) => JSON.parse(body.toString())],
  ['application/x-protobuf', delimited],
];

/** A stream's whole body in each format, from when all are open until the station is stopped. */
async function inEveryFormat(path: string, type: string, until: () => Promise<unknown>): Promise<Message[][]> {
  const responses = await Promise.all(FORMATS.map(([accept]) => client.open(path, { headers: { accept } })));
  expect(responses.map(({ headers }) => headers['content-type'])).toEqual(FORMATS.map(([accept]) => accept));
  const bodies = responses.map(({ body }) => body.arrayBuffer());
  await until();
  await client.call('/v1/stations/sim-1:stop', { method: 'POST', body: '{}' });
  const whole = await Promise.all(bodies);
  await client.call('/v1/stations/sim-1:start', { method: 'POST', body: '{}' });
  return FORMATS.map(([, parse], index) => parse(type, Buffer.from(whole[index] ?? new ArrayBuffer(0))));
}

/** Long values as their hash, so that a difference can be read. */
function brief(value: unknown): unknown {
  // Floats on the wire have 32 bits; JSON has the shortest digits that give them back.
  const text = Array.isArray(value) ? JSON.stringify(value.map(Math.fround)) : value;
  return typeof text === 'string' && text.length > 64 ? createHash('sha256').update(text).digest('hex') : text;
}

/** Defaults that were sent all the same are left out, as the JSON mapping does. */
function normal(message: Message): Message {
  const entries = Object.entries(message).filter(([, value]) => value !== 0 && value !== false && value !== '');
  return Object.fromEntries(entries.map(([name, value]) => [name, brief(value)]));
}

const ENOUGH = 10;

/** Expects that what several streams have in common is the same in all of them, and is not little. */
function expectSame(bodies: readonly Message[][], key: (message: Message) => string): Message {
  const [first = new Map<string, Message>(), ...others] = bodies.map(
    (messages) => new Map(messages.map((message) => [key(message), normal(message)])),
  );
  const shared = [...first.keys()].filter((index) => others.every((other) => other.has(index)));
  expect(shared.length).toBeGreaterThanOrEqual(ENOUGH);
  for (const index of shared) for (const other of others) expect(other.get(index)).toEqual(first.get(index));
  return first.get(shared[0] ?? '') ?? {};
}

it('SubscribeIQ gives the same frames in all five formats', async () => {
  const path = '/v1/stations/sim-1/iq?batch_size_samples=2048';
  const { lastId } = await takeFrames(await client.events(path), 1);
  const bodies = await inEveryFormat(`${path}&after_sequence=${lastId}`, 'sdr.oran.IQFrame', async () => {
    const reader = new FrameReader(await client.events(path));
    await reader.until(() => reader.lastId > lastId + 3 * ENOUGH);
    reader.stop();
  });
  const first = expectSame(bodies, ({ sequenceNumber }) => String(sequenceNumber));
  expect(first).toMatchObject({ stationId: 'sim-1', sampleCount: 2048, datatype: 'cf32_le' });
});

it('StreamSpectrum gives the same spectra in all five formats', async () => {
  const path = '/v1/stations/sim-1/spectrum:stream?fft_size=256&rate_hz=50&overflow=drop-oldest';
  const bodies = await inEveryFormat(path, 'sdr.oran.SpectrumData', async () => {
    let seen = 0;
    const stream = await client.events(path);
    for await (const _ of stream) if (++seen > 2 * ENOUGH) break;
    stream.stop();
  });
  // Each stream counts by itself; the sample index is the same for all.
  const withoutCount = bodies.map((messages) => messages.map(({ sequenceNumber: _, ...rest }) => rest));
  const first = expectSame(withoutCount, ({ sampleIndex }) => String(sampleIndex));
  expect(first).toMatchObject({ stationId: 'sim-1', fftSize: 256, unit: 'dBFS' });
});
