// Window starvation: a client asks for much and takes nothing, or a byte at a time, so that all of it would wait in the
// gateway. What waits has a cap, frames beyond it are dropped and counted, and another reader loses none.
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HIGH_WATER_BYTES, MAX_QUEUED_MESSAGES } from '../../src/gateway/writers/pump.ts';
import { get, INITIAL_WINDOW_SIZE, windowUpdate } from '../support/http2-frames.ts';
import { Http2Peer } from '../support/http2-peer.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import type { RawOptions } from '../support/raw.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
let to: RawOptions;
let healthy: Caller;

beforeAll(async () => {
  const sim = { kind: 'sim', seed: 1, sampleRateHz: 125_000, centerFrequencyHz: 1e8, noiseDbfs: -32 } as const;
  const carriers = [{ offsetHz: 10_000, powerDbfs: -12 }];
  stack = await startStack({ stations: [{ stationId: 'slow-1', description: '', source: { ...sim, carriers } }] });
  to = { port: stack.port, caPem: stack.pki.caPem, pair: pairIn(stack.certsDir, 'client') };
  healthy = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'dashboard'));
});
afterAll(async () => {
  await healthy?.close();
  await stack?.close();
});

/** A hundred small frames a second: work for a small part of any machine, and seconds of them in the backend's ring. */
const IQ = '/v1/stations/slow-1/iq?datatype=ci8&batch_size_samples=1024';
/** More than any of them is as an event. */
const MAX_EVENT_BYTES = 16 * 1024;

async function counter(name: string, format?: string): Promise<number> {
  const values = (await stack.registry.getSingleMetric(name)?.get())?.values ?? [];
  const mine = values.filter(({ labels }) => format === undefined || labels.format === format);
  return mine.reduce((sum, { value }) => sum + value, 0);
}

describe.each([
  ['nothing', Buffer.alloc(0)],
  ['a byte at a time', Buffer.concat([windowUpdate(0, 1), windowUpdate(1, 1)])],
])('a stream of which %s is taken', (_name, drip) => {
  it('costs a bounded amount of memory, and others nothing', async () => {
    // Its own call, with seconds of frames behind it: what it loses is not lost to a busy machine.
    const { body } = await healthy.open(`${IQ}&overflow=block`, { headers: { accept: 'application/x-ndjson' } });
    const seen: number[] = [];
    const reading = (async () => {
      for await (const line of createInterface({ input: body }))
        seen.push(Number(JSON.parse(line).sequenceNumber ?? 0));
    })().catch(() => {});
    await until('the other one reads', () => seen.length > 0);

    const written = await counter('passband_stream_bytes_total', 'sse');
    const dropped = await counter('passband_stream_dropped_frames_total');
    const peer = await Http2Peer.open(to, [INITIAL_WINDOW_SIZE, 0]);
    peer.send(get(1, IQ, [['accept', 'text/event-stream']]));
    await until('the stream is accepted', () => peer.stream(1).status === 200);
    const dripping = setInterval(() => peer.send(drip), 10);
    await until(
      'frames are dropped',
      async () => (await counter('passband_stream_dropped_frames_total')) - dropped,
      (count) => count > MAX_QUEUED_MESSAGES,
      30_000,
    );
    const waiting = (await counter('passband_stream_bytes_total', 'sse')) - written;
    expect(waiting).toBeGreaterThan(0);
    expect(waiting).toBeLessThan(HIGH_WATER_BYTES + MAX_EVENT_BYTES + peer.stream(1).body.length);
    expect(seen.map((sequence) => sequence - (seen[0] ?? 0))).toEqual(seen.map((_, index) => index));

    clearInterval(dripping);
    peer.destroy();
    body.destroy();
    await reading;
    await until('no stream is left', () => stack.gateway.streams() === 0);
  }, 60_000);
});

const PAGE = 'passband.Gateway/OpenApi';
/** Pages that long on one connection: a hundred of them are more than it may hold, and the last are refused for it. */
const LONG = 50;

it('a hundred answers that nobody takes stop nobody else, and go with their connection', async () => {
  const letGo = (): number => stack.logs.filter(({ rpc, code }) => rpc === PAGE && code === 'CANCELLED').length;
  const peer = await Http2Peer.open(to, [INITIAL_WINDOW_SIZE, 0]);
  const ids = Array.from({ length: 100 }, (_, index) => 1 + 2 * index);
  peer.send(...ids.map((id, index) => get(id, index < LONG ? '/openapi.json' : '/whoami')));
  await until('all are answered', () => ids.every((id) => peer.stream(id).status === 200));
  expect((await healthy.call('/v1/stations')).status).toBe(200);
  expect(ids.filter((id) => peer.stream(id).body !== '')).toEqual([]);
  expect(letGo()).toBe(0);
  // The hundred and first has no place; to ask for it may cost the connection.
  peer.send(get(201, '/openapi.json'));
  expect((await peer.over(201)).status).toBe(0);
  peer.destroy();
  await until('all are let go', letGo, (count) => count === LONG);
});
