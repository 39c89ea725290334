import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Line, linesOf } from '../audit/journal-under-test.ts';
import { callerOf } from '../support/https.ts';
import { type LibraryStack, startLibraryStack } from '../support/library-stack.ts';
import { Revoker } from '../support/revocation.ts';
import { until } from '../support/until.ts';

let stack: LibraryStack;
beforeAll(async () => {
  stack = await startLibraryStack();
});
afterAll(() => stack?.close());

const REVOKED = 'the client certificate has been revoked';

async function left(requestId: string, count: number): Promise<Line[]> {
  const mine = async (): Promise<Line[]> =>
    (await linesOf(join(stack.pki.dir, 'audit', 'gateway.jsonl'))).filter((line) => line.requestId === requestId);
  return until(`${count} lines of ${requestId}`, mine, (seen) => seen.length >= count);
}

it('a stream, a call under way, and whoever comes later', async () => {
  const pair = await stack.pki.issue();
  const [streaming, calling, later] = [1, 2, 3].map(() => callerOf(stack.gatewayUrl, stack.pki.caPem, pair));
  stack.library.hold('LendBook');
  const coming = stack.library.next('LendBook');
  const stream = await streaming?.events('/v1/shelves/1/books:watch', { headers: { 'x-request-id': 'stream' } });
  const answer = calling?.call('/v1/shelves/a/books/b:lend', { method: 'POST', headers: { 'x-request-id': 'call' } });
  await coming;
  expect(stream?.status).toBe(200);

  await new Revoker(stack.pki).revoke(pair);
  expect((await answer)?.status).toBe(401);
  for (const id of ['stream', 'call']) {
    expect(await left(id, 2)).toEqual([
      expect.objectContaining({ event: 'decision', outcome: 'allow' }),
      expect.objectContaining({ event: 'end', code: 'UNAUTHENTICATED', reason: REVOKED, cn: 'oran-client' }),
    ]);
  }
  const refused = await later?.call('/v1/shelves/a/books/b', { headers: { 'x-request-id': 'later' } });
  expect(refused?.status).toBe(401);
  expect(await left('later', 1)).toEqual([
    expect.objectContaining({ event: 'decision', outcome: 'deny', code: 'UNAUTHENTICATED', reason: REVOKED }),
  ]);
  for (const caller of [streaming, calling, later]) await caller?.close();
});
