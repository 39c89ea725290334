import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { type SilentBackend, startSilentBackend } from '../support/silent-backend.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const PATH = '/v1/stations/any/iq';
let stack: Stack;
let backend: SilentBackend;
let client: Caller;

beforeEach(async () => {
  stack = await startStack({ backend: false });
  backend = await startSilentBackend(stack.certsDir, stack.backendPort);
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
});
afterEach(async () => {
  await client.close();
  backend.close();
  await stack.close();
});

it.each([
  ['a shared call', PATH],
  ['a call of its own', `${PATH}?overflow=block`],
])('one that leaves before %s is accepted takes it along', async (_, path) => {
  const impatient = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
  const waiting = impatient.open(path).catch(() => undefined);
  await until('the call is at the backend', () => backend.open.size === 1);
  await impatient.close();
  await waiting;
  await until('no call is at the backend', () => backend.open.size === 0);
  expect(stack.gateway.streams()).toBe(0);
});

it('of a shared call only the one that leaves is let go', async () => {
  const impatient = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
  const leaves = impatient.open(PATH).catch(() => undefined);
  await until('the call is at the backend', () => backend.open.size === 1);
  const stays = client.open(PATH);
  await until('streams of the gateway: 2', () => stack.gateway.streams() === 2);
  await impatient.close();
  await leaves;
  await until('streams of the gateway: 1', () => stack.gateway.streams() === 1);
  expect(backend.total).toBe(1);
  backend.accept();
  expect((await stays).statusCode).toBe(200);
});

it('is told so when the gateway shuts down, long before the time for that is over', async () => {
  const waiting = client.call(PATH);
  await until('the call is at the backend', () => backend.open.size === 1);
  const GRACE_MS = 60_000;
  const startedMs = Date.now();
  const closed = stack.gateway.close(GRACE_MS);
  const answer = await waiting;
  expect(answer.status).toBe(503);
  expect(answer.json()).toMatchObject({ code: 'UNAVAILABLE', detail: 'the gateway is shutting down' });
  await client.close();
  await closed;
  expect(Date.now() - startedMs).toBeLessThan(GRACE_MS / 2);
  await until('no call is at the backend', () => backend.open.size === 0);
});
