import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
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

const IQ = '/v1/stations/sim-1/iq?batch_size_samples=4096&datatype=ci16_le';
const AWAY_FRAMES = 30;

describe.each([
  ['the header Last-Event-ID', (id: number) => client.events(IQ, { headers: { 'last-event-id': String(id) } })],
  ['?lastEventId=', (id: number) => client.events(`${IQ}&lastEventId=${id}`)],
  [
    'the header, which is newer than ?lastEventId=',
    (id: number) => client.events(`${IQ}&lastEventId=1`, { headers: { 'last-event-id': String(id) } }),
  ],
])('with %s', (_, comeBack) => {
  it('a reader goes on where it was, byte for byte as one who never left', async () => {
    const steady = new FrameReader(await client.events(IQ));
    await steady.until(() => steady.frames.length >= 1);
    const before = await takeFrames(await client.events(IQ), 10);
    const last = before.lastId;

    // Away for some frames, counted by the one who stayed.
    await steady.until(() => steady.lastId >= last + AWAY_FRAMES);
    const after = await takeFrames(await comeBack(last), 2 * AWAY_FRAMES);
    await steady.until(() => steady.lastId >= after.lastId);
    steady.stop();

    expect(after.gaps).toEqual([]);
    expect(after.frames.map(({ id }) => id)).toEqual(after.frames.map((__, index) => last + 1 + index));
    const expected = new Map(steady.frames.map(({ id, data }) => [id, data]));
    const resumed = [...before.frames, ...after.frames].filter(({ id }) => expected.has(id));
    expect(resumed.length).toBeGreaterThanOrEqual(2 * AWAY_FRAMES);
    for (const { id, data } of resumed) expect(data.equals(expected.get(id) ?? Buffer.alloc(0))).toBe(true);
  });
});

it('a reader who was away too long is told exactly what it lost', async () => {
  const { frames, gaps } = await takeFrames(await client.events(IQ, { headers: { 'last-event-id': '0' } }), 3);
  const first = frames[0]?.id ?? Number.NaN;
  expect(gaps).toEqual([{ lost: first - 1, from: 1, to: first - 1 }]);
  expect(first).toBeGreaterThan(2);
});

it('a reader from before a restart of the source, whose ids are ahead, goes on live', async () => {
  const { frames, gaps } = await takeFrames(
    await client.events(IQ, { headers: { 'last-event-id': '18446744073709551614' } }),
    3,
  );
  expect(gaps).toEqual([]);
  expect(frames.map(({ id }) => id - (frames[0]?.id ?? 0))).toEqual([0, 1, 2]);
});

it.each(['abc', '1e3', '5.0', '-1', '18446744073709551616', '!other'])(
  'an id that no stream gave out is refused: %s',
  async (id) => {
    const answer = await client.call(IQ, { headers: { 'last-event-id': id } });
    expect(answer.status).toBe(400);
    expect(answer.json()).toMatchObject({ code: 'INVALID_ARGUMENT', detail: expect.stringContaining('Last-Event-ID') });
  },
);
