// Bombs of headers: many, long, or small on the wire and large when unpacked, cookies among them. Each request may take a
// bounded part of memory before anybody knows what it asks for; what is more is refused with 431, or by a reset of its
// stream, and others are served.
import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2';
import { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { rawConnected, rawExchange, requestText } from '../../support/raw.ts';
import { until } from '../../support/until.ts';
import { type EdgeUnderTest, startEdge } from './edge-under-test.ts';

let edge: EdgeUnderTest;

beforeAll(async () => {
  edge = await startEdge((_request, response) => response.end('served'));
});
afterAll(() => edge?.stop());

/** Headers by number and the length of each value; an `a` takes five bits in HPACK, which has a cap of its own. */
const headers = (number: number, length = 1): [string, string][] =>
  Array.from({ length: number }, (_, index) => [`x-${index}`, 'a'.repeat(length)]);

const SERVED = { status: 200, body: 'served', reset: 0 };
const TOO_MANY = { status: 431, body: 'the request has more than 100 headers', reset: 0 };
const TOO_LARGE = { status: 431, body: 'the request line and the headers are too large', reset: 0 };

describe('HTTP/1.1', () => {
  // Host and Connection are two more.
  it.each([
    [98, 200],
    [99, 431],
    [500, 431],
  ])('%d headers beside its own two: %d', async (number, status) => {
    const seen = edge.unreadable.length;
    const text = headers(number).map(([name, value]) => `${name}: ${value}`);
    const answer = await rawExchange(edge.asClient, requestText('GET', '/', text));
    expect(answer.status).toBe(status);
    if (status === 200) return;
    expect(edge.unreadable.slice(seen)).toEqual([expect.objectContaining({ status: 431, code: 'RESOURCE_EXHAUSTED' })]);
    expect(answer.body).toBe('the request has more than 100 headers');
    expect(answer.headers.get('connection')).toBe('close');
  });
});

describe('cookies of HTTP/1.1', () => {
  const crumbs = (number: number): string => Array.from({ length: number }, (_, index) => `c${index}=1`).join('; ');

  it.each<readonly [string, readonly string[], number, string]>([
    ['a thousand crumbs in a line that is not too long', [`Cookie: ${crumbs(1_000)}`], 200, 'served'],
    ['ten thousand crumbs in one line', [`Cookie: ${crumbs(10_000)}`], 431, TOO_LARGE.body],
    ['one crumb of a megabyte', [`Cookie: c=${'x'.repeat(1 << 20)}`], 431, TOO_LARGE.body],
    ['a line a crumb, a hundred of them', Array(100).fill('Cookie: c=1'), 431, TOO_MANY.body],
    ['a line a crumb, ten thousand of them', Array(10_000).fill('Cookie: c=1'), 431, TOO_LARGE.body],
  ])('%s', async (_name, lines, status, body) => {
    const seen = edge.unreadable.length;
    const answer = await rawExchange(edge.asClient, requestText('GET', '/', lines));
    // Who goes on sending to a connection that is closed may lose what was said last.
    if (answer.status !== 0 || status === 200)
      expect([answer.status, answer.body.includes(body)]).toEqual([status, true]);
    expect(edge.unreadable.slice(seen).map((refused) => refused.status)).toEqual(status === 200 ? [] : [status]);
    expect((await rawExchange(edge.asClient, requestText('GET', '/'))).status).toBe(200);
  });
});

/** A SETTINGS frame with the ACK flag (RFC 9113 section 6.5). */
const SETTINGS_ACK = Buffer.from([0, 0, 0, 4, 1, 0, 0, 0, 0]);

/** The connection as an HTTP/2 client sees it that never acknowledges its server's settings. */
function withoutAck(socket: TLSSocket): Duplex {
  const duplex = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      const at = chunk.indexOf(SETTINGS_ACK);
      socket.write(
        at === -1 ? chunk : Buffer.concat([chunk.subarray(0, at), chunk.subarray(at + SETTINGS_ACK.length)]),
      );
      done();
    },
    final: (done) => {
      socket.end();
      done();
    },
    destroy: (_error, done) => {
      socket.destroy();
      done(null);
    },
  });
  socket.on('data', (chunk) => duplex.push(chunk));
  socket.on('end', () => duplex.push(null));
  return duplex;
}

async function session(acknowledges: boolean): Promise<ClientHttp2Session> {
  const socket = await rawConnected({ ...edge.asClient, alpn: ['h2'] });
  const client = connectHttp2('https://localhost', {
    createConnection: () => (acknowledges ? socket : withoutAck(socket)),
    maxSendHeaderBlockLength: 1 << 20,
  });
  client.on('error', () => {});
  await once(client, 'remoteSettings');
  // Answered only after our ACK, if there was one, has come to the server.
  await new Promise((resolve) => client.ping(resolve));
  return client;
}

/** Status and body of a request, or the code that its stream was reset with. */
async function get(client: ClientHttp2Session, given: readonly [string, string][], endStream = true) {
  const stream = client.request({ ':path': '/', ...Object.fromEntries(given) }, { endStream });
  let [status, body] = [0, ''];
  stream.on('response', (headers) => {
    status = Number(headers[':status']);
  });
  stream.on('data', (chunk) => {
    body += chunk;
  });
  stream.on('error', () => {});
  // Not by once(), which a reset stream's error would end.
  await new Promise((resolve) => stream.once('close', resolve));
  return { status, body, reset: stream.rstCode };
}

/** What nghttp2 says by itself, without an answer. */
const CALM = { status: 0, body: '', reset: constants.NGHTTP2_ENHANCE_YOUR_CALM };

describe.each([
  ['a client that never acknowledges our settings', false],
  ['a client that does', true],
])('HTTP/2 of %s', (_name, acknowledges) => {
  it.each<readonly [string, readonly [string, string][], object, object]>([
    ['a hundred headers', headers(100), SERVED, SERVED],
    ['a hundred and one', headers(101), TOO_MANY, TOO_MANY],
    ['three hundred', headers(300), CALM, CALM],
    ['one of 100,000 bytes', headers(1, 100_000), TOO_LARGE, CALM],
    ['90 of a kilobyte', headers(90, 1024), TOO_LARGE, CALM],
  ])('%s', async (_what, given, unacknowledged, acknowledged) => {
    const client = await session(acknowledges);
    expect(await get(client, given)).toEqual(acknowledges ? acknowledged : unacknowledged);
    // The stream is what is refused; the connection serves on.
    expect(await get(client, headers(1))).toEqual(SERVED);
    client.destroy();
  });
});

it('lets go of a refused HTTP/2 request whose body never ends', async () => {
  const client = await session(false);
  expect(await get(client, headers(101), false)).toEqual(TOO_MANY);
  client.destroy();
});

it('leaves no connection behind', async () => {
  await until('all connections are closed', edge.open, (open) => open === 0);
});
