// Slowloris on the handshake: connections that say nothing, or half of something, take every place before anybody knows
// whose they are. Before the last place is gone the oldest unfinished handshake goes, long before its time is up.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { type EdgeUnderTest, startEdge } from '../gateway/edge/edge-under-test.ts';
import { rawConnected, rawExchange, requestText, untilClosed } from '../support/raw.ts';
import { until } from '../support/until.ts';

/** Places of the listener under test; what is taken are all of them. */
const PLACES = 40;

/** Clients that come one after the other. */
const CLIENTS = 5;
/** Milliseconds after which an attacker that was thrown out is back, as over a network. */
const ROUND_TRIP_MS = 20;

let edge: EdgeUnderTest;
const attackers: Socket[] = [];

beforeAll(async () => {
  edge = await startEdge((_request, response) => response.end('served'), {
    maxConnections: PLACES,
    // Far beyond what a test waits: nobody is let in because an attacker's time is up.
    handshakeTimeoutMs: 600_000,
  });
});
afterEach(() => {
  for (const socket of attackers.splice(0)) socket.destroy();
});
afterAll(() => edge?.stop());

/** A record that announces 512 octets of handshake, and the first of them. */
const HALF_A_HELLO = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]);

async function attack(first: Buffer, goesOn: () => boolean): Promise<void> {
  const socket = connect(edge.listener.port, '127.0.0.1');
  attackers.push(socket);
  socket.on('error', () => {});
  socket.resume();
  socket.once('close', () => {
    setTimeout(() => goesOn() && attack(first, goesOn), ROUND_TRIP_MS);
  });
  socket.write(first);
  await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => {});
}

/** Does something while twice as many attackers as there are places hold on to what they can get. */
async function underAttack(first: Buffer, work: () => Promise<void>): Promise<void> {
  let goesOn = true;
  try {
    await Promise.all(Array.from({ length: 2 * PLACES }, () => attack(first, () => goesOn)));
    await until('nearly every place is taken', edge.open, (open) => open > PLACES * 0.7);
    await work();
  } finally {
    goesOn = false;
  }
}

/** An honest client comes back when it is turned away. */
async function expectServed(): Promise<void> {
  await until('the client is served', async () => {
    const { status } = await rawExchange(edge.asClient, requestText('GET', '/'));
    return status === 200;
  });
}

it.each([
  ['say nothing', Buffer.alloc(0)],
  ['stop in the middle of a hello', HALF_A_HELLO],
])('clients are served while others take every place and %s', async (_name, first) => {
  await underAttack(first, async () => {
    for (let count = 0; count < CLIENTS; count++) await expectServed();
  });
});

it('a connection whose handshake is over keeps its place', async () => {
  await until('the attackers are gone', edge.open, (open) => open === 0);
  const honest = await rawConnected(edge.asClient);
  const answer = untilClosed(honest);
  await underAttack(HALF_A_HELLO, async () => {
    await expectServed();
    honest.write(requestText('GET', '/'));
    expect((await answer).body).toContain('served');
  });
});
