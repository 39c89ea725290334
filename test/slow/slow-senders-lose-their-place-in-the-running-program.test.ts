// Slowloris against the program as an operator starts it, with its own limits and no others: a handshake, headers and a body
// that go on for ever lose their place when their time is up, and others are served all the while. The variants are in
// test/attacks, on a listener with short limits; this is here so that no limit gets lost on the way from its name to the socket.
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { BODY_TIMEOUT_MS } from '../../src/gateway/edge/body.ts';
import { HANDSHAKE_TIMEOUT_MS, HEADERS_TIMEOUT_MS } from '../../src/gateway/edge/listener.ts';
import { CliProcess } from '../support/cli.ts';
import { data, FLAG, headerBlock, headers, requestFields } from '../support/http2-frames.ts';
import { Http2Peer } from '../support/http2-peer.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { type RawOptions, rawConnected, untilClosed } from '../support/raw.ts';
import { until } from '../support/until.ts';

/** Milliseconds between two octets of a slow sender: no limit would ever pass between them. */
const TRICKLE_MS = 500;
/**
 * Milliseconds beyond its limit after which a sender should have been closed: far more than a busy machine needs, and less than what
 * Node gives where it is told of no limit (120 s for a handshake, 60 s for headers).
 */
const GRACE_MS = 30_000;
/** Milliseconds between two requests of the client beside them. */
const PACE_MS = 250;
/** A call of a service, with a body that is read whole. */
const RPC = '/v1/stations/sim-1:updateDoppler';

let certs: string;
let passband: CliProcess;
let to: RawOptions;
let honest: Caller;
const trickles: NodeJS.Timeout[] = [];

beforeAll(async () => {
  certs = await mkdtemp(join(tmpdir(), 'passband-slow-'));
  const ports = ['--port', '0', '--backend-port', '0', '--metrics-port', '0'];
  passband = new CliProcess(['up', ...ports, '--host', '127.0.0.1', '--certs', certs]);
  const port = Number(await passband.says(/^gateway +https:\/\/\S+:(\d+)/m));
  to = { port, caPem: readFileSync(join(certs, 'ca.crt'), 'utf8'), pair: pairIn(certs, 'client') };
  honest = callerOf(`https://localhost:${port}`, to.caPem, to.pair);
});
afterAll(async () => {
  for (const timer of trickles) clearInterval(timer);
  await honest?.close();
  passband?.kill();
  await rm(certs, { recursive: true, force: true });
});

/** Sends again and again, until the test is over. */
function trickle(send: () => void): void {
  trickles.push(setInterval(send, TRICKLE_MS));
}

/** A handshake: a record that announces 512 octets of a hello, whose octets come one by one. */
async function slowHandshake(first: Buffer): Promise<void> {
  const socket = connect(to.port, '127.0.0.1');
  let isClosed = false;
  socket.on('error', () => {});
  socket.resume();
  socket.once('close', () => {
    isClosed = true;
  });
  if (first.length > 0) {
    socket.write(first);
    trickle(() => socket.write(Buffer.from([0])));
  }
  await until('the handshake is cut', () => isClosed, Boolean, HANDSHAKE_TIMEOUT_MS + GRACE_MS);
}

/** A request of HTTP/1.1 that never ends; gives what it was answered. */
async function slowRequest(limitMs: number, first: string, then: string): Promise<string> {
  const socket = await rawConnected(to);
  const answer = untilClosed(socket, limitMs + GRACE_MS);
  socket.write(first);
  trickle(() => socket.write(then));
  return (await answer).text;
}

/** A body of HTTP/2 that never ends; gives the status. */
async function slowStream(): Promise<number> {
  const peer = await Http2Peer.open(to);
  peer.send(headers(1, headerBlock(requestFields('POST', RPC)), FLAG.endHeaders));
  trickle(() => peer.send(data(1, ' ')));
  const stream = peer.stream(1);
  const isOver = (): boolean => stream.reset !== undefined || peer.closed;
  await until('the stream is over', isOver, Boolean, BODY_TIMEOUT_MS + GRACE_MS);
  peer.destroy();
  return stream.status;
}

/** Milliseconds that something took. */
async function timeOf(work: Promise<unknown>): Promise<number> {
  const since = performance.now();
  await work;
  return performance.now() - since;
}

it('a handshake, headers and bodies that go on for ever; a client beside them is served', async () => {
  const post = `POST ${RPC} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
  const hello = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]);
  const answers: string[] = [];
  const says = async (answer: Promise<string>): Promise<void> => void answers.push(await answer);
  let under = true;
  const attack = Promise.all([
    timeOf(slowHandshake(Buffer.alloc(0))),
    timeOf(slowHandshake(hello)),
    timeOf(says(slowRequest(HEADERS_TIMEOUT_MS, `GET ${RPC} HTTP/1.1\r\nHost: localhost\r\n`, 'x: y\r\n'))),
    timeOf(says(slowRequest(BODY_TIMEOUT_MS, `${post}Content-Length: 1000\r\n\r\n{`, ' '))),
    timeOf(says(slowRequest(BODY_TIMEOUT_MS, `${post}Transfer-Encoding: chunked\r\n\r\n`, '1\r\n \r\n'))),
    timeOf(slowStream().then((status) => expect(status).toBe(408))),
  ]).finally(() => {
    under = false;
  });
  const statuses: number[] = [];
  const beside = (async () => {
    while (under) {
      statuses.push((await honest.call('/v1/stations')).status);
      await delay(PACE_MS);
    }
  })();
  const [silent = 0, slow = 0, ...requests] = await attack;
  await beside;

  // Nobody is cut before the time that an honest client has; half a second is what Node rounds and looks up together.
  expect(Math.min(silent, slow)).toBeGreaterThan(HANDSHAKE_TIMEOUT_MS - 500);
  expect(Math.min(...requests.slice(0, 1))).toBeGreaterThan(HEADERS_TIMEOUT_MS - 500);
  expect(Math.min(...requests.slice(1))).toBeGreaterThan(BODY_TIMEOUT_MS - 500);
  // Who goes on sending to a connection that is closed may lose what was said last.
  for (const text of answers) if (text !== '') expect(text).toMatch(/^HTTP\/1\.1 408 /);
  expect(statuses.length).toBeGreaterThan(BODY_TIMEOUT_MS / PACE_MS / 4);
  expect(new Set(statuses)).toEqual(new Set([200]));
});
