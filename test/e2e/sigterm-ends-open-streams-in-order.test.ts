import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { CliProcess } from '../support/cli.ts';
import { callerOf, pairIn } from '../support/https.ts';
import { rawConnected, untilClosed } from '../support/raw.ts';

/** What an orchestrator commonly waits before it kills. */
const PATIENCE_MS = 10_000;

let certs: string;
let passband: CliProcess;
let port: number;

beforeAll(async () => {
  certs = await mkdtemp(join(tmpdir(), 'passband-sigterm-'));
  const ports = ['--port', '0', '--backend-port', '0', '--metrics-port', '0'];
  // Half of the default: the request below that never ends takes all of it, and a busy machine its share.
  passband = new CliProcess(['up', '--shutdown', '4', ...ports, '--host', '127.0.0.1', '--certs', certs]);
  port = Number(await passband.says(/^gateway +https:\/\/\S+:(\d+)/m));
});
afterAll(async () => {
  passband?.kill();
  await rm(certs, { recursive: true, force: true });
});

/** The text of a stream over HTTP/2 until its end, from when its headers are here. */
async function http2Stream(session: ClientHttp2Session, path: string): Promise<{ readonly text: Promise<string> }> {
  const stream = session.request({ ':path': path, accept: 'text/event-stream' });
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = once(stream, 'end').then(() => Buffer.concat(chunks).toString());
  await once(stream, 'response');
  return { text: ended };
}

const LAST = 'event: end\ndata: {"code":14,"message":"the gateway is shutting down","details":[]}\n\n';
const PATHS = [
  '/v1/stations/adsb/iq',
  '/v1/stations/sim-1/spectrum:stream',
  // One that says next to nothing.
  '/v1/stations/sim-1/iq?batch_size_samples=262144',
];

it('SIGTERM: every stream is told UNAVAILABLE, calls are finished, the process leaves with 0 in time', async () => {
  const caPem = readFileSync(join(certs, 'ca.crt'), 'utf8');
  const pair = pairIn(certs, 'client');
  const origin = `https://localhost:${port}`;
  const client = callerOf(origin, caPem, pair);
  const session = connectHttp2(origin, { ca: caPem, cert: pair.certPem, key: pair.keyPem });
  const texts: Promise<string>[] = [];
  for (const path of PATHS) {
    const { body } = await client.open(path);
    // Read from now on: a reader that is behind would be told the end no sooner.
    texts.push(body.text(), (await http2Stream(session, path)).text);
  }
  // One that says nothing and waits for nothing, and one that stops in the middle of its request.
  const idle = [await rawConnected({ port, caPem, pair }), await rawConnected({ port, caPem, pair })];
  idle[1]?.write('POST /v1/stations/sim-1:stop HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{');
  const idleEnds = idle.map((socket) => untilClosed(socket));

  const startedMs = Date.now();
  passband.child.kill('SIGTERM');
  const ends = await Promise.all(texts);
  const { code, stderr } = await passband.ended();
  const tookMs = Date.now() - startedMs;
  for (const text of ends) expect(text.slice(text.lastIndexOf('event:'))).toContain(LAST);
  await Promise.all(idleEnds);
  expect({ code, inTime: tookMs < PATIENCE_MS }).toEqual({ code: 0, inTime: true });
  const log = stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const order = ['shutting down', 'gateway is closed', 'backend is closed'];
  expect(log.map(({ msg }) => String(msg)).filter((msg) => order.includes(msg))).toEqual(order);
  await client.close();
  session.destroy();
});
