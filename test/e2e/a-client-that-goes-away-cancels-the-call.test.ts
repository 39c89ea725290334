import { once } from 'node:events';
import { connect } from 'node:http2';
import { request } from 'node:https';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { pairIn } from '../support/https.ts';
import { type LibraryStack, startLibraryStack } from '../support/library-stack.ts';

let stack: LibraryStack;
let tls: { ca: string; cert: string; key: string };

beforeAll(async () => {
  stack = await startLibraryStack();
  const { certPem, keyPem } = pairIn(stack.pki.dir, 'client');
  tls = { ca: stack.pki.caPem, cert: certPem, key: keyPem };
  stack.library.hold('ReadPath');
});
afterAll(() => stack?.close());

const CALLS = [
  ['a call that waits for its answer', 'ReadPath', '/v1/files/a'],
  ['a stream', 'WatchBooks', '/v1/shelves/1/books:watch'],
] as const;

it.each(CALLS)('%s is cancelled when an HTTP/1.1 connection breaks', async (_, method, path) => {
  const coming = stack.library.next(method);
  const call = request(`${stack.gatewayUrl}${path}`, tls);
  call.on('error', () => {});
  call.end();
  const { cancelled } = await coming;
  call.destroy();
  await cancelled;
});

it.each(CALLS)('%s is cancelled when an HTTP/2 stream is reset, and the connection stays', async (_, method, path) => {
  const session = connect(stack.gatewayUrl, tls);
  const coming = stack.library.next(method);
  const stream = session.request({ ':path': path });
  stream.on('error', () => {});
  const { cancelled } = await coming;
  stream.close(8);
  await cancelled;
  const next = session.request({ ':path': '/v1/shelves/1/books/7' });
  const [headers] = await once(next, 'response');
  expect(headers[':status']).toBe(200);
  session.destroy();
});

it.each(CALLS)('%s is cancelled when an HTTP/2 connection breaks', async (_, method, path) => {
  const session = connect(stack.gatewayUrl, tls);
  session.on('error', () => {});
  const coming = stack.library.next(method);
  session.request({ ':path': path }).on('error', () => {});
  const { cancelled } = await coming;
  session.destroy();
  await cancelled;
});
