import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DEFAULT_STATIONS } from '../../src/backend/stations/default-stations.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { expectProblem } from '../support/problem.ts';
import { type Stack, startStack } from '../support/stack.ts';

/** A frame of sim-1 is some 87 kB as an event, and there are 30 a second. */
const BYTES_PER_SECOND = 200_000;
const PAGE_BYTES_PER_SECOND = 100;

const POLICY = `version: 1
delegates: ["cn:passband-gateway"]
rules:
  - name: paced
    subjects: ["cn:oran-client"]
    allow:
      - methods: ["sdr.oran.IQStreamService/SubscribeIQ"]
        where: { station_id: ["sim-1"] }
        limits: { bytesPerSecond: ${BYTES_PER_SECOND} }
      - methods: ["sdr.oran.IQStreamService/SubscribeIQ"]
        where: { station_id: ["adsb"] }
        limits: { maxSampleRateHz: 1999999 }
      - methods: ["sdr.oran.IQStreamService/StartStream", "sdr.oran.IQStreamService/StreamIQ"]
        limits: { maxSampleRateHz: 2.0e6 }
      - methods: ["passband.Gateway/WhoAmI", "sdr.oran.StationService/GetStation"]
        limits: { bytesPerSecond: ${PAGE_BYTES_PER_SECOND} }
  - name: dashboards
    subjects: ["cn:dash-*"]
    allow:
      - methods: ["sdr.oran.IQStreamService/SubscribeIQ"]
        limits: { maxSampleRateHz: 2.0e6 }
      - methods: ["passband.Gateway/WhoAmI"]
        limits: { bytesPerSecond: ${PAGE_BYTES_PER_SECOND} }
`;
/** The backend would hold them as well. */
const BACKEND_POLICY = `version: 1
delegates: ["cn:passband-gateway"]
rules: [{ name: all, subjects: ["cn:*"], allow: [{ methods: ["*"] }] }]
`;
let stack: Stack;
let client: Caller;
let dashboard: Caller;

beforeAll(async () => {
  const source = { kind: 'push', datatype: 'cf32_le', sampleRateHz: 1e6, centerFrequencyHz: 1e8 } as const;
  const pushed = { stationId: 'pushed', description: '', source };
  stack = await startStack({
    policy: POLICY,
    backendPolicy: BACKEND_POLICY,
    stations: [...DEFAULT_STATIONS, pushed],
  });
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
  dashboard = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'dashboard'));
});
afterAll(async () => {
  await Promise.all([client?.close(), dashboard?.close()]);
  await stack?.close();
});

/** Reads a stream for a time and says how many bytes came. */
async function bytesIn(forMs: number, body: AsyncIterable<Buffer> & { destroy(): unknown }): Promise<number> {
  let bytes = 0;
  const timer = setTimeout(() => body.destroy(), forMs);
  try {
    for await (const chunk of body) bytes += chunk.length;
  } catch {
    // It is we who ended it.
  }
  clearTimeout(timer);
  return bytes;
}

describe('bytes a second', () => {
  it('are shared by all streams of a caller, each of which goes on', async () => {
    const path = '/v1/stations/sim-1/iq?overflow=latest';
    const streams = await Promise.all([client.open(path), client.open(path), client.open(path)]);
    expect(streams.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200]);
    const startedMs = performance.now();
    const bytes = await Promise.all(streams.map(({ body }) => bytesIn(4000, body)));
    const seconds = (performance.now() - startedMs) / 1000;
    const sum = bytes.reduce((total, each) => total + each, 0);
    // A second's worth at once, the rate, and one frame that was begun.
    expect(sum).toBeLessThan(BYTES_PER_SECOND * (1 + seconds) + 200_000);
    expect(sum).toBeGreaterThan(BYTES_PER_SECOND);
    for (const each of bytes) expect(each).toBeGreaterThan(0);
  });

  it('are spent by calls and pages that are answered at once, a share for each caller; 429 says when to return', async () => {
    expect((await client.call('/v1/stations/sim-1')).status).toBe(200);
    for (const path of ['/v1/stations/sim-1', '/whoami']) {
      const { status, headers, text } = await client.call(path);
      expectProblem(
        { status, contentType: headers['content-type'], body: text },
        { status: 429, code: 'RESOURCE_EXHAUSTED' },
      );
      expect(Number(headers['retry-after'])).toBeGreaterThan(0);
      expect(text).toContain(`no more than ${PAGE_BYTES_PER_SECOND} bytes a second`);
    }
    // HEAD has no bytes in its answer.
    for (let count = 0; count < 3; count++) {
      expect((await dashboard.call('/whoami', { method: 'HEAD' })).status).toBe(200);
    }
    expect((await dashboard.call('/whoami')).status).toBe(200);
    expect((await dashboard.call('/whoami')).status).toBe(429);
  });
});

describe('a cap on the sample rate', () => {
  it('ends a stream whose messages state a higher one, before any of them goes out', async () => {
    const { statusCode, body } = await client.open('/v1/stations/adsb/iq');
    expect(statusCode).toBe(200);
    const text = await body.text();
    expect(text).not.toContain('"sampleRate"');
    expect(text).toMatch(/event: end\ndata: .*"code":7/);
    expect(text).toContain('allows this caller no more than 1999999 samples a second');
  });

  it('lets those pass that state the very rate', async () => {
    const { statusCode, body } = await dashboard.open('/v1/stations/adsb/iq', {
      headers: { accept: 'application/x-ndjson' },
    });
    expect(statusCode).toBe(200);
    for await (const chunk of body) {
      expect(String(chunk)).toContain('"sampleRate":2000000');
      break;
    }
  });

  it('refuses a request above it and names it', async () => {
    const start = (sampleRate: number): Promise<{ status: number; text: string }> =>
      client.call('/v1/stations/sim-1:start', { method: 'POST', body: JSON.stringify({ sampleRate }) });
    const refused = await start(2.1e6);
    expect(refused.status).toBe(403);
    expect(refused.text).toContain('no more than 2000000 samples a second');
    for (const rate of [0, 2.0e6]) expect((await start(rate)).status).not.toBe(403);
  });

  it('is held against each message of a stream of requests', async () => {
    const lines = [1e6, 3e6].map((sampleRate, n) => JSON.stringify({ sampleRate, sequenceNumber: n, samples: [0, 0] }));
    const { text } = await client.call('/v1/stations/pushed/iq:push', {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson', accept: 'application/x-ndjson' },
      body: `${lines.join('\n')}\n`,
    });
    expect(text).toContain('no more than 2000000 samples a second');
    expect(text).not.toContain('"ackedSequence":"1"');
  });
});
