// The backend's port takes HTTP/2 as well: frames that are cheap to send and dear to receive (CVE-2023-44487,
// CVE-2024-27983, CVE-2019-9512 and 9515) cost their sender its connection there, too, and no other client an answer.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { DEFAULT_STATIONS } from '../../src/backend/stations/default-stations.ts';
import { BackendUnderTest, type Caller, refusal } from '../backend/backend-under-test.ts';
import {
  ERROR,
  FLAG,
  FRAME,
  frame,
  headerBlock,
  headers,
  ping,
  requestFields,
  resetStream,
  settings,
  windowUpdate,
} from '../support/http2-frames.ts';
import { Http2Peer } from '../support/http2-peer.ts';
import type { RawOptions } from '../support/raw.ts';
import { until } from '../support/until.ts';

/** Times that an attack's frames are sent. */
const TIMES = 20_000;
/** Calls of the healthy client meanwhile. */
const HEALTHY_CALLS = 20;
/** Calls that one connection's flood may begin: nghttp2 counts a thousand resets before it calls them too many. */
const MAX_CALLS = 1_500;

const metrics = new Registry();
let backend: BackendUnderTest;
let to: RawOptions;
let healthy: Caller;

beforeAll(async () => {
  backend = await BackendUnderTest.start({ stations: DEFAULT_STATIONS, metrics });
  to = { port: backend.backend.port, caPem: backend.pki.caPem, pair: await backend.pki.pair('client') };
  healthy = await backend.client('sdr.oran.StationService', 'dashboard');
});
afterAll(() => backend?.stop());

async function count(name: 'grpc_server_started_total' | 'grpc_server_handled_total'): Promise<number> {
  const { values = [] } = (await metrics.getSingleMetric(name)?.get()) ?? {};
  return values.reduce((sum, { value }) => sum + value, 0);
}

const odd = (turn: number): number => 1 + 2 * turn;
const GRPC = [
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
] as const;
const FIELDS = headerBlock(requestFields('POST', '/sdr.oran.IQStreamService/SubscribeIQ', GRPC));
const call = (stream: number): Buffer => headers(stream, FIELDS, FLAG.endHeaders);

describe('the connection is closed', () => {
  it.each<readonly [string, (peer: Http2Peer) => Promise<void>]>([
    [
      'calls that are reset at once (rapid reset)',
      (peer) => peer.flood(TIMES, (turn) => Buffer.concat([call(odd(turn)), resetStream(odd(turn), ERROR.cancel)])),
    ],
    [
      'calls that the backend is made to reset',
      (peer) => peer.flood(TIMES, (turn) => Buffer.concat([call(odd(turn)), windowUpdate(odd(turn), 0)])),
    ],
    [
      'a header block that never ends',
      async (peer) => {
        peer.send(headers(1, FIELDS, 0));
        await peer.flood(TIMES, () => frame(FRAME.continuation, 0, 1, headerBlock([['x', 'y']])));
      },
    ],
    [
      'a header block that never ends, and has nothing in it',
      async (peer) => {
        peer.send(headers(1, FIELDS, 0));
        await peer.flood(TIMES, () => frame(FRAME.continuation, 0, 1));
      },
    ],
    ['settings', (peer) => peer.flood(TIMES, () => settings([4, 65_535]))],
    ['pings', (peer) => peer.flood(TIMES, () => ping())],
  ])('%s', async (_name, attack) => {
    const before = await count('grpc_server_started_total');
    const peer = await Http2Peer.open(to);
    const serveHealthy = async (): Promise<void> => {
      for (let served = 0; served < HEALTHY_CALLS; served++) {
        expect(await refusal(healthy.unary('ListStations', {}))).toBe('no error');
      }
    };
    await Promise.all([attack(peer), serveHealthy()]);
    await peer.end();
    expect((await count('grpc_server_started_total')) - before).toBeLessThan(MAX_CALLS + HEALTHY_CALLS);
  });
});

it('nothing is left of them', async () => {
  await backend.connectionsBecome(1);
  await until('every call is over', async () => {
    const [began, ended] = [await count('grpc_server_started_total'), await count('grpc_server_handled_total')];
    return began > 0 && began === ended;
  });
});
