import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { callerOf, pairIn } from '../support/https.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});
afterAll(async () => {
  await stack?.close();
});

const endedCalls = () =>
  stack.logs.filter(({ msg, rpc }) => msg === 'call' && rpc === 'sdr.oran.IQStreamService/SubscribeIQ');

it.each([
  ['HTTP/1.1, by closing the connection', false],
  ['HTTP/2, by resetting the stream', true],
])('%s', async (_name, http2) => {
  const ended = endedCalls().length;
  const client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'), http2);
  const stream = await client.events('/v1/stations/sim-1/iq');
  for await (const event of stream) {
    expect(JSON.parse(event.data).stationId).toBe('sim-1');
    break;
  }
  expect(stack.gateway.streams()).toBe(1);
  expect(endedCalls()).toHaveLength(ended);
  stream.stop();
  await until('the backend sees the end', endedCalls, ({ length }) => length === ended + 1, 1_000);
  expect(endedCalls().at(-1)).toMatchObject({ code: 'CANCELLED' });
  expect(stack.gateway.streams()).toBe(0);
  await client.close();
});
