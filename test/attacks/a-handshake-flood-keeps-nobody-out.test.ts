// Handshakes cost a server more than a client. A flood of them, by peers that will never be let in, is refused one by
// one, leaves nothing behind, and a client with a certificate is served all the while. So it is when the flood goes on for
// seconds, takes every place that it can get, and comes in part from somebody whose certificate is good: of places that
// last, nobody has more than one holder's share.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type ClientPair, pairIn } from '../support/https.ts';
import { type RawOptions, rawConnect, rawExchange, requestText, untilClosed } from '../support/raw.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';
import type { FloodOrder, FloodReport } from './handshake-flood.ts';

/** Handshakes of one flood, all at a time. */
const HANDSHAKES = 100;
/** Requests of the client beside it, each over a connection of its own. */
const REQUESTS = 10;
/** Milliseconds of the flood that goes on. */
const FLOOD_MS = 4_000;
/** Connections of one kind in it, of which there are nine, and how many have come to an end before it stops. */
const AT_A_TIME = 25;
const ENOUGH = 500;
/** Places of the gateway that it wants to fill, and one holder's share of them. */
const PLACES = 120;
const SHARE = 20;

const FLOODER = fileURLToPath(new URL('./handshake-flood.ts', import.meta.url));

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

async function openConnections({ registry } = stack): Promise<number> {
  const gauge = registry.getSingleMetric('passband_connections_open');
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
])('%s', async (_name, one) => {
  const flood = Promise.all(Array.from({ length: HANDSHAKES }, one()));
  for (let count = 0; count < REQUESTS; count++) {
    const answer = await rawExchange(honest, requestText('GET', '/healthz'));
    expect(answer.status).toBe(200);
  }
  await flood;
  await until(
    'no connection is left',
    () => openConnections(),
    (open) => open === 0,
  );
});

/** A process that floods until it is told to stop. */
function startFlood(order: FloodOrder) {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', FLOODER], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {},
  });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  const over = once(child, 'close');
  child.stdin.write(`${JSON.stringify(order)}\n`);
  return {
    says: (words: string) => text.includes(words),
    stop: async (): Promise<FloodReport> => {
      child.stdin.end();
      await over;
      return JSON.parse(text.trimEnd().split('\n').at(-1) ?? '');
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

it('of all kinds at once, for seconds, in every place that can be had', async () => {
  const flags = { 'max-connections': String(PLACES), 'max-connections-per-cn': String(SHARE) };
  const attacked = await startStack({ flags });
  const { pki, port } = attacked;
  const flood = startFlood({
    port,
    caPem: pki.caPem,
    refused: [await pki.issue({ issuer: 'self' }), await pki.issue({ issuer: 'other-ca' })],
    // Two certificates of one name, which is one holder.
    welcome: [await pki.issue(), await pki.issue()],
    atATime: AT_A_TIME,
    enough: ENOUGH,
  });
  try {
    await until('the flood has its share', () => flood.says(`held ${SHARE}\n`));
    await until(
      'nearly every place is taken',
      () => openConnections(attacked),
      (open) => open > PLACES * 0.8,
    );
    const client = { port, caPem: pki.caPem, pair: pairIn(pki.dir, 'dashboard') };
    const endMs = performance.now() + FLOOD_MS;
    for (let served = 0; served < REQUESTS || performance.now() < endMs || !flood.says('enough'); served++) {
      // Who is turned away since no place is free comes back.
      await until('the client is served', async () => {
        const { status } = await rawExchange(client, requestText('GET', '/healthz'));
        expect([0, 200]).toContain(status);
        return status === 200;
      });
    }
    const { held, ended } = await flood.stop();
    expect(held).toBe(SHARE);
    expect(Object.keys(ended)).toHaveLength(9);
    await until(
      'no connection is left',
      () => openConnections(attacked),
      (open) => open === 0,
    );
  } finally {
    flood.kill();
    await attacked.close();
  }
});
