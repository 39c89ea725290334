import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { readBody } from '../../../src/gateway/edge/body.ts';
import { MAX_WAITING_REQUESTS } from '../../../src/gateway/edge/pipelining.ts';
import { rawConnected, rawExchange, requestText, untilClosed } from '../../support/raw.ts';
import { until } from '../../support/until.ts';
import { type EdgeUnderTest, startEdge } from './edge-under-test.ts';

/** A request that the handler has been given, to be answered by the test. */
interface Begun {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** Bytes of an answer that the buffers of two sockets on one machine do not hold. */
const LARGE_BYTES = 32 * 1024 * 1024;

let edge: EdgeUnderTest;
const begun: Begun[] = [];
const paths = (): (string | undefined)[] => begun.map(({ request }) => request.url);

beforeAll(async () => {
  edge = await startEdge((request, response) => {
    begun.push({ request, response });
    if (request.url?.startsWith('/echo') === true) response.end(`answer to ${request.url};`);
  });
});
afterAll(() => edge?.stop());
/** What could not be read before a test. */
let seen = 0;
beforeEach(() => {
  begun.length = 0;
  seen = edge.unreadable.length;
});

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
const LAST = requestText('GET', '/echo/last');
const echoes = (count: number): string => Array.from({ length: count }, (_, index) => get(`/echo/${index}`)).join('');

/** Writes requests at once, in one TLS record, and waits until the first of them is begun: the others are parsed by then. */
async function begin(text: string, paused = false) {
  const socket = await rawConnected(edge.asClient);
  const answer = untilClosed(socket);
  if (paused) socket.pause();
  socket.write(text);
  const first = await until('a request is begun', () => begun[0]);
  if (first === undefined) throw new Error('no request was begun');
  return { socket, answer, first };
}

describe('requests that are sent ahead', () => {
  it('are begun one after another, each when the answer before it is over', async () => {
    const { answer, first } = await begin(get('/a') + get('/b') + LAST);
    expect(paths()).toEqual(['/a']);
    first.response.write('begun');
    expect(paths()).toEqual(['/a']);
    first.response.end(', ended;');
    const second = await until('the second is begun', () => begun[1]);
    expect(paths()).toEqual(['/a', '/b']);
    second?.response.end('then b;');
    const { text } = await answer;
    expect(text).toMatch(/begun[\s\S]*, ended;[\s\S]*then b;[\s\S]*answer to \/echo\/last;/);
  });

  it('are all answered, in their order, when as many wait as may', async () => {
    const { answer, first } = await begin(get('/first') + echoes(MAX_WAITING_REQUESTS - 1) + LAST);
    first.response.end('first;');
    const { text } = await answer;
    expect([...text.matchAll(/answer to \/echo\/([a-z0-9]+);/g)].map(([, name]) => name)).toEqual([
      ...Array.from({ length: MAX_WAITING_REQUESTS - 1 }, (_, index) => String(index)),
      'last',
    ]);
    expect(edge.unreadable.slice(seen)).toEqual([]);
  });

  it('hold one answer where nobody reads', async () => {
    const large = Buffer.alloc(LARGE_BYTES, 'x');
    const { socket, answer, first } = await begin(get('/large') + get('/behind') + LAST, true);
    first.response.end(large);
    // More than fits between the two sockets: the answer is whole, and not over.
    expect(first.response.writableFinished).toBe(false);
    expect(paths()).toEqual(['/large']);
    socket.resume();
    const second = await until('the second is begun', () => begun[1]);
    expect(first.response.writableFinished).toBe(true);
    second?.response.end('behind;');
    expect((await answer).text).toMatch(/x\r?\n?HTTP[\s\S]*behind;[\s\S]*last;/);
  });

  it('may have bodies', async () => {
    const post = 'POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc';
    const { answer, first } = await begin(get('/first') + post + LAST);
    first.response.end();
    const second = await until('the second is begun', () => begun[1]);
    if (second === undefined) throw new Error('the second was not begun');
    second.response.end(`body ${await readBody(second.request, { maxBytes: 10 })};`);
    expect((await answer).text).toContain('body abc;');
  });

  it('cost their connection, and nobody else, when they are too many; none of them is begun', async () => {
    const { answer, first } = await begin(get('/stream') + echoes(1000));
    expect((await answer).text).toBe('');
    expect(paths()).toEqual(['/stream']);
    expect(first.response.destroyed).toBe(true);
    expect(edge.unreadable.slice(seen)).toMatchObject([{ code: 'RESOURCE_EXHAUSTED', status: 429 }]);
    expect((await rawExchange(edge.asClient, LAST)).status).toBe(200);
  });

  it('are as many, however they are split', async () => {
    const { socket, answer, first } = await begin(get('/stream') + echoes(MAX_WAITING_REQUESTS));
    first.response.write('begun');
    await once(socket, 'data');
    expect(paths()).toEqual(['/stream']);
    socket.write(get('/echo/too-many'));
    expect((await answer).text).not.toContain('answer');
    expect(paths()).toEqual(['/stream']);
    expect(edge.unreadable.slice(seen)).toHaveLength(1);
  });

  it('are not begun behind an answer that closes the connection', async () => {
    const { answer, first } = await begin(get('/closes') + get('/echo/behind'));
    first.response.setHeader('connection', 'close');
    first.response.end('last');
    expect((await answer).text.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(paths()).toEqual(['/closes']);
  });

  it('are not begun when their client has gone away', async () => {
    const { socket, first } = await begin(get('/stream') + get('/echo/behind'));
    const over = once(first.response, 'close');
    socket.destroy();
    await over;
    await until('the connection is closed', edge.open, (open) => open === 0);
    expect(paths()).toEqual(['/stream']);
  });

  it('get no refusal into an answer before them when one of them loses its form', async () => {
    const chunked = 'POST /body HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n';
    const { socket, answer, first } = await begin(get('/stream') + chunked);
    first.response.write('begun');
    await once(socket, 'data');
    socket.write('zz\r\n');
    expect((await answer).text.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(edge.unreadable.slice(seen)).toEqual([]);
  });

  it('are refused in their turn where they could be read in two ways', async () => {
    const twofold = 'POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n';
    const { answer, first } = await begin(get('/first') + twofold + get('/echo/hidden'));
    first.response.end('first');
    const statuses = [...(await answer).text.matchAll(/HTTP\/1\.1 ([0-9]{3}) /g)].map(([, status]) => status);
    expect(statuses).toEqual(['200', '501']);
    expect(paths()).toEqual(['/first']);
    expect(edge.unreadable.slice(seen)).toHaveLength(1);
  });
});

it('leaves no connection behind', async () => {
  await until('all connections are closed', edge.open, (open) => open === 0);
});
