import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { type LibraryStack, startLibraryStack } from '../support/library-stack.ts';

let stack: LibraryStack;
let client: Caller;
let relay: Server;
const sockets: Socket[] = [];

/** From here on nothing goes either way, and no connection is closed: as when a cable is pulled. */
function fallSilent(): void {
  for (const socket of sockets) socket.unpipe().pause();
}

beforeAll(async () => {
  stack = await startLibraryStack(async (library) => {
    relay = createServer((near) => {
      const far = connect(library.port, '127.0.0.1');
      for (const socket of [near, far]) sockets.push(socket.on('error', () => {}));
      near.pipe(far).pipe(near);
    });
    relay.listen(0, '127.0.0.1');
    await once(relay, 'listening');
    return { backend: `localhost:${(relay.address() as AddressInfo).port}` };
  });
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.pki.dir, 'client'));
});
afterAll(async () => {
  await client?.close();
  for (const socket of sockets) socket.destroy();
  relay?.close();
  await stack?.close();
});

it('UNAVAILABLE, after it was asked for a sign of life and gave none', async () => {
  const stream = await client.events('/v1/shelves/1/books:watch');
  expect(stream.status).toBe(200);
  const events = stream[Symbol.asyncIterator]();
  expect((await events.next()).value).toMatchObject({ data: '{"title":"1"}' });
  fallSilent();
  // 20 s until it is asked, and 5 s to answer.
  const { value: end } = await events.next();
  expect(end).toMatchObject({ event: 'end' });
  expect(JSON.parse(end?.data ?? '')).toMatchObject({ code: 14 });
}, 60_000);
