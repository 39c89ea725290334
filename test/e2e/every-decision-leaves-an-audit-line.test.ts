import { X509Certificate } from 'node:crypto';
import { get } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Line, linesOf } from '../audit/journal-under-test.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const POLICY = `version: 1
delegates: ["cn:passband-gateway"]
rules:
  - name: operators
    subjects: ["cn:oran-client"]
    allow: [{ methods: ["sdr.oran.*/*", "passband.Gateway/*"] }]
  - name: one-station
    subjects: ["cn:dash-*"]
    allow:
      - methods: ["sdr.oran.StationService/GetStation"]
        where: { station_id: ["adsb"] }
        limits: { requestsPerMinute: 2 }
  - name: on-trial
    mode: shadow
    subjects: ["cn:dash-*"]
    allow: [{ methods: ["sdr.oran.IQStreamService/GetStreamStats"], where: { station_id: ["adsb"] } }]
`;

let stack: Stack;
let operator: Caller;
let dashboard: Caller;

beforeAll(async () => {
  stack = await startStack({ policy: POLICY });
  operator = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
  dashboard = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'dashboard'));
});
afterAll(async () => {
  await operator?.close();
  await dashboard?.close();
  await stack?.close();
});

const auditLines = (program: string): Promise<Line[]> => linesOf(join(stack.certsDir, 'audit', `${program}.jsonl`));

/** The lines that a request left in a journal, without their places in it. */
async function left(program: string, requestId: string, count: number): Promise<Line[]> {
  const mine = async (): Promise<Line[]> => (await auditLines(program)).filter((line) => line.requestId === requestId);
  const lines = await until(`${count} lines of ${requestId}`, mine, (seen) => seen.length >= count);
  return lines.map(({ seq: _, prev: __, hash: ___, requestId: ____, ...rest }) => rest);
}

/** Whose certificate in the folder has a name. */
const PAIRS: Readonly<Record<string, string>> = { 'oran-client': 'client', 'dash-1': 'dashboard' };
const who = (cn: string): Line => {
  const certificate = new X509Certificate(pairIn(stack.certsDir, PAIRS[cn] ?? '').certPem);
  return {
    time: expect.stringMatching(/Z$/),
    event: 'decision',
    cn,
    serial: certificate.serialNumber.toLowerCase(),
    sha256: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    issuer: certificate.issuer.replaceAll('\n', ','),
    remote: '127.0.0.1',
  };
};

it('an allowed call: one at the gateway, one at the backend', async () => {
  const headers = { 'x-request-id': 'allowed' };
  expect((await operator.call('/v1/stations/sim-1?x-secret=1', { headers })).status).toBe(400);
  expect((await operator.call('/v1/stations/sim-1', { headers })).status).toBe(200);
  const line = {
    ...who('oran-client'),
    outcome: 'allow',
    code: 'OK',
    rpc: 'sdr.oran.StationService/GetStation',
    rule: 'operators',
    reason: 'rule "operators" allows it',
  };
  expect(await left('gateway', 'allowed', 1)).toEqual([{ ...line, resource: '/v1/stations/sim-1' }]);
  expect(await left('backend', 'allowed', 1)).toEqual([{ ...line, resource: 'sim-1', peerCn: 'passband-gateway' }]);
});

it("has the caller's address at the gateway, and the gateway's at the backend", async () => {
  const { certPem: cert, keyPem: key } = pairIn(stack.certsDir, 'client');
  const to = { host: '127.0.0.1', port: stack.port, servername: 'localhost', path: '/v1/stations/sim-1' };
  const options = { ...to, localAddress: '127.0.0.9', ca: stack.pki.caPem, cert, key, agent: false };
  const status = await new Promise((resolve, reject) => {
    const request = get({ ...options, headers: { 'x-request-id': 'from-elsewhere' } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on('error', reject);
  });
  expect(status).toBe(200);
  expect((await left('gateway', 'from-elsewhere', 1)).map(({ remote }) => remote)).toEqual(['127.0.0.9']);
  expect((await left('backend', 'from-elsewhere', 1)).map(({ remote }) => remote)).toEqual(['127.0.0.1']);
});

it('a page of the gateway, too', async () => {
  await operator.call('/whoami?who=me', { headers: { 'x-request-id': 'page' } });
  expect(await left('gateway', 'page', 1)).toEqual([
    expect.objectContaining({ outcome: 'allow', rpc: 'passband.Gateway/WhoAmI', resource: '/whoami' }),
  ]);
});

it('a denial, with the rule that comes nearest and why', async () => {
  const answer = await dashboard.call('/v1/stations/sim-1', { headers: { 'x-request-id': 'denied' } });
  expect(answer.status).toBe(403);
  expect(await left('gateway', 'denied', 1)).toEqual([
    {
      ...who('dash-1'),
      outcome: 'deny',
      code: 'PERMISSION_DENIED',
      rpc: 'sdr.oran.StationService/GetStation',
      resource: '/v1/stations/sim-1',
      rule: 'one-station',
      reason: 'rule "one-station" allows this caller the method, but not with this request',
    },
  ]);
  expect((await auditLines('backend')).filter(({ requestId }) => requestId === 'denied')).toEqual([]);
});

it('a limit that is reached is a denial', async () => {
  const headers = { 'x-request-id': 'limited' };
  const statuses = [];
  for (let n = 0; n < 3; n++) statuses.push((await dashboard.call('/v1/stations/adsb', { headers })).status);
  expect(statuses).toEqual([200, 200, 429]);
  expect((await left('gateway', 'limited', 3)).map(({ outcome, code, rule }) => [outcome, code, rule])).toEqual([
    ['allow', 'OK', 'one-station'],
    ['allow', 'OK', 'one-station'],
    ['deny', 'RESOURCE_EXHAUSTED', 'one-station'],
  ]);
});

it('what passes only because a rule is in shadow mode is no plain allowance', async () => {
  const answer = await dashboard.call('/v1/stations/sim-1/stats', { headers: { 'x-request-id': 'shadowed' } });
  expect(answer.status).toBe(200);
  expect(await left('gateway', 'shadowed', 1)).toEqual([
    expect.objectContaining({ outcome: 'shadow', code: 'OK', rule: 'on-trial', shadowed: ['on-trial'] }),
  ]);
});

it('a certificate that names nobody', async () => {
  const nobody = await stack.pki.issue({ cn: null, ou: ['radio'] });
  const caller = callerOf(stack.gatewayUrl, stack.pki.caPem, nobody);
  const answer = await caller.call('/v1/stations/sim-1', { headers: { 'x-request-id': 'nobody' } });
  await caller.close();
  expect(answer.status).toBe(403);
  expect(await left('gateway', 'nobody', 1)).toEqual([
    {
      time: expect.any(String),
      event: 'decision',
      outcome: 'deny',
      code: 'PERMISSION_DENIED',
      remote: '127.0.0.1',
      resource: '/v1/stations/sim-1',
      reason: 'the client certificate has no CN',
    },
  ]);
});

it('a stream: when it is let in, and when it ends, with what it was sent', async () => {
  const headers = { 'x-request-id': 'stream' };
  const stream = await operator.events('/v1/stations/adsb/iq?batch_size_samples=1024', { headers });
  let frames = 0;
  for await (const event of stream) if (event.data !== '' && ++frames === 5) break;
  stream.stop();
  const [begin, end, ...others] = await left('gateway', 'stream', 2);
  expect(begin).toMatchObject({ event: 'decision', outcome: 'allow', rpc: 'sdr.oran.IQStreamService/SubscribeIQ' });
  expect(end).toEqual({
    ...who('oran-client'),
    event: 'end',
    code: 'CANCELLED',
    reason: 'the client went away',
    rule: 'operators',
    rpc: 'sdr.oran.IQStreamService/SubscribeIQ',
    resource: '/v1/stations/adsb/iq',
    bytes: expect.any(Number),
    frames: expect.any(Number),
    durationMs: expect.any(Number),
  });
  expect(end?.frames).toBeGreaterThanOrEqual(5);
  // A frame of 1024 samples of two bytes each has 2 KiB, in base64 four thirds of that.
  expect(end?.bytes).toBeGreaterThan(Number(end?.frames) * 2_500);
  expect(others).toEqual([]);
  const atBackend = await left('backend', 'stream', 2);
  expect(atBackend.map(({ event, resource }) => [event, resource])).toEqual([
    ['decision', 'adsb'],
    ['end', 'adsb'],
  ]);
});

it('a stream that the backend refuses is over at once, and said to be', async () => {
  const answer = await operator.call('/v1/stations/no-such/iq', { headers: { 'x-request-id': 'no-such' } });
  expect(answer.status).toBe(404);
  expect((await left('gateway', 'no-such', 2)).map(({ event, code, frames }) => [event, code, frames])).toEqual([
    ['decision', 'OK', undefined],
    ['end', 'NOT_FOUND', 0],
  ]);
});
