// Handshakes cost a server more than a client. A flood of them, by peers that will never be let in, is refused one by
// one, leaves nothing behind, and a client with a certificate is served all the while.
import { connect as connectTcp } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type ClientPair, pairIn } from '../support/https.ts';
import { type RawOptions, rawConnect, rawExchange, requestText, untilClosed } from '../support/raw.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

/** Handshakes of one flood, all at a time. */
const HANDSHAKES = 100;
/** Requests of the client beside it, each over a connection of its own. */
const REQUESTS = 10;

let stack: Stack;
let honest: RawOptions;
const bad: Record<string, ClientPair> = {};

beforeAll(async () => {
  stack = await startStack();
  honest = { port: stack.port, caPem: stack.pki.caPem, pair: pairIn(stack.certsDir, 'client') };
  bad.self = await stack.pki.issue({ issuer: 'self' });
  bad.other = await stack.pki.issue({ issuer: 'other-ca' });
});
afterAll(() => stack?.close());

async function openConnections(): Promise<number> {
  const gauge = stack.registry.getSingleMetric('passband_connections_open');
  const [open] = (await gauge?.get())?.values ?? [];
  if (open === undefined) throw new Error('connections are not counted');
  return open.value;
}

const noise = (bytes: Buffer) => (): Promise<unknown> =>
  new Promise((resolve) => {
    const socket = connectTcp(stack.port, '127.0.0.1', () => socket.write(bytes));
    socket.on('error', () => {});
    socket.resume();
    socket.once('close', resolve);
  });
const hello = (pair?: ClientPair) => async (): Promise<unknown> => {
  const { status } = await untilClosed(rawConnect({ ...honest, pair }));
  expect(status).toBe(0);
  return status;
};

it.each<readonly [string, () => () => Promise<unknown>]>([
  ['without a certificate', () => hello()],
  ['with a certificate of their own making', () => hello(bad.self)],
  ['with a certificate of another CA of the same name', () => hello(bad.other)],
  ['that speak no TLS', () => noise(Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'))],
  ['that speak nothing', () => noise(Buffer.alloc(512, 0x5a))],
  ['of SSL 2', () => noise(Buffer.from('802e0100020015000000100100800200800300800400800500800600400700c0', 'hex'))],
])('%s', async (_name, one) => {
  const flood = Promise.all(Array.from({ length: HANDSHAKES }, one()));
  for (let count = 0; count < REQUESTS; count++) {
    const answer = await rawExchange(honest, requestText('GET', '/healthz'));
    expect(answer.status).toBe(200);
  }
  await flood;
  await until('no connection is left', openConnections, (open) => open === 0);
});
