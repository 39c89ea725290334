import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type LibraryStack, OPEN_POLICY, startLibraryStack } from '../support/library-stack.ts';
import type { TestFiles } from '../support/pki.ts';
import { rawConnected, requestText, untilClosed } from '../support/raw.ts';
import { Revoker, replaceFile } from '../support/revocation.ts';

let stack: LibraryStack;
let policyFile: string;
beforeAll(async () => {
  stack = await startLibraryStack();
  policyFile = join(stack.pki.dir, 'policy.yaml');
});
afterAll(() => stack?.close());

const get = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
const STREAM = get('/v1/shelves/a/books:watch');
const BOOK = '/v1/shelves/a/books/b';

/** A stream that is under way, with requests behind it on the same connection; the last of them asks to close it. */
async function openWith(pair: TestFiles) {
  const socket = await rawConnected({ port: Number(new URL(stack.gatewayUrl).port), caPem: stack.pki.caPem, pair });
  const answer = untilClosed(socket);
  const coming = stack.library.next('WatchBooks');
  socket.write(STREAM + get(BOOK).repeat(3) + requestText('GET', '/whoami'));
  await Promise.all([coming, once(socket, 'data')]);
  return { answer };
}

/** What the client got: statuses in their order, and what came behind the end of the stream. */
function read(text: string) {
  return {
    statuses: [...text.matchAll(/HTTP\/1\.1 ([0-9]{3}) /g)].map(([, status]) => Number(status)),
    end: /event: end\ndata: (.*)/.exec(text)?.[1],
    books: stack.library.calls.filter(({ method }) => method === 'GetBook').length,
  };
}

it('nor begun, when the certificate is revoked', async () => {
  const pair = await stack.pki.issue();
  const { answer } = await openWith(pair);
  await new Revoker(stack.pki).revoke(pair);
  const { text } = await answer;
  expect(read(text)).toEqual({ statuses: [200], end: expect.stringContaining('"code":16'), books: 0 });
});

it('nor begun by what the policy said before, when it has taken the right away', async () => {
  const { answer } = await openWith(await stack.pki.issue());
  await replaceFile(policyFile, OPEN_POLICY.replace('["*"]', '["passband.Gateway/*"]'));
  const { text } = await answer;
  expect(read(text)).toEqual({
    statuses: [200, 403, 403, 403, 200],
    end: expect.stringContaining('"code":7'),
    books: 0,
  });
});
