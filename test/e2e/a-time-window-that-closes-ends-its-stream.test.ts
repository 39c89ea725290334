import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { type Stack, startStack } from '../support/stack.ts';

/** Long enough to open a stream on a busy machine, short enough to wait for. */
const OPEN_FOR_MS = 10_000;
let stack: Stack;
let client: Caller;
let notAfterMs: number;

beforeAll(async () => {
  notAfterMs = Date.now() + OPEN_FOR_MS;
  stack = await startStack({
    policy: `version: 1
delegates: ["cn:passband-gateway"]
rules:
  - name: today
    subjects: ["cn:oran-client"]
    allow:
      - methods: ["sdr.oran.SpectrumMonitorService/*"]
        when: [{ notAfter: "${new Date(notAfterMs).toISOString()}" }]
      - methods: ["sdr.oran.StationService/*"]
`,
  });
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
});
afterAll(async () => {
  await client?.close();
  await stack?.close();
});

it('with PERMISSION_DENIED, lets no other begin, and leaves what is allowed at all times', async () => {
  const path = '/v1/stations/sim-1/spectrum:stream?fft_size=64&omit_frequencies=true';
  const stream = await client.events(path);
  expect(stream.status).toBe(200);
  let last: { event?: string | undefined; data: string } | undefined;
  for await (const event of stream) last = event;
  expect(Date.now()).toBeGreaterThan(notAfterMs);
  const reason = 'rule "today" allows this caller the method, but not at this time';
  expect(last?.event).toBe('end');
  expect(JSON.parse(last?.data ?? '')).toMatchObject({ code: 7, message: reason });
  const refused = await client.call(path);
  expect(refused.status).toBe(403);
  expect(refused.json()).toMatchObject({ detail: reason });
  expect((await client.call('/v1/stations')).status).toBe(200);
});
