import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Caller, callerOf } from '../support/https.ts';
import { type LibraryStack, OPEN_POLICY, startLibraryStack } from '../support/library-stack.ts';
import { Revoker, replaceFile } from '../support/revocation.ts';

let stack: LibraryStack;
const callers: Caller[] = [];
beforeAll(async () => {
  stack = await startLibraryStack();
  stack.library.hold('LendBook');
});
afterAll(async () => {
  for (const caller of callers) await caller.close();
  await stack?.close();
});

const LEND = '/v1/shelves/a/books/b:lend';

it('is cancelled at the backend and answered 401 when the certificate is revoked', async () => {
  const pair = await stack.pki.issue();
  const caller = callerOf(stack.gatewayUrl, stack.pki.caPem, pair);
  callers.push(caller);
  const coming = stack.library.next('LendBook');
  const answer = caller.call(LEND, { method: 'POST' });
  const call = await coming;
  await new Revoker(stack.pki).revoke(pair);
  await call.cancelled;
  const { status, json } = await answer;
  expect([status, json()]).toMatchObject([
    401,
    { code: 'UNAUTHENTICATED', detail: 'the client certificate has been revoked' },
  ]);
});

it('is cancelled and answered 403 when the policy no longer allows it; the connection serves on', async () => {
  const caller = callerOf(stack.gatewayUrl, stack.pki.caPem, await stack.pki.issue());
  callers.push(caller);
  const coming = stack.library.next('LendBook');
  const answer = caller.call(LEND, { method: 'POST' });
  const call = await coming;
  const policyFile = join(stack.pki.dir, 'policy.yaml');
  await replaceFile(policyFile, OPEN_POLICY.replace('["*"]', '["acme.library.v1.Library/GetBook"]'));
  await call.cancelled;
  expect((await answer).status).toBe(403);
  expect((await caller.call('/v1/shelves/a/books/b')).status).toBe(200);
  await writeFile(policyFile, OPEN_POLICY);
});
