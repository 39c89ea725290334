import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Caller, callerOf, type EventStream, pairIn } from '../support/https.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const PATH = '/v1/stations/sim-1/iq?batch_size_samples=8192';
let stack: Stack;
let client: Caller;
let dashboard: Caller;

beforeAll(async () => {
  stack = await startStack();
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
  dashboard = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'dashboard'));
});
afterAll(async () => {
  await Promise.all([client?.close(), dashboard?.close()]);
  await stack?.close();
});

async function subscribers(): Promise<number> {
  const station = (await client.call('/v1/stations/sim-1')).json();
  return Number(station.subscribers ?? 0);
}

/** Waits for the first event and leaves the stream open. */
async function first(stream: EventStream): Promise<void> {
  await stream[Symbol.asyncIterator]().next();
}

/** The number of an event's id, EPOCH-NUMBER. */
const numberOf = (id: string): bigint => BigInt(id.slice(id.indexOf('-') + 1));

async function take(stream: EventStream, count: number): Promise<{ id: string; data: string }[]> {
  const events: { id: string; data: string }[] = [];
  for await (const { id, data, event } of stream) {
    expect(event).toBeUndefined();
    events.push({ id: id ?? '', data });
    if (events.length === count) break;
  }
  return events;
}

it('reads a stream once for all readers of one certificate, and each gets every message', async () => {
  const streams = await Promise.all([1, 2, 3].map(() => client.events(PATH)));
  const taken = await Promise.all(streams.map((stream) => take(stream, 40)));
  const byId = new Map<string, string>();
  for (const events of taken) {
    for (const [index, { id, data }] of events.entries()) {
      // Every reader's ids follow one another, and the same id is the same event for all.
      if (index > 0) expect(numberOf(id)).toBe(numberOf(events[index - 1]?.id ?? '') + 1n);
      expect(byId.get(id) ?? data).toBe(data);
      byId.set(id, data);
    }
  }
  for (const stream of streams) stream.stop();
});

it('does not share a call with a reader that sends other metadata to the backend', async () => {
  const plain = await client.events(PATH);
  await first(plain);
  const headers = [
    { 'grpc-metadata-tenant': 'a' },
    { 'grpc-metadata-tenant': 'b' },
    { 'grpc-metadata-tenant-bin': 'YQ==' },
    { 'grpc-metadata-tenant-bin': 'Yg==' },
    { 'grpc-metadata-tenant': 'a', 'grpc-metadata-zone': '1' },
  ];
  const own = await Promise.all(headers.map((sent) => client.events(PATH, { headers: sent })));
  await Promise.all(own.map(first));
  expect(await subscribers()).toBe(1 + headers.length);
  // The same metadata in whichever order, a trace and a name of the request's own make no other answer.
  const same = await Promise.all(
    [
      { 'grpc-metadata-zone': '1', 'grpc-metadata-tenant': 'a' },
      { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tracestate: 'x=1' },
      { 'x-request-id': 'mine' },
      { 'grpc-metadata-x-remote-user': 'root' },
    ].map((sent) => client.events(PATH, { headers: sent })),
  );
  await Promise.all(same.map(first));
  expect(await subscribers()).toBe(1 + headers.length);
  for (const stream of [plain, ...own, ...same]) stream.stop();
  await until('no subscriber', subscribers, (count) => count === 0);
});

it('opens one upstream call for them, one more for another certificate, and none stays behind', async () => {
  const same = await Promise.all([client.events(PATH), client.events(PATH)]);
  await Promise.all(same.map(first));
  expect(await subscribers()).toBe(1);
  const other = await dashboard.events(PATH);
  await first(other);
  expect(await subscribers()).toBe(2);
  // A reader that may hold the stream back, and one that resumes, have calls of their own.
  const alone = await Promise.all([
    client.events(`${PATH}&overflow=block`),
    client.events(PATH, { headers: { 'last-event-id': '1' } }),
  ]);
  await Promise.all(alone.map(first));
  expect(await subscribers()).toBe(4);
  for (const stream of [...same, other, ...alone]) stream.stop();
  for (let tries = 0; (await subscribers()) > 0 && tries < 200; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  expect(await subscribers()).toBe(0);
});

/** The first id that a reader gets while an equal request is open and on its way. */
async function secondReader(where: string): Promise<string> {
  const path = `${PATH}&${where}`;
  const open = await client.events(path);
  const reading = open[Symbol.asyncIterator]();
  for (let read = 0; read < 150; read++) await reading.next();
  const [again] = await take(await client.events(path), 1);
  open.stop();
  return again?.id ?? '';
}

it('does not share a call with a reader that says where to begin: it gets what it asked for', async () => {
  const [now] = await take(await client.events(PATH), 1);
  if (now === undefined) throw new Error('no event');
  const number = numberOf(now.id);
  expect(numberOf(await secondReader(`afterSequence=${number}`))).toBe(number + 1n);
  expect(numberOf(await secondReader(`afterTimeNs=${JSON.parse(now.data).timestampNs}`))).toBe(number);
  // The oldest frame is another one with each that comes; that it is old tells.
  const oldest = numberOf(await secondReader('start=EARLIEST'));
  const [newest] = await take(await client.events(PATH), 1);
  expect(numberOf(newest?.id ?? '') - oldest).toBeGreaterThan(100n);
});

it('tells what is missing before a position in the request as it does before a Last-Event-ID', async () => {
  const stream = await client.events(`${PATH}&afterSequence=0`);
  const events: { event: string | undefined; id: string | undefined; data: string }[] = [];
  for await (const { event, id, data } of stream) {
    events.push({ event, id, data });
    if (events.length === 2) break;
  }
  const [gap, frame] = events;
  const lost = Number(numberOf(frame?.id ?? '') - 1n);
  expect(lost).toBeGreaterThan(0);
  expect([gap?.event, JSON.parse(gap?.data ?? '{}')]).toMatchObject(['gap', { lost }]);
  stream.stop();
});
