import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { serviceDefinition } from '../../src/backend/protos.ts';
import type { ClientPair } from '../support/https.ts';
import { Revoker } from '../support/revocation.ts';
import { type SystemSocket, socketsAt } from '../support/sockets.ts';
import { connectionsOpen, type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
let revoker: Revoker;
beforeAll(async () => {
  stack = await startStack({ backendApart: true });
  revoker = new Revoker(stack.pki);
});
afterAll(async () => {
  await stack?.close();
});

/** Bytes in the gateway's system at which its reader does not read for sure. */
const MUCH = 256 * 1024;

interface Relay {
  readonly port: number;
  /** Its end of the connection to the gateway. */
  readonly side: () => Socket | undefined;
  close(): void;
}

/** Something between a client and a server that can stop to take what the server sends. */
async function startRelay(to = stack.port): Promise<Relay> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    const upstream = connect(to, '127.0.0.1');
    sockets.push(upstream, socket);
    for (const end of [socket, upstream]) end.on('error', () => {});
    socket.pipe(upstream).pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    side: () => sockets[0],
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

function tlsOver({ port }: Relay, { certPem, keyPem }: ClientPair, protocol: string): TLSSocket {
  const names = { host: '127.0.0.1', port, servername: 'localhost', ALPNProtocols: [protocol] };
  const socket = connectTls({ ...names, ca: stack.pki.caPem, cert: certPem, key: keyPem });
  socket.on('error', () => {});
  return socket;
}

type Ask = (relay: Relay, pair: ClientPair, path: string) => Promise<() => void>;

const askHttp1: Ask = async (relay, pair, path) => {
  const socket = tlsOver(relay, pair, 'http/1.1');
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await once(socket, 'data');
  return () => socket.destroy();
};

const askHttp2: Ask = async (relay, pair, path) => {
  const session = connectHttp2(stack.gatewayUrl, {
    // Its windows never close, so that what is not taken is the socket's.
    settings: { initialWindowSize: 2 ** 31 - 1 },
    createConnection: () => tlsOver(relay, pair, 'h2'),
  });
  session.on('error', () => {});
  await once(session, 'connect');
  session.setLocalWindowSize(2 ** 31 - 1);
  const request = session.request({ ':path': path });
  request.on('error', () => {});
  await once(request, 'response');
  request.resume();
  return () => session.destroy();
};

describe.each([
  ['HTTP/1.1', askHttp1],
  ['HTTP/2', askHttp2],
])('over %s, of a reader who has stopped', (_version, ask) => {
  test.each([
    ['a stream', '/v1/stations/sim-1/iq?batch_size_samples=32768'],
    ['a download', '/v1/stations/sim-1/iq:download?seconds=600'],
    ['an archive', '/v1/stations/sim-1/iq:download?seconds=600&archive=sigmf'],
  ])('%s: with its right, all that waits for it in the system is gone', async (_what, path) => {
    const pair = await stack.pki.issue();
    const relay = await startRelay();
    const leave = await ask(relay, pair, path);
    const side = relay.side();
    side?.unpipe().pause();
    const inSystem = async (): Promise<SystemSocket | undefined> =>
      (await socketsAt(stack.port)).find(({ remotePort }) => remotePort === side?.localPort);
    await until('much waits', inSystem, (socket) => (socket?.unsent ?? 0) > MUCH, 60_000);
    const before = await connectionsOpen(stack);

    const startedMs = performance.now();
    await revoker.revoke(pair);
    await until('the system has it no more', inSystem, (socket) => socket === undefined);
    process.stderr.write(
      `revocation to the end of an unread answer: ${Math.round(performance.now() - startedMs)} ms\n`,
    );
    await until(
      'nor has the gateway',
      () => connectionsOpen(stack),
      (open) => open < before,
    );
    expect(stack.gateway.streams()).toBe(0);
    leave();
    relay.close();
  });
});

/** A call of gRPC by Node's own HTTP/2, whose windows never close. */
async function askGrpc(relay: Relay, pair: ClientPair): Promise<() => void> {
  const session = connectHttp2('https://localhost', {
    settings: { initialWindowSize: 2 ** 31 - 1 },
    createConnection: () => tlsOver(relay, pair, 'h2'),
  });
  session.on('error', () => {});
  await once(session, 'connect');
  session.setLocalWindowSize(2 ** 31 - 1);
  const request = session.request({
    ':method': 'POST',
    ':path': '/sdr.oran.IQStreamService/SubscribeIQ',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  request.on('error', () => {});
  const message = serviceDefinition('sdr.oran.IQStreamService').SubscribeIQ?.requestSerialize({
    station_id: 'sim-1',
    batch_size_samples: 32768,
  });
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message?.length ?? 0, 1);
  request.end(Buffer.concat([head, message ?? Buffer.alloc(0)]));
  await once(request, 'response');
  request.resume();
  return () => session.destroy();
}

test('over gRPC, of a direct caller of the backend, the same', async () => {
  const atBackend = new Revoker({ ...stack.pki, dir: stack.backendCertsDir });
  const pair = await stack.pki.issue();
  const relay = await startRelay(stack.backendPort);
  const leave = await askGrpc(relay, pair);
  const side = relay.side();
  side?.unpipe().pause();
  const inSystem = async (): Promise<SystemSocket | undefined> =>
    (await socketsAt(stack.backendPort)).find(({ remotePort }) => remotePort === side?.localPort);
  await until('much waits', inSystem, (socket) => (socket?.unsent ?? 0) > MUCH, 60_000);
  await atBackend.revoke(pair);
  await until('the system has it no more', inSystem, (socket) => socket === undefined);
  leave();
  relay.close();
});
