import { Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { BackendUnderTest, policyOf, refusal } from '../backend/backend-under-test.ts';
import { documentText, tableAfter } from '../docs/markdown.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { type Stack, startStack } from '../support/stack.ts';

const POLICY = `version: 1
delegates: ["cn:passband-gateway"]
rules:
  - name: pages
    subjects: ["cn:dash-*"]
    allow: [{ methods: ["passband.Gateway/*"] }]
  - name: one-station
    subjects: ["cn:dash-*"]
    allow: [{ methods: ["sdr.oran.StationService/GetStation"], where: { station_id: ["adsb"] } }]
  - name: on-trial
    mode: shadow
    subjects: ["cn:dash-*"]
    allow: [{ methods: ["sdr.oran.IQStreamService/GetStreamStats"], where: { station_id: ["adsb"] } }]
`;

let stack: Stack;
let backend: BackendUnderTest;
let dashboard: Caller;

beforeAll(async () => {
  stack = await startStack({ policy: POLICY });
  backend = await BackendUnderTest.start({ policy: policyOf(POLICY) });
  dashboard = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'dashboard'));
});
afterAll(async () => {
  await dashboard?.close();
  await backend?.stop();
  await stack?.close();
});

/** The audit lines of a request, without what every line has. */
function audit(lines: readonly Readonly<Record<string, unknown>>[], requestId: string) {
  return lines
    .filter((line) => line.audit !== undefined && line.requestId === requestId)
    .map(({ level, time, pid, hostname, msg, ...rest }) => ({ level, msg, ...rest }));
}

const WHO = {
  level: 40,
  cn: 'dash-1',
  serial: expect.stringMatching(/^[0-9a-f]+$/),
  sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
  remote: '127.0.0.1',
};
const DENIED = {
  ...WHO,
  audit: 'deny',
  msg: 'denied',
  code: 'PERMISSION_DENIED',
  rpc: 'sdr.oran.StationService/GetStation',
  rule: 'one-station',
  reason: 'rule "one-station" allows this caller the method, but not with this request',
};
const PASSED = {
  ...WHO,
  audit: 'shadow',
  msg: 'a rule in shadow mode would have denied this',
  rpc: 'sdr.oran.IQStreamService/GetStreamStats',
  rules: ['on-trial'],
};

it('of a denial at the gateway', async () => {
  const answer = await dashboard.call('/v1/stations/sim-1', { headers: { 'x-request-id': 'denied' } });
  expect(answer.status).toBe(403);
  expect(audit(stack.logs, 'denied')).toEqual([{ ...DENIED, requestId: 'denied' }]);
});

/** Asks the backend itself, without a gateway. */
async function askDirectly(requestId: string): Promise<void> {
  const metadata = new Metadata();
  metadata.set('x-request-id', requestId);
  const stations = await backend.client('sdr.oran.StationService', 'dashboard');
  expect(await refusal(stations.unary('GetStation', { station_id: 'sim-1' }, metadata))).toMatch(/^7: /);
}

it('of a denial at the backend', async () => {
  await askDirectly('direct');
  expect(audit(backend.log, 'direct')).toEqual([{ ...DENIED, requestId: 'direct' }]);
});

it('of what shadow mode lets pass, at both, the second with who speaks for the caller', async () => {
  const answer = await dashboard.call('/v1/stations/sim-1/stats', { headers: { 'x-request-id': 'shadowed' } });
  expect(answer.status).toBe(200);
  expect(audit(stack.logs, 'shadowed')).toEqual([
    { ...PASSED, requestId: 'shadowed' },
    { ...PASSED, requestId: 'shadowed', peerCn: 'passband-gateway' },
  ]);
});

it('has its fields in docs/operations.md', () => {
  const listed = tableAfter(documentText('docs/operations.md'), '| field of an audit line |').flatMap(([names = '']) =>
    [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
  );
  const { level: _, msg: __, ...fields } = { ...DENIED, ...PASSED, requestId: '', peerCn: '', cause: '' };
  expect(listed.sort()).toEqual(Object.keys(fields).sort());
});

it('of the start page there is none, whoever looks at it', async () => {
  expect((await dashboard.call('/', { headers: { 'x-request-id': 'looks' } })).status).toBe(200);
  expect(audit(stack.logs, 'looks')).toEqual([]);
  expect(await stack.registry.metrics()).not.toContain(
    'passband_denied_total{rpc="sdr.oran.StationService/ListStations"}',
  );
});

it('takes no request id that could not stand in a log', async () => {
  const seen = backend.log.length;
  await askDirectly('x'.repeat(65));
  const lines = backend.log.slice(seen);
  expect(lines.map(({ msg }) => msg)).toEqual(['denied', 'call']);
  expect(lines.filter((line) => 'requestId' in line)).toEqual([]);
});
