// Slowloris behind the handshake: requests that are begun and never finished, octet by octet. Each has a time by which it
// must be whole; then its place is free, whatever trickles on, and others have been served meanwhile.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PassbandError } from '../../src/errors.ts';
import { readBody } from '../../src/gateway/edge/body.ts';
import { leaveUnreadBody } from '../../src/gateway/edge/unread-body.ts';
import { type EdgeUnderTest, startEdge } from '../gateway/edge/edge-under-test.ts';
import {
  data,
  FLAG,
  FRAME,
  frame,
  headerBlock,
  headers,
  PREFACE,
  ping,
  requestFields,
  settings,
} from '../support/http2-frames.ts';
import { Http2Peer } from '../support/http2-peer.ts';
import { makeTestPki, type TestPki } from '../support/pki.ts';
import { rawConnected, rawExchange, requestText, untilClosed } from '../support/raw.ts';
import { until } from '../support/until.ts';

/** Milliseconds that everything has here: far more than an honest client takes on a busy machine. */
const LIMIT_MS = 1_500;
/** Milliseconds between two octets of a slow sender: none of the limits would ever pass between them. */
const TRICKLE_MS = 50;

let pki: TestPki;

beforeAll(async () => {
  pki = await makeTestPki();
});
afterAll(() => pki?.remove());

/** One attack: a listener that nobody else uses, since others are under way at the same time. */
interface Attacked {
  readonly edge: EdgeUnderTest;
  /** Statuses of the requests whose body did not come in time. */
  readonly refused: readonly number[];
  /** Sends the same bytes again and again, for as long as the test lasts. */
  trickle(send: () => void): void;
  expectOthersServed(): Promise<void>;
}

/** A test that has such a listener, and ends with its place free. */
const attack = async (under: (attacked: Attacked) => Promise<void>): Promise<void> => {
  const refused: number[] = [];
  let stopTrickle = (): void => {};
  const edge = await startEdge(
    async (request, response) => {
      leaveUnreadBody(request, response, LIMIT_MS);
      try {
        const body = await readBody(request, { maxBytes: 1024, timeoutMs: LIMIT_MS });
        response.end(`served ${body.length}`);
      } catch (error) {
        response.statusCode = PassbandError.from(error).status;
        refused.push(response.statusCode);
        response.end('refused');
      }
    },
    { headersTimeoutMs: LIMIT_MS, idleSessionMs: LIMIT_MS },
    pki,
  );
  try {
    await under({
      edge,
      refused,
      trickle: (send) => {
        const timer = setInterval(send, TRICKLE_MS);
        stopTrickle = () => clearInterval(timer);
      },
      expectOthersServed: async () => {
        expect((await rawExchange(edge.asClient, requestText('GET', '/'))).body).toContain('served');
      },
    });
    stopTrickle();
    await until('the place is free', edge.open, (open) => open === 0);
  } finally {
    stopTrickle();
    await edge.stop();
  }
};

const POST = 'POST / HTTP/1.1\r\nHost: localhost\r\n';

describe('HTTP/1.1', () => {
  it.concurrent.each([
    ['a request line', 'GET /', 'a'],
    ['headers', 'GET / HTTP/1.1\r\nHost: localhost\r\n', 'x: y\r\n'],
    ['a body with a length', `${POST}Content-Length: 1000\r\n\r\n`, 'x'],
    ['a body in chunks', `${POST}Transfer-Encoding: chunked\r\n\r\n`, '1\r\nx\r\n'],
    ['the size of a chunk', `${POST}Transfer-Encoding: chunked\r\n\r\n`, '0'],
    ['chunk extensions', `${POST}Transfer-Encoding: chunked\r\n\r\n1;`, 'x'],
    ['trailers', `${POST}Transfer-Encoding: chunked\r\n\r\n0\r\n`, 'x: y\r\n'],
  ])('%s', (_name, first, then) =>
    attack(async ({ edge, refused, trickle, expectOthersServed }) => {
      const socket = await rawConnected(edge.asClient);
      const answer = untilClosed(socket);
      socket.write(first);
      trickle(() => socket.write(then));
      await expectOthersServed();
      // Who goes on sending to a connection that is closed may lose what was said last.
      expect([408, 0]).toContain((await answer).status);
      expect([...refused, ...edge.unreadable.map(({ status }) => status)]).toEqual([408]);
    }),
  );
});

describe('HTTP/2', () => {
  const post = headers(1, headerBlock(requestFields('POST', '/')), FLAG.endHeaders);
  it.concurrent.each<readonly [string, Buffer, Buffer]>([
    ['nothing but its settings', Buffer.alloc(0), Buffer.alloc(0)],
    ['pings', Buffer.alloc(0), ping()],
    ['settings', Buffer.alloc(0), settings()],
    ['half of a frame', frame(FRAME.headers, 5, 1, Buffer.alloc(100)).subarray(0, 20), Buffer.from([0])],
    [
      'a header block that goes on',
      headers(1, headerBlock(requestFields('GET', '/')), FLAG.endStream),
      Buffer.alloc(0),
    ],
  ])('a connection of %s', (_name, first, then) =>
    attack(async ({ edge, trickle, expectOthersServed }) => {
      const peer = await Http2Peer.open(edge.asClient);
      peer.send(first);
      trickle(() => peer.send(then));
      await expectOthersServed();
      await peer.end();
    }),
  );

  it.concurrent.each([
    ['nothing', Buffer.alloc(0)],
    ['half of the preface', PREFACE.subarray(0, 10)],
    ['the preface alone', PREFACE],
  ])('%s', (_name, first) =>
    attack(async ({ edge, expectOthersServed }) => {
      const socket = await rawConnected({ ...edge.asClient, alpn: ['h2'] });
      const answer = untilClosed(socket);
      if (first.length > 0) socket.write(first);
      await expectOthersServed();
      await answer;
    }),
  );

  it.concurrent('a body', () =>
    attack(async ({ edge, refused, trickle, expectOthersServed }) => {
      const peer = await Http2Peer.open(edge.asClient);
      peer.send(post);
      trickle(() => peer.send(data(1, 'x')));
      await expectOthersServed();
      expect([408, 0]).toContain((await peer.over(1)).status);
      expect(refused.at(-1)).toBe(408);
      // The stream is gone, and with it what kept the connection.
      await peer.end();
    }));

  it.concurrent('a request that is whole keeps its connection for as long as its answer takes', () =>
    attack(async ({ edge, expectOthersServed }) => {
      const peer = await Http2Peer.open(edge.asClient);
      peer.send(post, data(1, 'x'));
      await expectOthersServed();
      peer.send(data(1, 'y', FLAG.endStream));
      expect(await peer.over(1)).toMatchObject({ status: 200, body: 'served 2' });
      await peer.end();
    }));
});
