import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Caller, callerOf, type EventStream, pairIn } from '../support/https.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const RPC = 'sdr.oran.IQStreamService/SubscribeIQ';
/** What one stalled reader may hold: a mebibyte in the response, and what kernel and flow control take, generously. */
const MAX_WRITTEN_BYTES = 32 * 1024 * 1024;
/**
 * Frames of 64 KiB that may be between the counters: 8 MiB wait for a reader, 8 MiB are in the window of the call, and two
 * seconds (244 frames) is how far one reader of a busy machine may be behind another.
 */
const MAX_WAITING_FRAMES = 128 + 128 + 244;

let stack: Stack;
let other: Caller;

beforeAll(async () => {
  stack = await startStack();
  other = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'dashboard'));
});
afterAll(async () => {
  await other?.close();
  await stack?.close();
});

async function counter(name: string, format?: string): Promise<number> {
  const metric = await stack.registry.getSingleMetric(name)?.get();
  const mine = metric?.values.filter(
    ({ labels }) => labels.rpc === RPC && (format === undefined || labels.format === format),
  );
  return mine?.reduce((sum, { value }) => sum + value, 0) ?? 0;
}

/** Reads a stream in small samples all the time; `last` is the latest sequence number, `lost` what was between them. */
async function steadyReader() {
  const path = '/v1/stations/sim-1/iq?datatype=ci8';
  const { body } = await other.open(path, { headers: { accept: 'application/x-ndjson' } });
  const seen = { last: 0, lost: 0, frames: 0 };
  const done = (async () => {
    try {
      for await (const line of createInterface({ input: body })) {
        const sequence = Number(JSON.parse(line).sequenceNumber ?? 0);
        if (seen.frames++ > 0) seen.lost += sequence - seen.last - 1;
        seen.last = sequence;
      }
    } catch {
      // Broken off by the test.
    }
  })();
  await until('the steady reader reads', () => seen.frames > 0);
  const stop = (): Promise<void> => {
    body.destroy();
    return done;
  };
  return { seen, stop };
}

/** The number in an event id, which begins with the epoch. */
const numberOf = (id = ''): bigint => BigInt(/^\d+-(\d+)$/.exec(id)?.[1] ?? '-1');

/** Reads on after the stall: every frame is there, or in a gap that was told. */
async function expectExactAccount(stream: EventStream): Promise<number> {
  let next: bigint | undefined;
  let lost = 0;
  let framesAfterGap = 0;
  for await (const { event, data, id } of stream) {
    if (event === 'gap') {
      const gap = JSON.parse(data);
      expect(numberOf(gap.from)).toBe(next);
      expect(numberOf(gap.to) - numberOf(gap.from) + 1n).toBe(BigInt(gap.lost));
      next = numberOf(gap.to) + 1n;
      lost += gap.lost;
      continue;
    }
    expect(event).toBeUndefined();
    if (next !== undefined) expect(numberOf(id)).toBe(next);
    next = numberOf(id) + 1n;
    if (lost > 0 && ++framesAfterGap > 20) break;
  }
  return lost;
}

it.each([
  ['HTTP/1.1', false],
  ['HTTP/2', true],
])(
  'over %s',
  async (_version, http2) => {
    const client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'), http2);
    const steady = await steadyReader();
    const before = {
      bytes: await counter('passband_stream_bytes_total', 'sse'),
      frames: await counter('passband_stream_frames_total', 'sse'),
      dropped: await counter('passband_stream_dropped_frames_total'),
      sequence: steady.seen.last,
    };
    // Opened, and then not read.
    const stalled = await client.events('/v1/stations/sim-1/iq');
    const dropped = async () => (await counter('passband_stream_dropped_frames_total')) - before.dropped;
    await until('200 frames are dropped', dropped, (count) => count >= 200, 25_000);

    expect((await counter('passband_stream_bytes_total', 'sse')) - before.bytes).toBeLessThan(MAX_WRITTEN_BYTES);
    // What came and was neither written nor dropped waits in the gateway.
    const written = (await counter('passband_stream_frames_total', 'sse')) - before.frames;
    expect(steady.seen.last - before.sequence - written - (await dropped())).toBeLessThan(MAX_WAITING_FRAMES);
    expect(steady.seen.lost).toBe(0);

    expect(await expectExactAccount(stalled)).toBeGreaterThanOrEqual(200);
    stalled.stop();
    await steady.stop();
    expect(steady.seen.lost).toBe(0);
    await until('no stream is left', () => stack.gateway.streams() === 0);
    await client.close();
  },
  60_000,
);
