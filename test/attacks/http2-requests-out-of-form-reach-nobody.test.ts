// What HTTP/2 can carry and HTTP/1.1 cannot (line ends in values, a length that is not the length) becomes a second
// request where a proxy writes it out as HTTP/1.1. Such a request is reset, or loses the field that makes it so.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type EdgeUnderTest, startEdge } from '../gateway/edge/edge-under-test.ts';
import { data, ERROR, FLAG, get, headerBlock, headers, requestFields } from '../support/http2-frames.ts';
import { Http2Peer } from '../support/http2-peer.ts';

/** Names, values and targets of the requests that reached the handler. */
const reached: { readonly headers: readonly string[]; readonly target: string }[] = [];
let edge: EdgeUnderTest;

beforeAll(async () => {
  edge = await startEdge((request, response) => {
    reached.push({ headers: request.rawHeaders, target: request.url ?? '' });
    request.resume();
    request.on('error', () => {});
    request.once('end', () => response.end('served'));
  });
});
afterAll(() => edge?.stop());
beforeEach(() => {
  reached.length = 0;
});

type Fields = readonly (readonly [string, string])[];
const [METHOD, SCHEME, AUTHORITY, PATH] = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'localhost'],
  [':path', '/'],
] as const;
const asking = (...more: Fields): Fields => requestFields('GET', '/', more);

async function send(...frames: readonly Buffer[]): Promise<Http2Peer> {
  const peer = await Http2Peer.open(edge.asClient);
  peer.send(...frames);
  await peer.over(1);
  return peer;
}

/** The connection is not what is wrong: its next request is served. */
async function expectServesOn(peer: Http2Peer): Promise<void> {
  peer.send(get(3, '/next'));
  expect(await peer.over(3)).toMatchObject({ status: 200, body: 'served' });
  peer.destroy();
}

describe('reset', () => {
  it.each<readonly [string, Fields]>([
    ['a name in upper case', asking(['X-Upper', 'a'])],
    ['transfer-encoding', asking(['transfer-encoding', 'chunked'])],
    ['connection', asking(['connection', 'close'])],
    ['keep-alive', asking(['keep-alive', 'timeout=5'])],
    ['upgrade', asking(['upgrade', 'h2c'])],
    ['proxy-connection', asking(['proxy-connection', 'close'])],
    ['te other than trailers', asking(['te', 'gzip'])],
    ['a path with a space', requestFields('GET', '/v1/ stations')],
    ['a path that is a request line', requestFields('GET', '/a HTTP/1.1\r\nhost: evil\r\n\r\nGET /b')],
    ['a path with a NUL', requestFields('GET', '/a\0b')],
    ['an empty path', requestFields('GET', '')],
    ['a path without a slash', requestFields('GET', 'v1/stations')],
    ['a method that is a request line', requestFields('GET /evil HTTP/1.1\r\nx: y', '/')],
    ['two paths', asking([':path', '/evil'])],
    ['two methods', asking([':method', 'DELETE'])],
    ['two authorities', asking([':authority', 'evil'])],
    ['two hosts', asking(['host', 'localhost'], ['host', 'evil'])],
    ['an authority with user and password', [METHOD, SCHEME, [':authority', 'evil@localhost'], PATH]],
    ['no authority and no host', [METHOD, SCHEME, PATH]],
    ['no path', [METHOD, SCHEME, AUTHORITY]],
    ['no method', [SCHEME, AUTHORITY, PATH]],
    ['no scheme', [METHOD, AUTHORITY, PATH]],
    ['a pseudo-header behind a header', [METHOD, ['x', 'y'], SCHEME, AUTHORITY, PATH]],
    ['a pseudo-header of answers', asking([':status', '200'])],
    ['a pseudo-header that nobody knows', asking([':user', 'evil'])],
    ['a protocol to change to', asking([':protocol', 'websocket'])],
    ['a length with nothing behind it', asking(['content-length', '10'])],
    ['a length that is none', asking(['content-length', '+0'])],
    ['two lengths', asking(['content-length', '0'], ['content-length', '2'])],
  ])('%s', async (_name, fields) => {
    const peer = await send(headers(1, headerBlock(fields)));
    expect(peer.stream(1)).toMatchObject({ status: 0, reset: ERROR.protocol });
    expect(reached).toEqual([]);
    await expectServesOn(peer);
  });

  it.each([
    ['shorter', '10'],
    ['longer', '1'],
  ])('a body that is %s than its length', async (_name, length) => {
    const fields = requestFields('POST', '/', [['content-length', length]]);
    const peer = await send(headers(1, headerBlock(fields), FLAG.endHeaders), data(1, '{}', FLAG.endStream));
    // A longer one may cost the connection as well.
    expect(peer.stream(1).status).toBe(0);
    expect(peer.closed || peer.stream(1).reset === ERROR.protocol).toBe(true);
    peer.destroy();
  });

  it('trailers that begin a request', async () => {
    const peer = await send(
      headers(1, headerBlock(requestFields('POST', '/')), FLAG.endHeaders),
      data(1, '{}'),
      headers(1, headerBlock(requestFields('GET', '/evil'))),
    );
    expect(peer.stream(1)).toMatchObject({ status: 0, reset: ERROR.protocol });
    expect(reached.filter(({ target }) => target === '/evil')).toEqual([]);
    await expectServesOn(peer);
  });
});

describe('a field that must not be is left out, and nothing is made of it', () => {
  it.each([
    ['a value with a line end', 'x-a', 'b\r\nx-evil: c'],
    ['a value with a line feed', 'x-a', 'b\nx-evil: c'],
    ['a value with a carriage return', 'x-a', 'b\rx-evil: c'],
    ['a value with a NUL', 'x-a', 'b\0evil'],
    ['a value with a control character', 'x-a', 'evil\x01'],
    ['a name with a line end', 'x-a: b\r\nx-evil', 'c'],
    ['a name with a colon', 'x-evil:b', 'c'],
    ['a name with a space', 'x-evil b', 'c'],
    ['an empty name', '', 'evil'],
  ])('%s', async (_name, name, value) => {
    const peer = await send(headers(1, headerBlock(asking([name, value], ['x-last', 'kept']))));
    // A parser may as well reset the stream.
    if (peer.stream(1).reset === undefined) {
      expect(reached).toHaveLength(1);
      expect(reached[0]?.headers).toContain('kept');
    }
    expect(JSON.stringify(reached)).not.toContain('evil');
    await expectServesOn(peer);
  });
});

it('a host that is not the authority is refused: a proxy may have gone by the other one', async () => {
  const peer = await send(headers(1, headerBlock(asking(['host', 'evil']))));
  expect(peer.stream(1)).toMatchObject({ status: 400, body: 'host and :authority differ; send one of them' });
  expect(reached).toEqual([]);
  peer.send(get(3, '/', [['host', 'localhost']]));
  expect((await peer.over(3)).status).toBe(200);
  peer.destroy();
});

it('a tunnel is opened for nobody', async () => {
  const peer = await Http2Peer.open(edge.asClient);
  const fields = [
    [':method', 'CONNECT'],
    [':authority', 'localhost:22'],
  ] as const;
  peer.send(headers(1, headerBlock(fields), FLAG.endHeaders));
  const stream = await peer.over(1);
  expect(stream.status).not.toBe(200);
  expect(reached).toEqual([]);
  peer.destroy();
});
