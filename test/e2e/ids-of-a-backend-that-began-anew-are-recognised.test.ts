import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { FrameReader, takeFrames } from '../support/frames.ts';
import { type Caller, callerOf, type EventStream, pairIn } from '../support/https.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

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

const IQ = '/v1/stations/sim-1/iq?batchSizeSamples=4096&datatype=ci8';
const epochOf = (id = ''): string => id.slice(0, id.indexOf('-'));

const comeBack = (id: string): Promise<EventStream> => client.events(IQ, { headers: { 'last-event-id': id } });

it('a reader that comes back after a restart gets no id twice, an honest gap, and exact losses from then on', async () => {
  const reader = new FrameReader(await client.events(IQ));
  await reader.until(() => reader.frames.length >= 200);
  await stack.stopBackend();
  await reader.until(() => reader.end !== undefined);
  // UNAVAILABLE comes without an id: the position is kept.
  expect(reader.end).toMatchObject({ id: undefined, status: { code: 14 } });
  const last = reader.frames.at(-1)?.eventId ?? '';

  await stack.startBackend();
  await until(
    'the backend answers again',
    async () => (await client.call('/v1/stations')).status,
    (status) => status === 200,
  );
  // Someone else makes the new backend hold samples already.
  const other = await takeFrames(await client.events(IQ), 20);
  const events: string[] = [];
  const stream = await comeBack(last);
  const gaps: unknown[] = [];
  for await (const { event, id, data } of stream) {
    if (event === 'gap') gaps.push(JSON.parse(data));
    else events.push(id ?? '');
    if (events.length === 30) break;
  }
  const [first = ''] = events;
  expect(gaps).toEqual([{ lost: null, reason: 'epoch', from: last, to: first }]);
  expect(new Set([...reader.frames.map(({ eventId }) => eventId), ...events]).size).toBe(
    reader.frames.length + events.length,
  );
  expect(epochOf(first)).not.toBe(epochOf(last));
  expect(new Set(events.map(epochOf))).toEqual(new Set([epochOf(first)]));
  // With the oldest that the new backend holds: what came while the reader was away is not skipped.
  expect(events.indexOf(other.frames[0]?.eventId ?? '')).toBeGreaterThanOrEqual(0);

  // Within the new epoch a return is exact again.
  const resumed = await takeFrames(await comeBack(events.at(-1) ?? ''), 5);
  const next = Number((events.at(-1) ?? '').split('-')[1]) + 1;
  expect(resumed.gaps).toEqual([]);
  expect(resumed.frames.map(({ id }) => id)).toEqual([0, 1, 2, 3, 4].map((i) => next + i));
});

it.each(['1-x', '-5', '1-', 'a_b-5', '18446744073709551616-5', 'abc-5', '1-18446744073709551616', '1--1'])(
  'an id that no stream gave out is refused: %s',
  async (id) => {
    const answer = await client.call(IQ, { headers: { 'last-event-id': id } });
    expect(answer.status).toBe(400);
    expect(answer.json()).toMatchObject({ code: 'INVALID_ARGUMENT', detail: expect.stringContaining('Last-Event-ID') });
  },
);
