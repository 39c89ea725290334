import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Caller, callerOf } from '../support/https.ts';
import { type LibraryStack, OPEN_POLICY, startLibraryStack } from '../support/library-stack.ts';
import { replaceFile } from '../support/revocation.ts';
import { until } from '../support/until.ts';

let stack: LibraryStack;
let caller: Caller;
beforeAll(async () => {
  stack = await startLibraryStack();
  caller = callerOf(stack.gatewayUrl, stack.pki.caPem, await stack.pki.issue(), true);
});
afterAll(async () => {
  await caller?.close();
  await stack?.close();
});

/** Time to open a stream on a busy machine. */
const WINDOW_MS = 10_000;

it('at the moment at which it closes; what has no window goes on, and so does the connection', async () => {
  const notAfter = new Date(Date.now() + WINDOW_MS);
  const watching = `{ methods: ["acme.library.v1.Library/WatchBooks"], when: [{ notAfter: "${notAfter.toISOString()}" }] }`;
  const reading = '{ methods: ["acme.library.v1.Library/GetBook"] }';
  const policy = OPEN_POLICY.replace('[{ methods: ["*"] }]', `[${watching}, ${reading}]`);
  expect(policy).toContain(notAfter.toISOString());
  await replaceFile(join(stack.pki.dir, 'policy.yaml'), policy);
  await until(
    'the policy is in use',
    async () => (await caller.call('/healthz')).status,
    (status) => status === 403,
  );

  const stream = await caller.events('/v1/shelves/a/books:watch');
  expect(stream.status).toBe(200);
  let end: string | undefined;
  for await (const { event, data } of stream) if (event === 'end') end = data;
  expect(Date.now()).toBeGreaterThanOrEqual(notAfter.getTime());
  expect(JSON.parse(end ?? '')).toMatchObject({ code: 7 });
  expect((await caller.call('/v1/shelves/a/books/b')).status).toBe(200);
  expect((await caller.call('/v1/shelves/a/books:watch')).status).toBe(403);
});
