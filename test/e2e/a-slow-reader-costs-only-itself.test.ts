import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FrameReader } from '../support/frames.ts';
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

/** 1 MS/s cf32 as base64: about 11 MB/s, 31 frames/s. */
const IQ = '/v1/stations/sim-1/iq?batch_size_samples=32768';
/** Frames that buffers of sockets, gateway and flow control hold at most between them: 25 MB. */
const BUFFERED_FRAMES = 70;

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

describe.each([
  ['drop-oldest', IQ],
  ['drop-oldest', `${IQ}&overflow=drop-oldest`],
  ['latest', `${IQ}&overflow=latest`],
  ['block', `${IQ}&overflow=block`],
])('a reader under %s (%s)', (policy, path) => {
  it('that stops reading for a while gets the rest and an exact account of its loss; others lose nothing', async () => {
    const droppedBefore = await droppedByGateway();
    const slow = new FrameReader(await client.events(path));
    const fast = new FrameReader(await client.events(IQ));
    await slow.until(() => slow.frames.length >= 1);
    // The slow one reads nothing until the fast one is ahead by more than all buffers hold, but not than the ring does.
    const stoppedAt = slow.lastId;
    await fast.until(() => fast.lastId >= stoppedAt + BUFFERED_FRAMES);
    fast.stop();
    await slow.until(() => slow.lastId > fast.lastId + 5);
    slow.stop();

    expect(fast.gaps).toEqual([]);
    expectComplete(fast);
    expectComplete(slow);
    const lost = slow.gaps.reduce((sum, gap) => sum + gap.lost, 0);
    const dropped = (await droppedByGateway()) - droppedBefore;
    // What was dropped after the last frame that it read is counted, and told to nobody any more.
    expect(dropped).toBeGreaterThanOrEqual(lost);
    if (policy === 'block') expect(lost).toBe(0);
    else expect(lost).toBeGreaterThan(0);
  });
});

it.each(['', 'nonsense', 'BLOCK', 'drop-newest'])(
  '?overflow=%s is refused, and what is allowed is named',
  async (value) => {
    const answer = await client.call(`${IQ}&overflow=${value}`);
    expect(answer.json()).toMatchObject({
      status: 400,
      detail: 'overflow must be one of drop-oldest, block, latest',
    });
  },
);

it('?overflow= is no parameter of a call that answers once', async () => {
  expect((await client.call('/v1/stations/sim-1?overflow=block')).status).toBe(400);
});
