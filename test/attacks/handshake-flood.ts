import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { ClientPair } from '../support/https.ts';
import { rawConnect } from '../support/raw.ts';

// Floods a gateway with handshakes from a process of its own, so that what they cost the client is not the gateway's
// to bear. Whatever ends is begun anew, until standard input is closed; a line is said of every change that matters.

/** What is to be flooded, and with what. */
export interface FloodOrder {
  readonly port: number;
  readonly caPem: string;
  /** Certificates that are refused. */
  readonly refused: readonly ClientPair[];
  /** Certificates that are not: their connections are asked for one answer each and then held. */
  readonly welcome: readonly ClientPair[];
  /** Connections of every kind that are under way at a time. */
  readonly atATime: number;
  /** When so many connections have come to an end, it says `enough`. */
  readonly enough: number;
}

/** What was done in all. */
export interface FloodReport {
  /** Connections that came to an end, by kind. */
  readonly ended: Readonly<Record<string, number>>;
  /** Connections of those that are welcome that were answered and open at the same time, at the most. */
  readonly held: number;
}

/** A record that announces 512 octets of handshake, and the first of them. */
const HALF_A_HELLO = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]);
/** Milliseconds after which an attacker that was thrown out is back, as over a network. */
const ROUND_TRIP_MS = 20;

const [text = ''] = (await once(createInterface(process.stdin), 'line')) as string[];
/** A hello of SSL 2. */
const OLD_HELLO = Buffer.from('802e0100020015000000100100800200800300800400800500800600400700c0', 'hex');

const order: FloodOrder = JSON.parse(text);
const to = { port: order.port, caPem: order.caPem };
const ended: Record<string, number> = {};
let [now, held, total] = [0, 0, 0];
let goesOn = true;
const open = new Set<Socket>();

function keepUp(kind: string, begin: () => Socket): void {
  if (!goesOn) return;
  const socket = begin();
  open.add(socket);
  socket.on('error', () => {});
  socket.resume();
  socket.once('close', () => {
    open.delete(socket);
    ended[kind] = (ended[kind] ?? 0) + 1;
    total++;
    if (total === order.enough) process.stdout.write('enough\n');
    setTimeout(() => keepUp(kind, begin), ROUND_TRIP_MS);
  });
}

const saying = (bytes: Buffer) => (): Socket => {
  const socket = connectTcp(order.port, '127.0.0.1', () => socket.write(bytes));
  return socket;
};
const holding = (pair: ClientPair) => (): Socket => {
  const socket = rawConnect({ ...to, pair });
  socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
  socket.once('data', () => {
    now++;
    held = Math.max(held, now);
    process.stdout.write(`held ${now}\n`);
    socket.once('close', () => {
      now--;
    });
  });
  return socket;
};

const kinds: readonly (readonly [string, () => Socket])[] = [
  ['no certificate', () => rawConnect(to)],
  ...order.refused.map((pair, index) => [`refused ${index}`, () => rawConnect({ ...to, pair })] as const),
  ...order.welcome.map((pair, index) => [`welcome ${index}`, holding(pair)] as const),
  ['no TLS', saying(Buffer.from('GET / HTTP/1.1\r\n\r\n'))],
  ['SSL 2', saying(OLD_HELLO)],
  ['half a hello', saying(HALF_A_HELLO)],
  ['nothing', saying(Buffer.alloc(0))],
];
for (const [kind, begin] of kinds) for (let count = 0; count < order.atATime; count++) keepUp(kind, begin);

await once(process.stdin.resume(), 'end');
goesOn = false;
for (const socket of open) socket.destroy();
const report: FloodReport = { ended, held };
process.stdout.write(`${JSON.stringify(report)}\n`);
