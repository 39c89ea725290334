import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PassbandError } from '../../../src/errors.ts';
import { delimitedMessages, lines, readBody } from '../../../src/gateway/edge/body.ts';
import type { EdgeRequest } from '../../../src/gateway/edge/peer.ts';
import { leaveUnreadBody } from '../../../src/gateway/edge/unread-body.ts';
import { rawConnected, untilClosed } from '../../support/raw.ts';
import { until } from '../../support/until.ts';
import { type EdgeUnderTest, startEdge } from './edge-under-test.ts';

const LIMITS = { maxBytes: 1000, timeoutMs: 400 };
const READERS: Readonly<Record<string, (request: EdgeRequest) => Promise<number>>> = {
  '/whole': async (request) => (await readBody(request, LIMITS)).length,
  '/lines': (request) => count(lines(request, LIMITS)),
  '/delimited': (request) => count(delimitedMessages(request, LIMITS)),
  '/unread': async () => 0,
};
/** Bytes of the beginning of a message under each path, and of one that is over the cap. */
const PARTS = [
  ['/whole', 'abc', 'a'.repeat(1001)],
  ['/lines', '{}\n{"a"', 'a'.repeat(1001)],
  ['/delimited', '\x05abc', '\xff\x7f'],
] as const;

async function count(messages: AsyncIterable<unknown>): Promise<number> {
  let number = 0;
  for await (const _ of messages) number++;
  return number;
}

let edge: EdgeUnderTest;

beforeAll(async () => {
  edge = await startEdge((request, response) => {
    leaveUnreadBody(request, response, 100);
    const read = READERS[request.url ?? ''];
    read?.(request).then(
      (number) => response.end(`read ${number}`),
      (error: unknown) => {
        response.statusCode = PassbandError.from(error).status;
        if (request.httpVersionMajor < 2) response.setHeader('connection', 'close');
        response.end(PassbandError.from(error).publicMessage);
      },
    );
  });
});
afterAll(() => edge?.stop());

const head = (path: string, ...headers: string[]): string =>
  [`POST ${path} HTTP/1.1`, 'Host: localhost', ...headers, '', ''].join('\r\n');
const chunk = (data: string): string => `${data.length.toString(16)}\r\n${data}\r\n`;

async function exchange(text: string) {
  const socket = await rawConnected(edge.asClient);
  const answer = untilClosed(socket);
  socket.write(text, 'latin1');
  return answer;
}

/** Status of a request over HTTP/2 whose body never ends, once the server has closed its stream. */
async function http2Exchange(
  path: string,
  body: string,
): Promise<{ readonly status: unknown; readonly reset: number }> {
  const { caPem, pair, port } = edge.asClient;
  const session = connectHttp2(`https://localhost:${port}`, { ca: caPem, cert: pair?.certPem, key: pair?.keyPem });
  const stream = session.request({ ':method': 'POST', ':path': path }, { endStream: false });
  stream.write(body, 'latin1');
  stream.resume();
  const [[headers]] = await Promise.all([once(stream, 'response'), once(stream, 'close')]);
  session.destroy();
  return { status: headers[':status'], reset: stream.rstCode };
}

describe.each(PARTS)('a body at %s', (path, part, tooMuch) => {
  it('is answered 408 when it stops coming, and its connection closed', async () => {
    const answer = await exchange(head(path, 'Transfer-Encoding: chunked') + chunk(part));
    expect(answer).toMatchObject({ status: 408, body: 'the body did not arrive in time' });
  });

  it('is answered 413 when its chunks come to more than the cap, and its connection closed', async () => {
    expect((await exchange(head(path, 'Transfer-Encoding: chunked') + chunk(tooMuch))).status).toBe(413);
  });

  it('is answered over HTTP/2 alike, and its stream closed', async () => {
    expect(await http2Exchange(path, part)).toEqual({ status: 408, reset: 0 });
    expect(await http2Exchange(path, tooMuch)).toEqual({ status: 413, reset: 0 });
  });
});

it('is answered 413 by its announced length, before a byte of it is here', async () => {
  expect((await exchange(head('/whole', 'Content-Length: 1001'))).status).toBe(413);
});

it('may be as large as the cap', async () => {
  const body = 'a'.repeat(1000);
  const answer = await exchange(head('/whole', 'Content-Length: 1000', 'Connection: close') + body);
  expect(answer).toMatchObject({ status: 200, text: expect.stringContaining('read 1000') });
});

it('holds no connection and no stream when nobody reads it and it never comes', async () => {
  expect((await exchange(head('/unread', 'Content-Length: 10'))).status).toBe(200);
  expect(await http2Exchange('/unread', 'abc')).toEqual({ status: 200, reset: 0 });
});

it('may come a little later than its answer, on a connection that is kept', async () => {
  const socket = await rawConnected(edge.asClient);
  const answer = untilClosed(socket);
  socket.write(head('/unread', 'Content-Length: 3'));
  await once(socket, 'data');
  socket.write(`abc${head('/whole', 'Content-Length: 2', 'Connection: close')}ok`);
  expect((await answer).text).toMatch(/read 0[\s\S]*read 2/);
});

it('leaves no connection behind', async () => {
  await until('all connections are closed', edge.open, (open) => open === 0);
});
