// Pipelining as an attack: a stream that never ends, and behind it on the same connection as many requests as can be
// written, each with an answer that is large for what it costs to ask. None of them may be begun while their answers could
// only wait in memory, and whoever sends without end loses the connection.
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { linesOf } from '../audit/journal-under-test.ts';
import { pairIn } from '../support/https.ts';
import { type RawOptions, rawConnected, rawExchange, requestText, untilClosed } from '../support/raw.ts';
import { connectionsOpen, type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
let to: RawOptions;

beforeAll(async () => {
  stack = await startStack();
  to = { port: stack.port, caPem: stack.pki.caPem, pair: pairIn(stack.certsDir, 'client') };
});
afterAll(() => stack?.close());

const get = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
const STREAM = get('/v1/stations/sim-1/iq?batch_size_samples=4096');
/** Some 1.3 MB of JSON for each 100 bytes of request. */
const BULKY = get('/v1/stations/sim-1/spectrum?fftSize=65536&averaging=1');

/** Those that were begun: each leaves a line when it is over. */
const spectra = (): number => stack.logs.filter(({ rpc }) => String(rpc).endsWith('/GetSpectrum')).length;

it('a thousand behind a stream cost the connection, and none of them is begun; another caller is served', async () => {
  const before = await stack.backendCalls();
  const socket = await rawConnected(to);
  const answer = untilClosed(socket);
  socket.write(STREAM);
  await once(socket, 'data');
  socket.write(BULKY.repeat(1000));
  expect((await answer).text.match(/HTTP\/1\.1/g)).toHaveLength(1);
  const refusals = stack.logs.filter(({ msg, code }) => msg === 'request' && code === 'RESOURCE_EXHAUSTED');
  expect(refusals).toMatchObject([
    { remote: '127.0.0.1', status: 429 },
    { rpc: 'sdr.oran.IQStreamService/SubscribeIQ', status: 200 },
  ]);
  const journal = join(stack.certsDir, 'audit', 'gateway.jsonl');
  const [end] = await until(
    'the end of the stream is in the journal',
    async () => (await linesOf(journal)).filter(({ event }) => event === 'end'),
    (ends) => ends.length > 0,
  );
  expect(end).toMatchObject({
    code: 'RESOURCE_EXHAUSTED',
    reason: 'too many requests were sent ahead of their answers',
    rpc: 'sdr.oran.IQStreamService/SubscribeIQ',
  });

  const other = { ...to, pair: await stack.pki.issue({ cn: 'dash-7' }) };
  expect((await rawExchange(other, requestText('GET', '/whoami'))).status).toBe(200);
  await until('the stream is over at the backend', stack.backendCalls, ({ live }) => live === before.live);
  expect(spectra()).toBe(0);
  expect((await stack.backendCalls()).total).toBe(before.total + 1);
  await until(
    'no connection is left',
    () => connectionsOpen(stack),
    (open) => open === 0,
  );
});
