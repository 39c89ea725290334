import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { callerOf } from '../support/https.ts';
import { expectProblem } from '../support/problem.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { NAMELESS } from './certificates.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});
afterAll(async () => {
  await stack?.close();
});

it.each(NAMELESS)('%s: 403 on every path, over both versions of HTTP', async (_name, certificate, detail) => {
  const pair = await stack.pki.issue(certificate);
  for (const http2 of [false, true]) {
    const caller = callerOf(stack.gatewayUrl, stack.pki.caPem, pair, http2);
    try {
      for (const path of ['/', '/healthz', '/whoami', '/v1/stations', '/v1/stations/sim-1/iq']) {
        const answer = await caller.call(path);
        expectProblem(
          { ...answer, contentType: answer.headers['content-type'], body: answer.text },
          { status: 403, code: 'PERMISSION_DENIED', detail },
        );
      }
    } finally {
      await caller.close();
    }
  }
});

it('still takes the CN that the policy names', async () => {
  const caller = callerOf(stack.gatewayUrl, stack.pki.caPem, await stack.pki.issue({ cn: 'oran-client' }));
  expect((await caller.call('/v1/stations')).status).toBe(200);
  await caller.close();
});
