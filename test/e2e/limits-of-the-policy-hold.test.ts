import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { expectProblem } from '../support/problem.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const POLICY = `version: 1
delegates: ["cn:passband-gateway"]
rules:
  - name: operators
    subjects: ["cn:oran-client"]
    allow:
      - methods: ["sdr.oran.StationService/GetStation"]
        where: { station_id: ["sim-1"] }
        limits: { requestsPerMinute: 2 }
      - methods: ["sdr.oran.StationService/GetStation"]
        where: { station_id: ["adsb"] }
      - methods: ["sdr.oran.IQStreamService/SubscribeIQ"]
        limits: { concurrentStreams: 2 }
  - name: dashboards
    subjects: ["cn:dash-*"]
    allow:
      - methods: ["sdr.oran.StationService/GetStation"]
        limits: { requestsPerMinute: 1 }
      - methods: ["sdr.oran.IQStreamService/SubscribeIQ"]
        limits: { concurrentStreams: 1 }
`;
let stack: Stack;
let client: Caller;
let dashboard: Caller;

beforeAll(async () => {
  stack = await startStack({ policy: POLICY });
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
  dashboard = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'dashboard'));
});
afterAll(async () => {
  await Promise.all([client?.close(), dashboard?.close()]);
  await stack?.close();
});

describe('requests a minute', () => {
  it('are those of the entry that allows the request, a share of its own for each caller, and 429 says when to return', async () => {
    const sim = '/v1/stations/sim-1';
    for (let count = 0; count < 2; count++) expect((await client.call(sim)).status).toBe(200);
    const refused = await client.call(sim);
    const { status, headers, text } = refused;
    expectProblem(
      { status, contentType: headers['content-type'], body: text },
      { status: 429, code: 'RESOURCE_EXHAUSTED' },
    );
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(60);
    // Another entry of the same rule, and another caller, are not touched by it.
    for (let count = 0; count < 5; count++) expect((await client.call('/v1/stations/adsb')).status).toBe(200);
    expect((await dashboard.call(sim)).status).toBe(200);
    expect((await dashboard.call(sim)).status).toBe(429);
  });
});

describe('concurrent streams', () => {
  it('are counted when they begin, so that none slips in beside another, and a place is free again after', async () => {
    const open = await Promise.all(Array.from({ length: 10 }, () => client.open('/v1/stations/adsb/iq')));
    const statuses = open.map(({ statusCode }) => statusCode).sort();
    expect(statuses).toEqual([200, 200, ...Array.from({ length: 8 }, () => 429)]);
    for (const { body } of open) body.on('error', () => {}).destroy();
    await until('the streams are over', () => stack.gateway.streams() === 0);
    const again = await client.open('/v1/stations/adsb/iq');
    expect(again.statusCode).toBe(200);
    again.body.on('error', () => {}).destroy();
  });

  it('are each caller’s own, over all of its connections', async () => {
    const pairs = [await stack.pki.issue({ cn: 'dash-2' }), await stack.pki.issue({ cn: 'dash-2' })];
    const others = pairs.map((pair) => callerOf(stack.gatewayUrl, stack.pki.caPem, pair));
    const statuses: number[] = [];
    for (const caller of [dashboard, ...others]) {
      const { statusCode, body } = await caller.open('/v1/stations/adsb/iq');
      body.on('error', () => {});
      statuses.push(statusCode);
    }
    expect(statuses).toEqual([200, 200, 429]);
    for (const other of others) await other.close();
  });
});
