import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { expectProblem } from '../support/problem.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
let dashboard: Caller;

beforeAll(async () => {
  stack = await startStack();
  dashboard = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'dashboard'));
});
afterAll(async () => {
  await dashboard?.close();
  await stack?.close();
});

it('refuses a known caller an RPC that no rule gives it, and says so in the log', async () => {
  const answer = await dashboard.call('/v1/stations/sim-1:stop', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': 'audit-me' },
    body: '{}',
  });
  expectProblem(
    { ...answer, contentType: answer.headers['content-type'], body: answer.text },
    { status: 403, code: 'PERMISSION_DENIED' },
  );
  expect(stack.logs.filter(({ audit }) => audit !== undefined)).toEqual([
    expect.objectContaining({
      audit: 'deny',
      requestId: 'audit-me',
      cn: 'dash-1',
      rpc: 'sdr.oran.IQStreamService/StopStream',
      remote: expect.stringMatching(/^(::ffff:)?127\.0\.0\.1$|^::1$/),
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      serial: expect.stringMatching(/^[0-9a-f]+$/),
      reason: expect.stringMatching(/./),
    }),
  ]);
  const line = await until('the request is logged', () => stack.logs.find(({ msg }) => msg === 'request'));
  expect(line).toMatchObject({ requestId: 'audit-me', cn: 'dash-1', status: 403, code: 'PERMISSION_DENIED' });
});

it('may do what its rule gives it', async () => {
  expect((await dashboard.call('/v1/stations/sim-1')).status).toBe(200);
});

it('learns nothing of a call that it may not make: a body that is wrong is not looked at', async () => {
  const answer = await dashboard.call('/v1/stations/sim-1:stop', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"no_such_field": 1',
  });
  expect(answer.status).toBe(403);
});
