import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Line, linesOf } from '../audit/journal-under-test.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const LIST = 'sdr.oran.StationService/ListStations';
const POLICY = `version: 1
delegates: ["cn:passband-gateway"]
rules:
  - name: pages
    subjects: ["cn:*"]
    allow: [{ methods: ["passband.Gateway/*"] }]
  - name: lists
    subjects: ["cn:oran-client"]
    allow: [{ methods: ["${LIST}"], limits: { requestsPerMinute: 2 } }]
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
  await client?.close();
  await dashboard?.close();
  await stack?.close();
});

/** The lines of a request in the gateway's journal, when the last of them is there. */
async function left(requestId: string): Promise<unknown[]> {
  const mine = async (): Promise<Line[]> => {
    const lines = await linesOf(join(stack.certsDir, 'audit', 'gateway.jsonl'));
    return lines.filter((line) => line.requestId === requestId);
  };
  const lines = await until('its lines', mine, ({ length }) => length > 0);
  return lines.map(({ outcome, rpc, rule, resource }) => [outcome, rpc, rule, resource]);
}

/** Whether the page shows stations, and what it leaves in the journal. */
async function look(
  caller: Caller,
  requestId: string,
): Promise<{ readonly stations: boolean; readonly lines: unknown }> {
  const { status, text } = await caller.call('/', { headers: { 'x-request-id': requestId } });
  expect(status).toBe(200);
  return { stations: text.includes('sim-1'), lines: await left(requestId) };
}

const INDEX = ['allow', 'passband.Gateway/Index', 'pages', '/'];

it('against requestsPerMinute, and in the journals', async () => {
  const before = (await stack.backendCalls()).total;
  const both = [INDEX, ['allow', LIST, 'lists', '/']];
  expect(await look(client, 'first')).toEqual({ stations: true, lines: both });
  expect(await look(client, 'second')).toEqual({ stations: true, lines: both });
  expect(await look(client, 'third')).toEqual({ stations: false, lines: [INDEX] });
  expect((await client.call('/v1/stations')).status).toBe(429);
  expect((await stack.backendCalls()).total - before).toBe(2);
});

it('and for whom no rule allows that call, it makes none and leaves no line of it', async () => {
  const before = (await stack.backendCalls()).total;
  expect(await look(dashboard, 'other')).toEqual({ stations: false, lines: [INDEX] });
  expect((await stack.backendCalls()).total).toBe(before);
});
