// Frames that are cheap to send and dear to receive (CVE-2019-9511 to 9518, CVE-2023-44487, CVE-2024-27983,
// CVE-2025-8671): their sender loses its stream or its connection, the backend hears little of them, and whoever else is
// there is served all the while.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  data,
  ERROR,
  FLAG,
  FRAME,
  frame,
  get,
  headerBlock,
  headers,
  indexedHeader,
  ping,
  rememberedHeader,
  requestFields,
  resetStream,
  settings,
  windowUpdate,
} from '../support/http2-frames.ts';
import { Http2Peer } from '../support/http2-peer.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import type { RawOptions } from '../support/raw.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
let to: RawOptions;
let healthy: Caller;

beforeAll(async () => {
  stack = await startStack();
  to = { port: stack.port, caPem: stack.pki.caPem, pair: pairIn(stack.certsDir, 'client') };
  healthy = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'dashboard'), true);
});
afterAll(async () => {
  await healthy?.close();
  await stack?.close();
});

/** Times that an attack's frames are sent; each of them is over in seconds, on a slow machine as well. */
const TIMES = 20_000;
/** Requests of the healthy client meanwhile. */
const HEALTHY_REQUESTS = 20;
/**
 * Calls that one connection's floods may cost the backend: nghttp2 counts a thousand resets before it calls them too many.
 */
const MAX_CALLS = 1_500;

async function serveHealthy(): Promise<void> {
  for (let count = 0; count < HEALTHY_REQUESTS; count++) {
    expect((await healthy.call('/v1/stations')).status).toBe(200);
  }
}

/** Runs an attack with a healthy client beside it, and gives the attacker's end. */
async function attackedBy(attack: (peer: Http2Peer) => Promise<void>): Promise<Http2Peer> {
  const before = (await stack.backendCalls()).total;
  const peer = await Http2Peer.open(to);
  await Promise.all([attack(peer), serveHealthy()]);
  expect((await stack.backendCalls()).total - before).toBeLessThan(MAX_CALLS + HEALTHY_REQUESTS);
  return peer;
}

const odd = (turn: number): number => 1 + 2 * turn;
const STREAM = '/v1/stations/sim-1/iq';
const BODY = headers(1, headerBlock(requestFields('POST', '/v1/stations/sim-1:start')), FLAG.endHeaders);
const SELF_DEPENDENT = (stream: number): Buffer =>
  frame(FRAME.priority, 0, stream, Buffer.from([0, 0, stream >> 8, stream & 255, 16]));

