import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FrameReader } from '../support/frames.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
const callers: Caller[] = [];

/** A connection of its own for each reader, over HTTP/2: what its windows hold is little, unlike a kernel's buffers. */
function newCaller(): Caller {
  const caller = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'), true);
  callers.push(caller);
  return caller;
}

beforeAll(async () => {
  const sim = { kind: 'sim', seed: 1, sampleRateHz: 125_000, centerFrequencyHz: 1e8, noiseDbfs: -32 } as const;
  const carriers = [{ offsetHz: 10_000, powerDbfs: -12 }];
  stack = await startStack({ stations: [{ stationId: 'slow-1', description: '', source: { ...sim, carriers } }] });
});
afterAll(async () => {
  for (const caller of callers) await caller.close();
  await stack?.close();
});

/** Frames of 262 KB, 3.8 a second: the gateway's queue of 8 MiB is eight seconds, which no machine is late by. */
const IQ = '/v1/stations/slow-1/iq?batch_size_samples=32768';
/** Frames that queue, response and HTTP/2 windows hold at most between them: more than 37; ring and window hold 64. */
const BUFFERED_FRAMES = 48;

async function droppedByGateway(): Promise<number> {
  const metric = await stack.registry.getSingleMetric('passband_stream_dropped_frames_total')?.get();
  return metric?.values.reduce((sum, { value }) => sum + value, 0) ?? 0;
}

/** Every frame between the first and the last was either read or told as lost, in order. */
function expectComplete({ frames, gaps }: FrameReader): void {
  const ids = frames.map(({ id }) => id);
  const told = gaps.flatMap(({ lost, from, to }) => {
    expect(lost).toBe(to - from + 1);
    return Array.from({ length: lost }, (_, index) => from + index);
  });
  const [first = 0] = ids;
  const all = [...ids, ...told].sort((a, b) => a - b);
  expect(all).toEqual(Array.from({ length: all.length }, (_, index) => first + index));
}

const lostBy = ({ gaps }: FrameReader): number => gaps.reduce((sum, { lost }) => sum + lost, 0);

describe('readers that stop reading for a while', () => {
  const slow = new Map<string, FrameReader>();
  let fast: FrameReader;
  let dropped: number;

  beforeAll(async () => {
    for (const control of ['', '&overflow=drop-oldest', '&overflow=latest', '&overflow=block']) {
      slow.set(control, new FrameReader(await newCaller().events(`${IQ}${control}`)));
    }
    fast = new FrameReader(await newCaller().events(IQ));
    for (const reader of slow.values()) await reader.until(() => reader.frames.length >= 1);
    // They read nothing until the fast one is ahead by more than all buffers hold, but not than the ring does.
    const stoppedAt = Math.max(...[...slow.values()].map(({ lastId }) => lastId));
    await fast.until(() => fast.lastId >= stoppedAt + BUFFERED_FRAMES);
    fast.stop();
    await Promise.all([...slow.values()].map((reader) => reader.until(() => reader.lastId > fast.lastId + 5)));
    for (const reader of slow.values()) reader.stop();
    dropped = await droppedByGateway();
  });

  it('cost another reader of the same stream nothing', () => {
    expect(fast.gaps).toEqual([]);
    expectComplete(fast);
  });

  it.each([
    ['the default of the method', ''],
    ['drop-oldest', '&overflow=drop-oldest'],
    ['latest', '&overflow=latest'],
  ])('get the rest and an exact account of their loss under %s', (_, control) => {
    const reader = slow.get(control) as FrameReader;
    expectComplete(reader);
    expect(lostBy(reader)).toBeGreaterThan(0);
  });

  it('lose nothing under block', () => {
    const reader = slow.get('&overflow=block') as FrameReader;
    expectComplete(reader);
    expect(reader.gaps).toEqual([]);
  });

  it('have their loss counted', () => {
    // What was dropped after the last frame that they read is counted, and told to nobody any more.
    expect(dropped).toBeGreaterThanOrEqual([...slow.values()].reduce((sum, reader) => sum + lostBy(reader), 0));
  });
});

it.each(['', 'nonsense', 'BLOCK', 'drop-newest'])(
  '?overflow=%s is refused, and what is allowed is named',
  async (value) => {
    const answer = await newCaller().call(`${IQ}&overflow=${value}`);
    expect(answer.json()).toMatchObject({
      status: 400,
      detail: 'overflow must be one of drop-oldest, block, latest',
    });
  },
);

it('?overflow= is no parameter of a call that answers once', async () => {
  expect((await newCaller().call('/v1/stations/slow-1?overflow=block')).status).toBe(400);
});
