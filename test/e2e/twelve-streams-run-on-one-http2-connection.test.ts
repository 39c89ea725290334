import { once } from 'node:events';
import { connect } from 'node:http2';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createParser } from 'eventsource-parser';
import { pairIn } from '../support/https.ts';
import { type Stack, startStack } from '../support/stack.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack?.close());

const STREAMS = 12;
const EVENTS = 5;

it('gives twelve server-sent event streams to one connection at a time, and each its own', async () => {
  const { certPem, keyPem } = pairIn(stack.certsDir, 'dashboard');
  const session = connect(stack.gatewayUrl, { ca: stack.pki.caPem, cert: certPem, key: keyPem });
  await once(session, 'connect');
  const running = Array.from({ length: STREAMS }, async (_, index) => {
    const fftSize = 64 * 2 ** (index % 4);
    const stream = session.request({
      ':path': `/v1/stations/sim-1/spectrum:stream?fft_size=${fftSize}&rate_hz=${10 + index}`,
    });
    const [headers] = await once(stream, 'response');
    expect([headers[':status'], headers['content-type']]).toEqual([200, 'text/event-stream']);
    const sizes: number[] = [];
    const parser = createParser({
      // On a busy machine there are gaps, too.
      onEvent: ({ event, data }) => event === undefined && sizes.push(JSON.parse(data).fftSize),
    });
    stream.setEncoding('utf8').on('data', (text) => parser.feed(text));
    while (sizes.length < EVENTS) await once(stream, 'data');
    return { stream, sizes, fftSize };
  });
  const all = await Promise.all(running);
  expect(stack.gateway.streams()).toBe(STREAMS);
  expect((await stack.registry.getSingleMetric('passband_connections_open')?.get())?.values[0]?.value).toBe(1);
  for (const { sizes, fftSize } of all) expect(new Set(sizes)).toEqual(new Set([fftSize]));
  // One that is closed takes none of the others with it.
  const [first, second] = all;
  first?.stream.close();
  if (second !== undefined) await once(second.stream, 'data');
  session.destroy();
});
