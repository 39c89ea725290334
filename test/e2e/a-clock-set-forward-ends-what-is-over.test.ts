import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { type Stack, startStack } from '../support/stack.ts';

const HOUR_MS = 3_600_000;
const SPECTRA = '/v1/stations/sim-1/spectrum:stream?fft_size=64&omit_frequencies=true';

let stack: Stack;
let short: Caller;
let long: Caller;

beforeAll(async () => {
  stack = await startStack();
  const pair = await stack.pki.issue({ notAfter: new Date(Date.now() + HOUR_MS / 2) });
  short = callerOf(stack.gatewayUrl, stack.pki.caPem, pair);
  long = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
});
afterAll(async () => {
  jest.restoreAllMocks();
  await Promise.all([short?.close(), long?.close()]);
  await stack?.close();
});

it('in the stream of whom time has run out for, and in no other', async () => {
  const [lost, kept] = [await short.events(SPECTRA), await long.events(SPECTRA)];
  expect([lost.status, kept.status]).toEqual([200, 200]);
  const now = Date.now.bind(Date);
  jest.spyOn(Date, 'now').mockImplementation(() => now() + HOUR_MS);
  let last: { event?: string | undefined; data: string } | undefined;
  for await (const event of lost) last = event;
  expect(last?.event).toBe('end');
  expect(JSON.parse(last?.data ?? '')).toMatchObject({ code: 16, message: 'the client certificate has expired' });
  for await (const { event, data } of kept) {
    if (data === '') continue;
    expect(event).not.toBe('end');
    break;
  }
  kept.stop();
});
