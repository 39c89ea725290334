import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { connect as connectHttp2, constants } from 'node:http2';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { rawConnected } from '../support/raw.ts';
import { Revoker } from '../support/revocation.ts';
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

/** More than any buffer between the two holds. */
const IQ = '/v1/stations/sim-1/iq?batch_size_samples=32768';

async function queuedMessages(): Promise<number> {
  const metric = await stack.registry.getSingleMetric('passband_stream_dropped_frames_total')?.get();
  return metric?.values.reduce((sum, { value }) => sum + value, 0) ?? 0;
}

it('over HTTP/1.1: the socket', async () => {
  const pair = await stack.pki.issue();
  const socket = await rawConnected({ port: stack.port, caPem: stack.pki.caPem, pair });
  socket.write(`GET ${IQ} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await once(socket, 'readable');
  // From here on it reads nothing at all.
  await until('all buffers are full', queuedMessages, (dropped) => dropped > 0, 60_000);
  const before = await connectionsOpen(stack);
  const startedMs = performance.now();
  await revoker.revoke(pair);
  await until(
    'the connection is cut',
    () => connectionsOpen(stack),
    (open) => open < before,
  );
  process.stderr.write(`revocation to the cut of an unread stream: ${Math.round(performance.now() - startedMs)} ms\n`);
  expect(stack.gateway.streams()).toBe(0);
  socket.destroy();
});

it('over HTTP/2: the connection with all its streams', async () => {
  const pair = await stack.pki.issue();
  const session = connectHttp2(stack.gatewayUrl, { ca: stack.pki.caPem, cert: pair.certPem, key: pair.keyPem });
  session.on('error', () => {});
  for (let stream = 0; stream < 3; stream++) {
    const request = session.request({ ':path': IQ });
    request.on('error', () => {});
    await once(request, 'response');
    // Neither read nor given another window.
    request.pause();
  }
  expect(stack.gateway.streams()).toBe(3);
  const before = await connectionsOpen(stack);
  await revoker.revoke(pair);
  await until(
    'the connection is cut',
    () => connectionsOpen(stack),
    (open) => open < before,
  );
  expect(stack.gateway.streams()).toBe(0);
  session.destroy();
});

/** A policy that lets everybody look at stations and at nothing else. */
const STATIONS_ALONE =
  'version: 1\ndelegates: ["cn:passband-gateway"]\nrules:\n  - { name: less, subjects: ["cn:*"], allow: [{ methods: ["sdr.oran.StationService/*"] }] }\n';

/** Log lines of NDJSON streams that were ended since their right was lost. */
const refusedStreams = (): unknown[] =>
  stack.logs.filter(
    ({ msg, format, code }) => msg === 'request' && format === 'ndjson' && code === 'PERMISSION_DENIED',
  );

it('over HTTP/2, when one right of several is lost: the stream alone, with an error that no client takes for its end', async () => {
  const pair = await stack.pki.issue();
  const session = connectHttp2(stack.gatewayUrl, { ca: stack.pki.caPem, cert: pair.certPem, key: pair.keyPem });
  const request = session.request({ ':path': IQ, accept: 'application/x-ndjson' });
  const broken = once(request, 'error');
  await once(request, 'response');
  request.pause();
  const dropped = await queuedMessages();
  await until('all buffers are full', queuedMessages, (now) => now > dropped, 60_000);
  const policyFile = join(stack.certsDir, 'policy.yaml');
  const policy = await readFile(policyFile, 'utf8');
  await writeFile(policyFile, STATIONS_ALONE);
  await until('the stream is over', () => refusedStreams().length === 1);
  // The reset comes behind what the reader had not read.
  request.resume();
  await broken;
  expect(request.rstCode).toBe(constants.NGHTTP2_INTERNAL_ERROR);
  const next = session.request({ ':path': '/v1/stations' });
  const [headers] = await once(next, 'response');
  expect(headers[':status']).toBe(200);
  next.resume();
  session.destroy();
  await writeFile(policyFile, policy);
  await stack.gateway.reload();
});

it('over HTTP/2, when its socket takes nothing either', async () => {
  const pair = await stack.pki.issue();
  const gatewaySides: Socket[] = [];
  const relay = createServer((socket) => {
    const upstream = connect(stack.port, '127.0.0.1');
    gatewaySides.push(upstream);
    for (const end of [socket, upstream]) end.on('error', () => {});
    socket.pipe(upstream).pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(relay, 'listening');
  const { port } = relay.address() as AddressInfo;
  const session = connectHttp2(stack.gatewayUrl, {
    // Its windows never close, so that what is not taken is the socket's.
    settings: { initialWindowSize: 2 ** 31 - 1 },
    createConnection: () =>
      connectTls({
        ...{ host: '127.0.0.1', port, servername: 'localhost', ALPNProtocols: ['h2'] },
        ...{ ca: stack.pki.caPem, cert: pair.certPem, key: pair.keyPem },
      }),
  });
  session.on('error', () => {});
  await once(session, 'connect');
  session.setLocalWindowSize(2 ** 31 - 1);
  const request = session.request({ ':path': IQ, accept: 'application/x-ndjson' });
  request.on('error', () => {});
  await once(request, 'response');
  request.resume();
  for (const socket of gatewaySides) socket.unpipe().pause();
  const [dropped, ended] = [await queuedMessages(), refusedStreams().length];
  await until('all buffers are full', queuedMessages, (now) => now > dropped, 60_000);
  await writeFile(join(stack.certsDir, 'policy.yaml'), STATIONS_ALONE);
  await until('the stream is over', () => refusedStreams().length === ended + 1);
  session.destroy();
  for (const socket of gatewaySides) socket.destroy();
  relay.close();
});
