// Slowloris in its plainest forms: a peer that never begins, never ends or trickles a handshake or its headers holds a
// place, which costs it nothing. Each has a time by which it must be done; then it is closed, told 408 where it can be, and
// its place is free.
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { rawConnected, requestText, untilClosed } from '../../support/raw.ts';
import { until } from '../../support/until.ts';
import { type EdgeUnderTest, startEdge } from './edge-under-test.ts';

/** Milliseconds that everything has here: far more than an honest client takes on a busy machine. */
const LIMIT_MS = 2_000;

let edge: EdgeUnderTest;

beforeAll(async () => {
  edge = await startEdge((_request, response) => response.end('served'), {
    handshakeTimeoutMs: LIMIT_MS,
    headersTimeoutMs: LIMIT_MS,
  });
});
afterAll(() => edge?.stop());

const serves = async (): Promise<void> => {
  const socket = await rawConnected(edge.asClient);
  const answer = untilClosed(socket);
  socket.write(requestText('GET', '/'));
  expect((await answer).body).toContain('served');
};

describe('a peer that takes its time', () => {
  it('loses its connection when it never begins a handshake', async () => {
    const socket = connectTcp(edge.listener.port, '127.0.0.1');
    await once(socket, 'connect');
    // Read until the end, or the end would never be seen.
    socket.resume();
    socket.on('error', () => {});
    await once(socket, 'close');
    expect(edge.refused).toEqual(['handshake']);
    await serves();
  });

  it('loses its connection when it stops in the middle of a handshake', async () => {
    const socket = connectTcp(edge.listener.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    // A record header that announces 512 bytes of handshake, and the first of them.
    socket.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]));
    await once(socket, 'close');
    await serves();
  });

  it.concurrent.each([
    ['nothing at all', ''],
    ['half a request line', 'GET /v1/sta'],
    ['half of its headers', 'GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: '],
  ])('is answered 408 and closed when it sends %s', async (_name, text) => {
    const socket = await rawConnected(edge.asClient);
    const answer = untilClosed(socket);
    if (text !== '') socket.write(text);
    expect(await answer).toMatchObject({ status: 408, body: 'the request did not arrive in time' });
    await serves();
  });

  it.concurrent('is answered 408 when its headers trickle', async () => {
    const socket = await rawConnected(edge.asClient);
    const answer = untilClosed(socket);
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n');
    const trickle = setInterval(() => socket.write('x: y\r\n'), 50);
    expect((await answer).status).toBe(408);
    clearInterval(trickle);
  });

  it('leaves no connection behind', async () => {
    await until('all connections are closed', edge.open, (count) => count === 0);
  });
});
