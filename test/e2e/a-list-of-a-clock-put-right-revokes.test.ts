import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { FrameReader } from '../support/frames.ts';
import { type Caller, callerOf } from '../support/https.ts';
import { type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
let client: Caller;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(async () => {
  await client?.close();
  await stack?.close();
});

it('ends a stream by a list of a higher number whose moment is before that of the list in use', async () => {
  const pair = await stack.pki.issue();
  // As much ahead as is taken for a difference of clocks.
  await stack.pki.crl([], { number: 1, thisUpdate: new Date(Date.now() + 4 * 60_000) });
  expect(await stack.gateway.reload()).toBe(true);
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pair);
  const stream = new FrameReader(await client.events('/v1/stations/sim-1/iq?batch_size_samples=4096&datatype=ci8'));
  await stream.until(() => stream.frames.length >= 1);

  const { serialNumber } = new X509Certificate(pair.certPem);
  await stack.pki.crl([serialNumber], { number: 2, thisUpdate: new Date(Date.now() - 60_000) });
  await stream.until(() => false);
  expect(stream.end?.status).toEqual({ code: 16, message: 'the client certificate has been revoked', details: [] });
  expect((await client.call('/whoami')).status).toBe(401);
});
