import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { rawConnected, rawExchange, requestText, untilClosed } from '../../support/raw.ts';
import { type EdgeUnderTest, startEdge } from './edge-under-test.ts';

let edge: EdgeUnderTest;
const waiting: ServerResponse[] = [];

beforeAll(async () => {
  edge = await startEdge((request, response) => {
    if (request.url === '/begun') response.write('begun');
    else if (request.url === '/waits') waiting.push(response);
    else response.end('served');
  });
});
afterAll(() => edge?.stop());

it.each([
  ['a request line that is none', 'NOT HTTP\r\n\r\n', 400],
  ['a method that HTTP does not know', requestText('BREW', '/'), 400],
  ['a NUL in the target', requestText('GET', '/a\0b'), 400],
  ['a header without a colon', requestText('GET', '/', ['no colon here']), 400],
  ['a header with a bare line feed', requestText('GET', '/', ['x: y\nevil: z']).replace('x: y\n', 'x: y\r'), 400],
  [
    'a length and chunks at once',
    `${requestText('POST', '/', ['Content-Length: 4', 'Transfer-Encoding: chunked'])}0\r\n\r\n`,
    400,
  ],
  ['a length that is no number', requestText('POST', '/', ['Content-Length: 4x']), 400],
  ['headers over the cap', requestText('GET', '/', [`x: ${'y'.repeat(17_000)}`]), 431],
  ['a request line over the cap of all headers', requestText('GET', `/${'y'.repeat(17_000)}`), 431],
])('%s is answered, and closed', async (_name, text, status) => {
  const seen = edge.unreadable.length;
  const answer = await rawExchange(edge.asClient, text);
  const [error] = edge.unreadable.slice(seen);
  expect(answer).toMatchObject({ status, body: error?.publicMessage });
  expect(answer.headers.get('connection')).toBe('close');
});

it('breaks off an answer that has begun when the body behind it loses its form, and writes nothing into it', async () => {
  const seen = edge.unreadable.length;
  const socket = await rawConnected(edge.asClient);
  const answer = untilClosed(socket);
  socket.write('POST /begun HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n');
  await once(socket, 'data');
  socket.write('zz\r\n');
  const { text } = await answer;
  expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1);
  expect(edge.unreadable).toHaveLength(seen);
});

it('never gives the refusal of a second request as the answer of the first', async () => {
  const socket = await rawConnected(edge.asClient);
  const answer = untilClosed(socket);
  socket.write('GET /waits HTTP/1.1\r\nHost: localhost\r\n\r\nNOT HTTP\r\n\r\n');
  expect((await answer).text).toBe('');
  expect(waiting).toHaveLength(1);
});

it('passes over an expectation that it does not know', async () => {
  const answer = await rawExchange(edge.asClient, requestText('GET', '/', ['Expect: tea']));
  expect(answer.status).toBe(200);
});