describe('the connection is closed', () => {
  it.each<readonly [string, (peer: Http2Peer) => Promise<void>]>([
    [
      'requests that are reset at once (rapid reset)',
      (peer) =>
        peer.flood(TIMES, (turn) => Buffer.concat([get(odd(turn), STREAM), resetStream(odd(turn), ERROR.cancel)])),
    ],
    [
      'requests that are reset a moment later',
      (peer) =>
        peer.flood(TIMES, (turn) =>
          Buffer.concat([get(odd(turn), STREAM), turn < 50 ? ping() : resetStream(odd(turn - 50), ERROR.cancel)]),
        ),
    ],
    [
      'requests that the gateway is made to reset (window updates of nothing)',
      (peer) => peer.flood(TIMES, (turn) => Buffer.concat([get(odd(turn), STREAM), windowUpdate(odd(turn), 0)])),
    ],
    [
      'requests that the gateway is made to reset (a window beyond all windows)',
      (peer) =>
        peer.flood(TIMES, (turn) => Buffer.concat([get(odd(turn), STREAM), windowUpdate(odd(turn), 0x7fffffff)])),
    ],
    [
      'a header block that never ends',
      async (peer) => {
        peer.send(headers(1, headerBlock(requestFields('GET', '/')), FLAG.endStream));
        await peer.flood(TIMES, () => frame(FRAME.continuation, 0, 1, headerBlock([['x', 'y']])));
      },
    ],
    [
      'a header block that never ends, and has nothing in it',
      async (peer) => {
        peer.send(headers(1, headerBlock(requestFields('GET', '/')), FLAG.endStream));
        await peer.flood(TIMES, () => frame(FRAME.continuation, 0, 1));
      },
    ],
    ['settings', (peer) => peer.flood(TIMES, () => settings([4, 65_535]))],
    ['a thousand settings in a frame', async (peer) => peer.send(settings(...Array(1000).fill([4, 65_535])))],
    ['pings', (peer) => peer.flood(TIMES, () => ping())],
    ['frames of a type that nobody knows', (peer) => peer.flood(TIMES, () => frame(77, 0, 0, Buffer.alloc(8)))],
    [
      'priorities',
      (peer) => peer.flood(TIMES, (turn) => frame(FRAME.priority, 0, odd(turn), Buffer.from([0, 0, 0, 0, 1]))),
    ],
    ['priorities of streams that wait for themselves', (peer) => peer.flood(TIMES, () => SELF_DEPENDENT(3))],
    [
      'parts of a body with nothing in them',
      async (peer) => {
        peer.send(BODY);
        await peer.flood(TIMES, () => data(1, ''));
      },
    ],
    ['a promise to push', async (peer) => peer.send(frame(FRAME.pushPromise, FLAG.endHeaders, 1, Buffer.alloc(8)))],
    ['a frame larger than any', async (peer) => peer.send(data(1, Buffer.alloc(1 << 20)))],
    ['bytes that are no frames', (peer) => peer.flood(200, () => Buffer.alloc(1024, 0xa5))],
  ])('%s', async (_name, attack) => {
    const peer = await attackedBy(attack);
    await peer.end();
  });

  it.each<readonly [string, () => Buffer]>([
    ['pings', () => ping()],
    ['settings', () => settings([4, 65_535])],
  ])('%s whose sender reads no answer', async (_name, frames) => {
    const peer = await attackedBy(async (attacker) => {
      attacker.socket.pause();
      // Far more than the buffers of two kernels hold of the answers.
      await attacker.flood(50 * TIMES, frames, 1_000);
      attacker.socket.resume();
    });
    await peer.end();
  });
});

describe('the stream is reset', () => {
  it.each<readonly [string, Buffer]>([
    [
      'four thousand times a header of four kilobytes that is remembered (HPACK bomb)',
      Buffer.concat([rememberedHeader('cookie', 'a'.repeat(3900)), ...Array(4000).fill(indexedHeader(62))]),
    ],
    ['a thousand crumbs of a cookie', headerBlock(Array(1000).fill(['cookie', 'a=b']))],
    ['ten thousand headers of the static table', Buffer.concat(Array(10_000).fill(indexedHeader(32)))],
  ])('%s', async (_name, block) => {
    const all = Buffer.concat([headerBlock(requestFields('GET', '/v1/stations')), block]);
    const peer = await attackedBy(async (attacker) => {
      attacker.send(headers(1, all, FLAG.endStream | FLAG.endHeaders));
      await attacker.over(1);
    });
    expect(peer.stream(1).status).toBe(0);
    peer.destroy();
  });
});

it('headers without a name are not counted as anything', async () => {
  const nameless = headerBlock(Array(1000).fill(['', '']));
  const peer = await attackedBy(async (attacker) => {
    attacker.send(headers(1, Buffer.concat([headerBlock(requestFields('GET', '/healthz')), nameless])));
    await attacker.over(1);
  });
  expect([200, 0]).toContain(peer.stream(1).status);
  peer.destroy();
});

describe('what costs next to nothing keeps nobody from being served', () => {
  const padding = Buffer.concat([Buffer.from([255]), Buffer.alloc(255)]);
  it.each<readonly [string, Buffer, () => Buffer]>([
    ['window updates', Buffer.alloc(0), () => windowUpdate(0, 1)],
    ['parts of a body that are padding', BODY, () => frame(FRAME.data, FLAG.padded, 1, padding)],
  ])('%s', async (_name, before, frames) => {
    const peer = await attackedBy(async (attacker) => {
      attacker.send(before);
      await attacker.flood(TIMES, frames);
    });
    if (!peer.closed) {
      peer.send(get(3, '/healthz'));
      expect((await peer.over(3)).status).toBe(200);
    }
    peer.destroy();
  });
});

it('nothing is left of them, at the gateway or the backend', async () => {
  await until('no stream is left', () => stack.gateway.streams() === 0);
  await until('no call is left', async () => (await stack.backendCalls()).live === 0);
});
