import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { type RawOptions, rawConnect, rawConnected, rawExchange, requestText, untilClosed } from '../support/raw.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';
import { BAD_REQUESTS, MAX_BODY_BYTES } from './bad-requests.ts';
import { NAMELESS, REFUSED } from './certificates.ts';
import { STRANGE_TARGETS } from './strange-targets.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ flags: { 'max-body-bytes': String(MAX_BODY_BYTES) } });
});
afterAll(async () => {
  await stack?.close();
});

const callerWith = (http2: boolean): Caller =>
  callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'), http2);

async function metric(name: string): Promise<number> {
  const values = (await stack.registry.getSingleMetric(name)?.get())?.values ?? [];
  return values.reduce((sum, { value }) => sum + value, 0);
}

/** What the process holds on to, by kind. */
function resources(): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  // Test runners and DNS come and go by themselves; timers, sockets and servers are ours.
  for (const kind of process.getActiveResourcesInfo()) {
    if (/Timeout|TCP|TLS|Server/.test(kind)) counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

/** Everything bad at once, over one version of HTTP; every connection is given up in the end. */
async function misbehave(http2: boolean): Promise<void> {
  const client = callerWith(http2);
  for (const { path, method = 'GET', headers = {}, body, status, http1Only } of BAD_REQUESTS) {
    if (http2 && http1Only === true) continue;
    const answer = await client.call(path, { method, headers, ...(body === undefined ? {} : { body }) });
    expect(answer.status).toBe(status);
  }
  // Streams in each form, given up after their first bytes, some unread.
  for (const accept of ['text/event-stream', 'application/x-ndjson', 'application/json', 'application/x-protobuf']) {
    const { body } = await client.open('/v1/stations/sim-1/iq', { headers: { accept } });
    await once(body, 'readable');
    body.on('error', () => {}).destroy();
    const unread = await client.open('/v1/stations/sim-1/spectrum:stream', { headers: { accept } });
    unread.body.on('error', () => {}).destroy();
  }
  await client.close();
}

const asClient = (name = 'client'): RawOptions => ({
  port: stack.port,
  caPem: stack.pki.caPem,
  pair: pairIn(stack.certsDir, name),
});

/** Every certificate that is refused, and a good one whose holder may not do what is asked. */
async function misbehaveByCertificate(): Promise<void> {
  for (const [, certificate] of REFUSED) {
    const pair = certificate && (await stack.pki.issue(certificate));
    expect((await rawExchange({ ...asClient(), pair }, requestText('GET', '/'))).text).toBe('');
  }
  for (const [, certificate] of NAMELESS) {
    const pair = await stack.pki.issue(certificate);
    const answer = await rawExchange({ ...asClient(), pair }, requestText('GET', '/v1/stations/sim-1/iq'));
    expect(answer.status).toBe(403);
  }
  const start = requestText('POST', '/v1/stations/sim-1:start', ['Content-Length: 0']);
  expect((await rawExchange(asClient('dashboard'), start)).status).toBe(403);
}

/** Peers that stop in the middle of a handshake and of their headers, until they are cut. */
async function misbehaveSlowly(): Promise<void> {
  const bare = connectTcp(stack.port, '127.0.0.1');
  // A record header that announces 512 bytes of handshake, and the first of them.
  bare.on('error', () => {}).write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]));
  bare.resume();
  const handshake = once(bare, 'close');
  const socket = await rawConnected(asClient());
  const answer = untilClosed(socket);
  socket.write('GET /v1/stations HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
  expect((await answer).status).toBe(408);
  await handshake;
}

/** A backend that dies under an open stream, is away, and comes back. */
async function loseTheBackend(): Promise<void> {
  const client = callerWith(false);
  const stream = await client.events('/v1/stations/sim-1/iq');
  const events = stream[Symbol.asyncIterator]();
  await events.next();
  await stack.stopBackend();
  let last: string | undefined;
  for await (const { event, data } of { [Symbol.asyncIterator]: () => events }) last = `${event} ${data}`;
  expect(last).toMatch(/^end .*"code":14/);
  expect((await client.call('/v1/stations')).status).toBe(503);
  await stack.startBackend();
  await until(
    'the backend answers again',
    async () => (await client.call('/v1/stations')).status,
    (status) => status === 200,
  );
  await client.close();
}

async function misbehaveBelowHttp(): Promise<void> {
  const to = asClient();
  for (const [, target, status] of STRANGE_TARGETS) {
    expect((await rawExchange(to, requestText('GET', target))).status).toBe(status);
  }
  await rawExchange(to, 'NOT HTTP\r\n\r\n');
  await rawExchange(to, requestText('GET', '/', [`x: ${'y'.repeat(17_000)}`]));
  // Cut in the handshake, before a request, in a request, in a body, and in the middle of an answer.
  const bare = connectTcp(stack.port, '127.0.0.1');
  await once(bare, 'connect');
  bare.destroy();
  rawConnect(to).destroy();
  for (const text of [
    '',
    'GET /v1/sta',
    'POST /v1/stations/sim-1:start HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{',
    'POST /v1/stations/sim-1/iq:push HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n',
  ]) {
    const socket = await rawConnected(to);
    socket.write(text, () => socket.destroy());
    await once(socket, 'close');
  }
  const reading = await rawConnected(to);
  reading.write(requestText('GET', '/v1/stations/sim-1/iq'));
  await once(reading, 'data');
  reading.destroy();
}

/** Waits until all is as it is with one idle gateway and one idle backend. */
async function settled(): Promise<void> {
  await until(
    'no stream is open',
    () => metric('passband_streams_active'),
    (count) => count === 0,
  );
  await until(
    'no connection is open',
    () => metric('passband_connections_open'),
    (count) => count === 0,
  );
  expect(stack.gateway.streams()).toBe(0);
  const started = await until(
    'every call at the backend has ended',
    () => stack.backendCalls(),
    ({ live }) => live === 0,
  );
  expect(started.total).toBeGreaterThan(0);
}

it('leaves no call, socket or timer, and the process serves', async () => {
  // The first round opens what stays open: the channel to the backend and its timers.
  await misbehave(false);
  await settled();
  const before = resources();
  // One reader stays, and reads nothing, while all the others come and go.
  const stalled = await rawConnected(asClient());
  stalled.write(requestText('GET', '/v1/stations/adsb/iq?overflow=drop-oldest'), () => stalled.pause());
  const slow = misbehaveSlowly();
  await misbehave(false);
  await misbehave(true);
  await misbehaveBelowHttp();
  await misbehaveByCertificate();
  await slow;
  await until(
    'the stalled reader alone is left',
    () => metric('passband_streams_active'),
    (count) => count === 1,
  );
  stalled.destroy();
  await loseTheBackend();
  await settled();
  const noMore = (now: typeof before): boolean =>
    Object.entries(now).every(([kind, count]) => count <= (before[kind] ?? 0));
  await until(`resources are no more than ${JSON.stringify(before)}`, resources, noMore);

  const client = callerWith(false);
  expect((await client.call('/v1/stations')).status).toBe(200);
  expect((await client.call('/readyz')).status).toBe(200);
  await client.close();
}, 90_000);
