import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { type Library, startLibrary } from '../support/library.ts';
import { type LibraryStack, startLibraryStack } from '../support/library-stack.ts';
import { until } from '../support/until.ts';

let stack: LibraryStack;
let other: Library;
let client: Caller;

beforeAll(async () => {
  stack = await startLibraryStack(async (library, pki) => {
    other = await startLibrary(pki);
    // What a DNS name with two addresses comes to.
    return { backend: `ipv4:127.0.0.1:${library.port},127.0.0.1:${other.port}`, 'backend-name': 'localhost' };
  });
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.pki.dir, 'client'));
});
afterAll(async () => {
  await client?.close();
  await stack?.close();
  await other?.close();
});

const ask = async (): Promise<number> => (await client.call('/v1/shelves/1/books/7')).status;
const counts = (): readonly [number, number] => [stack.library.calls.length, other.calls.length];

it('in turn, once it is connected to all, and over those that are left when one is gone', async () => {
  await until(
    'both backends were called',
    async () => [await ask(), ...counts()],
    ([status, first, second]) => status === 200 && first !== 0 && second !== 0,
  );
  const before = counts();
  for (let call = 0; call < 10; call++) expect(await ask()).toBe(200);
  expect(counts()).toEqual(before.map((count) => count + 5));

  await other.close();
  const [left, gone] = counts();
  for (let call = 0; call < 10; call++) expect(await ask()).toBe(200);
  expect(counts()).toEqual([left + 10, gone]);
});
