import { Metadata, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { type LibraryStack, startLibraryStack } from '../support/library-stack.ts';

let stack: LibraryStack;
let client: Caller;

beforeAll(async () => {
  stack = await startLibraryStack();
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.pki.dir, 'client'));
});
afterAll(async () => {
  await client?.close();
  await stack?.close();
});

const BOOK = '/v1/shelves/1/books/7';
const failing = (code: status) => ({ code, details: 'not now', metadata: new Metadata() });

/** Status of a call, and how often the backend was asked. */
async function tried(method: 'GET' | 'POST', path: string): Promise<readonly [number, number]> {
  const before = stack.library.calls.length;
  const answer = await client.call(path, { method, ...(method === 'POST' ? { body: '{}' } : {}) });
  return [answer.status, stack.library.calls.length - before];
}

it('tries a read again until the backend is available', async () => {
  stack.library.fail('GetBook', failing(status.UNAVAILABLE), 2);
  expect(await tried('GET', BOOK)).toEqual([200, 3]);
});

it('gives a read up after four tries', async () => {
  stack.library.fail('GetBook', failing(status.UNAVAILABLE), 4);
  expect(await tried('GET', BOOK)).toEqual([503, 4]);
});

it.each([
  ['RESOURCE_EXHAUSTED', 429],
  ['INTERNAL', 500],
  ['ABORTED', 409],
] as const)('does not try a read again that ended %s', async (code, http) => {
  stack.library.fail('GetBook', failing(status[code]), 1);
  expect(await tried('GET', BOOK)).toEqual([http, 1]);
});

it('does not try again what the proto does not call idempotent', async () => {
  stack.library.fail('LendBook', failing(status.UNAVAILABLE), 1);
  expect(await tried('POST', `${BOOK}:lend`)).toEqual([503, 1]);
});
