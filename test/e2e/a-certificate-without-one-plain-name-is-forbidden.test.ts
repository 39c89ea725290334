import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { SUBJECT_OIDS } from '../../src/pki/authority.ts';
import { callerOf } from '../support/https.ts';
import type { TestCertificate } from '../support/pki.ts';
import { expectProblem } from '../support/problem.ts';
import { type Stack, startStack } from '../support/stack.ts';

const NAMELESS: readonly (readonly [string, TestCertificate, RegExp])[] = [
  ['no CN', { cn: null, o: ['oran-client'] }, /has no CN/],
  ['two CNs', { cn: ['oran-client', 'dash-1'] }, /more than one CN/],
  ['the same CN twice', { cn: ['oran-client', 'oran-client'] }, /more than one CN/],
  ['a NUL in its CN', { rawSubject: [{ type: SUBJECT_OIDS.CN, value: 'oran-client\0.evil' }] }, /CN/],
  ['a line feed in its CN', { rawSubject: [{ type: SUBJECT_OIDS.CN, value: 'oran-client\n' }] }, /CN/],
  ['a CN that no rule names', { cn: 'stranger' }, /no rule/],
  ['a known CN in other case', { cn: 'ORAN-Client' }, /no rule/],
  ['a known CN and a space', { cn: 'oran-client ' }, /no rule|CN/],
  ['a known CN as O alone', { cn: 'x', o: ['oran-client'] }, /no rule/],
  ['a known CN as DNS name alone', { cn: 'x', dns: ['oran-client'] }, /no rule/],
];

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
