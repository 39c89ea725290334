import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { type Caller, callerOf, type EventStream, pairIn } from '../support/https.ts';
import { expectNoSecrets, expectProblem } from '../support/problem.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
let client: Caller;

beforeAll(async () => {
  stack = await startStack({ backend: false });
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
});
afterEach(async () => {
  await stack.stopBackend();
});
afterAll(async () => {
  await client?.close();
  await stack?.close();
});

/** More than a call waits for a connection, far less than a caller would. */
const QUICKLY_MS = 6_000;

async function expectUnavailable(path: string): Promise<void> {
  const startedMs = Date.now();
  const answer = await client.call(path);
  expect(Date.now() - startedMs).toBeLessThan(QUICKLY_MS);
  expectProblem(
    { ...answer, contentType: answer.headers['content-type'], body: answer.text },
    { status: 503, code: 'UNAVAILABLE', detail: /^the backend is unavailable$/ },
  );
}

/** Events up to the end of a stream, after the first of which something happens. */
async function lastEvent(stream: EventStream, afterFirst: () => Promise<void>) {
  let happened: Promise<void> | undefined;
  let last: { readonly event?: string | undefined; readonly data: string } | undefined;
  for await (const event of stream) {
    happened ??= afterFirst();
    last = event;
  }
  await happened;
  return last;
}

it('is absent at start: calls and streams are 503 quickly, the gateway says that it is not ready, yet lives', async () => {
  await expectUnavailable('/v1/stations');
  await expectUnavailable('/v1/stations/sim-1/iq');
  expect((await client.call('/readyz')).status).toBe(503);
  expect((await client.call('/healthz')).status).toBe(200);
});

it('comes: the next call succeeds, and the gateway is ready', async () => {
  await stack.startBackend();
  expect((await client.call('/v1/stations')).status).toBe(200);
  expect((await client.call('/readyz')).status).toBe(200);
});

/** How a stream ends with its backend: in the backend's words, or in the gateway's where the backend came to none. */
const GONE = {
  code: 14,
  message: expect.stringMatching(/^the (server is shutting down|backend is unavailable)$/),
  details: expect.any(Array),
};

it.each([
  ['is cut off', 0],
  ['shuts down in order', 2_000],
])(
  '%s in mid-stream: the stream ends with UNAVAILABLE and no address, and the next call after its return succeeds',
  async (_how, graceMs) => {
    await stack.startBackend();
    const stream = await client.events('/v1/stations/sim-1/iq');
    expect(stream.status).toBe(200);
    const last = await lastEvent(stream, () => stack.stopBackend(graceMs));
    expect(last?.event).toBe('end');
    expect(JSON.parse(last?.data ?? '')).toEqual(GONE);
    expectNoSecrets(last?.data ?? '');
    await until('the stream is off the list', () => stack.gateway.streams() === 0);
    await expectUnavailable('/v1/stations/sim-1');

    await stack.startBackend();
    expect((await client.call('/v1/stations/sim-1')).status).toBe(200);
    const again = await client.events('/v1/stations/sim-1/iq');
    for await (const event of again) {
      expect(JSON.parse(event.data).stationId).toBe('sim-1');
      break;
    }
    again.stop();
  },
);

/** All of a stream, during which the backend is cut off. */
async function readWhileItDies(accept: string): Promise<string> {
  await stack.startBackend();
  const response = await client.open('/v1/stations/sim-1/iq', { headers: { accept } });
  let stopped: Promise<void> | undefined;
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response.body) {
      chunks.push(chunk);
      stopped ??= stack.stopBackend();
    }
  } finally {
    await stopped;
  }
  return Buffer.concat(chunks).toString();
}

it('dies: the last line of NDJSON says so', async () => {
  const lines = (await readWhileItDies('application/x-ndjson')).trimEnd().split('\n');
  expect(JSON.parse(lines.at(-1) ?? '')).toEqual({ error: GONE });
});

it('dies: the last element of a JSON array says so', async () => {
  expect(JSON.parse(await readWhileItDies('application/json')).at(-1)).toEqual({ error: GONE });
});

it('dies: protobuf, which cannot say so, is broken off and never taken for whole', async () => {
  await expect(readWhileItDies('application/x-protobuf')).rejects.toThrow();
});
