import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
let client: Caller;
let dashboard: Caller;

beforeAll(async () => {
  stack = await startStack();
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
  dashboard = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'dashboard'));
});
afterAll(async () => {
  await client?.close();
  await dashboard?.close();
  await stack?.close();
});

/** The gateway's lines of a request, when they are there: they are written when the response is over. */
async function linesOf(requestId: string): Promise<Readonly<Record<string, unknown>>[]> {
  const lines = () => stack.logs.filter((line) => line.requestId === requestId);
  while (!lines().some(({ msg }) => msg === 'request')) await new Promise((resolve) => setImmediate(resolve));
  return lines();
}

const SECRET = 'secret-7f3a';
let count = 0;

/** Makes a call and gives its one log line and, apart, its audit line. */
async function logged(caller: Caller, path: string, options: Parameters<Caller['call']>[1] = {}) {
  const requestId = `log-${++count}`;
  await caller.call(path, { ...options, headers: { 'x-request-id': requestId, ...options.headers } });
  const lines = await linesOf(requestId);
  const requests = lines.filter(({ msg }) => msg === 'request');
  expect(requests).toHaveLength(1);
  expect(JSON.stringify(lines)).not.toContain(SECRET);
  return { line: requests[0], audit: lines.filter((line) => 'audit' in line) };
}

describe('a request leaves one line', () => {
  it('when it is answered', async () => {
    const { line, audit } = await logged(client, '/v1/stations/sim-1');
    expect(line).toEqual({
      level: 30,
      time: expect.any(Number),
      pid: process.pid,
      hostname: expect.any(String),
      msg: 'request',
      requestId: `log-${count}`,
      cn: 'oran-client',
      remote: '127.0.0.1',
      rpc: 'sdr.oran.StationService/GetStation',
      method: 'GET',
      route: '/v1/stations/{station_id}',
      status: 200,
      code: 'OK',
      rule: 'developer',
      durationMs: expect.any(Number),
      bytes: expect.any(Number),
    });
    expect(line?.bytes).toBeGreaterThan(50);
    expect(audit).toEqual([]);
  });

  it.each<readonly [string, string, Parameters<Caller['call']>[1], object]>([
    [
      'when the backend knows no such thing',
      '/v1/stations/nowhere',
      {},
      { status: 404, code: 'NOT_FOUND', rpc: 'sdr.oran.StationService/GetStation' },
    ],
    ['when there is no such path', `/${SECRET}?${SECRET}`, {}, { status: 404, code: 'NOT_FOUND' }],
    ['when the query is wrong', `/v1/stations/sim-1?${SECRET}=1`, {}, { status: 400, code: 'INVALID_ARGUMENT' }],
    [
      'when the body is wrong',
      '/v1/stations/sim-1:updateDoppler',
      { method: 'POST', body: `{"${SECRET}":1}` },
      { status: 400, code: 'INVALID_ARGUMENT', rpc: 'sdr.oran.IQStreamService/UpdateDoppler' },
    ],
    [
      'for a page of the gateway’s own',
      '/whoami',
      {},
      { status: 200, rpc: 'passband.Gateway/WhoAmI', route: '/whoami' },
    ],
    ['for a method that the path does not take', '/v1/stations/sim-1', { method: 'PUT' }, { status: 405 }],
  ])('%s', async (_, path, options, expected) => {
    const { line } = await logged(client, path, options);
    expect(line).toMatchObject({ cn: 'oran-client', ...expected });
  });

  it('and an audit line when it is denied', async () => {
    const { line, audit } = await logged(dashboard, '/v1/stations/sim-1:stop', { method: 'POST', body: '{}' });
    expect(line).toMatchObject({ status: 403, code: 'PERMISSION_DENIED', cn: 'dash-1' });
    expect(audit).toHaveLength(1);
    expect(audit[0]).toMatchObject({
      level: 40,
      audit: 'deny',
      cn: 'dash-1',
      rpc: 'sdr.oran.IQStreamService/StopStream',
      serial: expect.stringMatching(/^[0-9a-f]+$/),
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      reason: expect.any(String),
    });
  });

  it('with frames and bytes when a stream is over', async () => {
    const stream = await client.events('/v1/stations/sim-1/iq', { headers: { 'x-request-id': 'a-stream' } });
    let frames = 0;
    for await (const _ of stream) if (++frames === 3) break;
    stream.stop();
    const line = (await linesOf('a-stream')).find(({ msg }) => msg === 'request');
    expect(line).toMatchObject({ status: 200, code: 'CANCELLED', format: 'sse', rule: 'developer' });
    expect(line?.frames).toBeGreaterThanOrEqual(3);
    // 8192 samples of 8 bytes as base64, three times.
    expect(line?.bytes).toBeGreaterThan((3 * 8192 * 8 * 4) / 3);
  });
});

describe('metrics', () => {
  it('have no label that a client can invent', async () => {
    const series = async () => (await stack.registry.metrics()).split('\n').filter((line) => !line.startsWith('#'));
    const garbage = async (round: number) => {
      await client.call(`/no/such/path/${SECRET}${round}`);
      await client.call(`/v1/stations/${SECRET}${round}`);
      await client.call(`/v1/stations/${SECRET}${round}/iq`);
      await client.call(`/v1/stations/sim-1?${SECRET}${round}`);
      await client.call('/v1/stations', { method: 'PROPFIND' });
      await client.call('/v1/stations/sim-1', { headers: { accept: `x/${SECRET}${round}` } });
    };
    await garbage(0);
    const before = (await series()).length;
    for (let round = 1; round <= 5; round++) await garbage(round);
    const after = await series();
    expect(after).toHaveLength(before);
    expect(after.join('\n')).not.toContain(SECRET);
    expect(after.join('\n')).not.toContain('oran-client');
  });
});
