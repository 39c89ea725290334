// Request smuggling: a body whose end two readers see in two places hides a request of the attacker's in the connection
// of a proxy that others use. Whatever can be read in two ways is refused once, and the connection read no further.
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { pairIn } from '../support/https.ts';
import { type RawAnswer, type RawOptions, rawExchange } from '../support/raw.ts';
import { type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
let to: RawOptions;

beforeAll(async () => {
  stack = await startStack();
  to = { port: stack.port, caPem: stack.pki.caPem, pair: pairIn(stack.certsDir, 'client') };
});
afterAll(() => stack?.close());

/** What must never be answered: the attacker's hidden request. Its own page makes it easy to see. */
const HIDDEN = 'GET /whoami HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

const post = (headers: readonly string[], body: string): string =>
  [
    'POST /v1/stations/sim-1:start HTTP/1.1',
    'Host: localhost',
    'Content-Type: application/json',
    ...headers,
    '',
    body,
  ].join('\r\n');
const chunked = (body: string): string => post(['Transfer-Encoding: chunked'], body);

/** Two JSON octets as a chunk, the last chunk, and what an attacker wants to be read next. */
const CHUNKS = `2\r\n{}\r\n0\r\n\r\n${HIDDEN}`;
/** The same for a length of two. */
const TWO = `{}${HIDDEN}`;

/** Statuses of the answers, interim ones left out. */
const statuses = ({ text }: RawAnswer): string[] =>
  [...text.matchAll(/HTTP\/1\.1 ([2-5][0-9]{2}) /g)].map(([, status = '']) => status);

const callsOfHidden = (): number => stack.logs.filter(({ rpc }) => rpc === 'passband.Gateway/WhoAmI').length;

afterEach(async () => {
  // Whoever comes next is served.
  expect((await rawExchange(to, HIDDEN.replace('/whoami', '/healthz'))).status).toBe(200);
});

describe('refused, and the connection closed', () => {
  it.each([
    ['a length and chunks', post(['Content-Length: 5', 'Transfer-Encoding: chunked'], `0\r\n\r\n${HIDDEN}`)],
    ['chunks and a length', post(['Transfer-Encoding: chunked', 'Content-Length: 5'], `0\r\n\r\n${HIDDEN}`)],
    ['chunked, then identity', post(['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'], CHUNKS)],
    ['identity, then chunked', post(['Transfer-Encoding: identity', 'Transfer-Encoding: chunked'], CHUNKS)],
    ['chunked, identity in one line', post(['Transfer-Encoding: chunked, identity'], CHUNKS)],
    ['identity alone', post(['Transfer-Encoding: identity', 'Content-Length: 2'], TWO)],
    ['chunked twice', post(['Transfer-Encoding: chunked, chunked'], CHUNKS)],
    ['a coding that nobody undoes', post(['Transfer-Encoding: gzip, chunked'], CHUNKS)],
    ['a coding that looks like chunked', post(['Transfer-Encoding: xchunked'], CHUNKS)],
    ['chunked with a parameter', post(['Transfer-Encoding: chunked;q=1'], CHUNKS)],
    ['chunked in quotes', post(['Transfer-Encoding: "chunked"'], CHUNKS)],
    ['chunked behind a vertical tab', post(['Transfer-Encoding: \x0bchunked'], CHUNKS)],
    ['chunked with a NUL', post(['Transfer-Encoding: chunked\0'], CHUNKS)],
    ['chunked on a folded line', post(['Transfer-Encoding:\r\n chunked'], CHUNKS)],
    ['a space before the colon', post(['Transfer-Encoding : chunked'], CHUNKS)],
    ['a space before the name', post([' Transfer-Encoding: chunked'], CHUNKS)],
    ['chunks in HTTP/1.0', chunked(CHUNKS).replace('HTTP/1.1', 'HTTP/1.0')],
    ['two lengths', post(['Content-Length: 2', 'Content-Length: 80'], TWO)],
    ['the same length twice', post(['Content-Length: 2', 'Content-Length: 2'], TWO)],
    ['a list of lengths', post(['Content-Length: 2, 2'], TWO)],
    ['a length with a plus', post(['Content-Length: +2'], TWO)],
    ['a negative length', post(['Content-Length: -2'], TWO)],
    ['a length in hexadecimal', post(['Content-Length: 0x2'], TWO)],
    ['a length with a space in it', post(['Content-Length: 2 2'], TWO)],
    ['a length with a space before its colon', post(['Content-Length : 2'], TWO)],
    ['a length on a folded line', post(['Content-Length:\r\n 2'], TWO)],
    ['a length that wraps 64 bits', post(['Content-Length: 18446744073709551618'], TWO)],
    ['an empty length', post(['Content-Length:'], TWO)],
    ['a folded header', post(['X: a\r\n b', 'Content-Length: 2'], TWO)],
    ['line feeds alone', post(['Content-Length: 2'], TWO).replaceAll('\r\n', '\n')],
    ['a line feed alone in a header', post(['X: y\nZ: w', 'Content-Length: 2'], TWO)],
    ['a carriage return alone in a header', post(['X: y\rContent-Length: 80', 'Content-Length: 2'], TWO)],
    ['a chunk extension that ends in a line feed', chunked(CHUNKS.replace('2\r\n', '2;a\n'))],
    ['a chunk extension with a carriage return', chunked(CHUNKS.replace('2\r\n', '2;a\rb\r\n'))],
    ['a chunk extension with an open quote', chunked(CHUNKS.replace('2\r\n', '2;a="\r\n'))],
    ['a chunk extension without end', chunked(CHUNKS.replace('2\r\n', `2;${'a'.repeat(20_000)}\r\n`))],
    ['a chunk size with a space behind', chunked(CHUNKS.replace('2\r\n', '2 \r\n'))],
    ['a chunk size with a space before', chunked(CHUNKS.replace('2\r\n', ' 2\r\n'))],
    ['a chunk size with a prefix', chunked(CHUNKS.replace('2\r\n', '0x2\r\n'))],
    ['a negative chunk size', chunked(CHUNKS.replace('2\r\n', '-2\r\n'))],
    ['a chunk size with an underscore', chunked(CHUNKS.replace('2\r\n', '0_2\r\n'))],
    ['a chunk size that wraps 64 bits', chunked(CHUNKS.replace('2\r\n', '10000000000000002\r\n'))],
    ['chunks that end in line feeds', chunked(`2\n{}\n0\n\n${HIDDEN}`)],
    ['a chunk that is longer than it says', chunked(CHUNKS.replace('{}', '{}x'))],
    ['a length among the trailers', chunked(`2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n${HIDDEN}`)],
    ['a request of HTTP/0.9', `GET /v1/stations\r\n\r\n${HIDDEN}`],
    ['HTTP/2.0 on the wire of HTTP/1.1', `GET /v1/stations HTTP/2.0\r\nHost: localhost\r\n\r\n${HIDDEN}`],
    ['HTTP/1.2', `GET /v1/stations HTTP/1.2\r\nHost: localhost\r\n\r\n${HIDDEN}`],
    ['a second request line in the target', `GET /v1/stations HTTP/1.1\nX: y HTTP/1.1\r\nHost: a\r\n\r\n${HIDDEN}`],
  ])('%s', async (_name, text) => {
    const answer = await rawExchange(to, Buffer.from(text, 'latin1'));
    expect(statuses(answer)).toEqual([expect.stringMatching(/^(400|413|501)$/)]);
    expect(answer.headers.get('connection')).toBe('close');
    expect(answer.text).not.toContain('oran-client');
    expect(callsOfHidden()).toBe(0);
  });
});

describe('read as one body, whatever is in it', () => {
  const length = `Content-Length: ${HIDDEN.length}`;
  const get = (target: string, headers: readonly string[], body: string): string =>
    [`GET ${target} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...headers, '', body].join('\r\n');
  it.each([
    ['a GET with a length', get('/v1/stations', [length], HIDDEN)],
    [
      'a GET with chunks',
      get('/v1/stations', ['Transfer-Encoding: chunked'], `${HIDDEN.length.toString(16)}\r\n${HIDDEN}\r\n0\r\n\r\n`),
    ],
    ['a HEAD with a length', get('/v1/stations', [length], HIDDEN).replace('GET', 'HEAD')],
    ['a page that takes no body', get('/healthz', [length], HIDDEN)],
    ['a path that leads nowhere', get('/nothing', [length], HIDDEN)],
    ['an upgrade to HTTP/2 in the clear', get('/v1/stations', ['Upgrade: h2c', 'HTTP2-Settings: AAM', length], HIDDEN)],
    ['an upgrade to WebSocket', get('/v1/stations', ['Upgrade: websocket', length], HIDDEN)],
    ['a request that asks to go on', post(['Expect: 100-continue', length, 'Connection: close'], HIDDEN)],
  ])('%s', async (_name, text) => {
    const answer = await rawExchange(to, text);
    expect(statuses(answer)).toHaveLength(1);
    expect(answer.text).not.toContain('oran-client');
    expect(callsOfHidden()).toBe(0);
  });
});

it('a tunnel is opened for nobody', async () => {
  const answer = await rawExchange(to, `CONNECT localhost:22 HTTP/1.1\r\nHost: localhost:22\r\n\r\n${HIDDEN}`);
  expect(statuses(answer)).not.toContain('200');
  expect(callsOfHidden()).toBe(0);
});

it('nothing of what was hidden came to be handled later, its answer lost with the connection', () => {
  expect(callsOfHidden()).toBe(0);
});

it('what follows a whole body is a request of its own, by length and by chunks', async () => {
  for (const text of [post(['Content-Length: 2'], TWO), chunked(CHUNKS)]) {
    expect(statuses(await rawExchange(to, text))).toEqual(['200', '200']);
  }
});
