import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { FrameReader } from '../support/frames.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
let client: Caller;

beforeAll(async () => {
  stack = await startStack();
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
});
afterAll(async () => {
  await client?.close();
  await stack?.close();
});

const IQ = '/v1/stations/sim-1/iq';

it('ends with event: end, code 0; whoever comes back with its id is answered 204, as EventSource wants it', async () => {
  const reader = new FrameReader(await client.events(IQ));
  await reader.until(() => reader.frames.length >= 2);
  const stopped = await client.call('/v1/stations/sim-1:stop', { method: 'POST', body: '{}' });
  expect(stopped.json()).toMatchObject({ success: true });
  await reader.until(() => false);
  expect(reader.end).toMatchObject({ id: '!end', status: { code: 0 } });

  const back = await client.call(IQ, { headers: { 'last-event-id': '!end' } });
  expect([back.status, back.text]).toEqual([204, '']);
  expect((await client.call(`${IQ}?lastEventId=!end`)).status).toBe(204);
  // A new reader is told what is the matter, with a real status.
  expect((await client.call(IQ)).json()).toMatchObject({ status: 400, code: 'FAILED_PRECONDITION' });
  expect((await client.call('/v1/stations/nowhere/iq')).json()).toMatchObject({ status: 404, code: 'NOT_FOUND' });
});
