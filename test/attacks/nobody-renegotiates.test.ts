// TLS 1.2 lets a client ask for another handshake on a connection that is in use: it costs the server ten times what it
// costs the client, and could bring another certificate after the first was let in. Both doors refuse.
import { once } from 'node:events';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { pairIn } from '../support/https.ts';
import { rawConnected, rawExchange, requestText } from '../support/raw.ts';
import { type Stack, startStack } from '../support/stack.ts';

/** Milliseconds for one connection: a renegotiation that is neither done nor refused is a failure, not a wait. */
const LIMIT_MS = 20_000;

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack?.close());

/** Asks for another handshake; the name of the fault that it ends with, or "renegotiated". */
async function renegotiate(socket: TLSSocket): Promise<string> {
  const outcome = new Promise<string>((resolve) => {
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.once('close', () => resolve('closed'));
    socket.renegotiate({}, (error) =>
      resolve(error === null ? 'renegotiated' : ((error as NodeJS.ErrnoException).code ?? error.message)),
    );
  });
  socket.resume();
  return outcome;
}

it.each([
  ['the gateway', ['http/1.1'], () => stack.port],
  ['the gateway, over HTTP/2', ['h2'], () => stack.port],
  ['the backend', ['h2'], () => stack.backendPort],
])(
  '%s',
  async (_name, alpn, port) => {
    const to = { port: port(), caPem: stack.pki.caPem, pair: pairIn(stack.certsDir, 'client'), alpn };
    const socket = await rawConnected({ ...to, version: 'TLSv1.2' });
    expect(socket.getProtocol()).toBe('TLSv1.2');
    expect(await renegotiate(socket)).toMatch(/NO_RENEGOTIATION|closed|ECONNRESET/);
    socket.destroy();
  },
  LIMIT_MS,
);

it(
  'a request between two handshakes is the last of its connection, and others are served',
  async () => {
    const to = { port: stack.port, caPem: stack.pki.caPem, pair: pairIn(stack.certsDir, 'client') };
    const socket = await rawConnected({ ...to, version: 'TLSv1.2' });
    socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toMatch(/^HTTP\/1\.1 200 /);
    expect(await renegotiate(socket)).not.toBe('renegotiated');
    socket.destroy();
    expect((await rawExchange(to, requestText('GET', '/healthz'))).status).toBe(200);
  },
  LIMIT_MS,
);
