import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Caller, callerOf } from '../support/https.ts';
import { type RawAnswer, rawConnected, untilClosed } from '../support/raw.ts';
import { connectionsOpen, type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

/** Long enough to open a stream on a busy machine, short enough to wait for. */
const LIFETIME_MS = 8_000;
let stack: Stack;
let client: Caller;
let notAfter: Date;
let idle: Promise<RawAnswer>;

beforeAll(async () => {
  stack = await startStack();
  // X.509 counts whole seconds.
  notAfter = new Date(Math.ceil((Date.now() + LIFETIME_MS) / 1000) * 1000);
  const pair = await stack.pki.issue({ notAfter });
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pair, true);
  idle = untilClosed(await rawConnected({ port: stack.port, caPem: stack.pki.caPem, pair }));
});
afterAll(async () => {
  await client?.close();
  await stack?.close();
});

it('in the stream while it runs; its connection is closed, and no other is let in', async () => {
  const stream = await client.events('/v1/stations/sim-1/spectrum:stream?fft_size=64&omit_frequencies=true');
  expect(stream.status).toBe(200);
  let last: { event?: string | undefined; data: string } | undefined;
  for await (const event of stream) last = event;
  expect(Date.now()).toBeGreaterThanOrEqual(notAfter.getTime());
  expect(last?.event).toBe('end');
  expect(JSON.parse(last?.data ?? '')).toEqual({
    code: 16,
    message: 'the client certificate has expired',
    details: [],
  });
  // One that nothing was ever asked on is not kept either.
  expect(await idle).toMatchObject({ text: '', error: undefined });
  await until(
    'its connections are closed',
    () => connectionsOpen(stack),
    (open) => open === 0,
  );
  await expect(client.call('/whoami')).rejects.toThrow();
});
