import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { DEV_POLICY } from '../../src/gateway/guard/policy.ts';
import { FrameReader } from '../support/frames.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import type { TestCertificate } from '../support/pki.ts';
import { replaceFile } from '../support/revocation.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const IQ = '/v1/stations/sim-1/iq?batch_size_samples=4096&datatype=ci8';
const REFUSED = 'the backend does not accept this gateway';
const CALLS = 5;

let stack: Stack;
let client: Caller;

beforeAll(async () => {
  stack = await startStack({ backendApart: true });
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
});
afterAll(async () => {
  await client?.close();
  await stack?.close();
});
/** What the backend alone goes by. */
const put = (file: string, text: string): Promise<void> => replaceFile(join(stack.backendCertsDir, file), text);
const listed = async (serials: readonly string[], nextUpdate?: Date): Promise<void> => {
  const file = join(stack.backendCertsDir, 'crl.pem');
  await stack.pki.crl(serials, { file, ...(nextUpdate === undefined ? {} : { nextUpdate }) });
};

/** Gives the gateway another certificate, which both accept. */
async function renew(certificate: TestCertificate = {}): Promise<X509Certificate> {
  const { certPem, keyPem } = await stack.pki.issue({ cn: 'passband-gateway', ...certificate });
  await replaceFile(join(stack.certsDir, 'gateway.key'), keyPem, 0o600);
  await replaceFile(join(stack.certsDir, 'gateway.crt'), certPem);
  expect(await stack.gateway.reload()).toBe(true);
  return new X509Certificate(certPem);
}

beforeEach(async () => {
  await renew();
  await until(
    'it is served again',
    () => client.call('/v1/stations'),
    ({ status }) => status === 200,
  );
});

async function stream(): Promise<FrameReader> {
  const reader = new FrameReader(await client.events(IQ));
  await reader.until(() => reader.frames.length > 0);
  return reader;
}

const said = () => stack.logs.filter(({ level, msg }) => level === 50 && msg === REFUSED);
const counted = async (): Promise<number> => {
  const metric = await stack.registry.getSingleMetric('passband_gateway_refused_total')?.get();
  return metric?.values[0]?.value ?? 0;
};

const serialOf = (certificate: X509Certificate): string => certificate.serialNumber.toLowerCase().replace(/^0+/, '');

test.each<[name: string, refuse: (own: X509Certificate) => Promise<void>, reason: string, mend: () => Promise<void>]>([
  [
    'whose certificate is revoked',
    (own) => listed([own.serialNumber]),
    'the client certificate has been revoked',
    () => listed([]),
  ],
  [
    'that is no delegate any more',
    () => put('policy.yaml', DEV_POLICY.replace('cn:passband-gateway', 'cn:another-gateway')),
    'this peer may not call on behalf of others; leave x-passband-identity out',
    () => put('policy.yaml', DEV_POLICY),
  ],
  [
    'that is no delegate any more, and that a rule names',
    () =>
      put('policy.yaml', DEV_POLICY.replace('cn:passband-gateway', 'cn:another-gateway').replace('cn:dash-*', 'cn:*')),
    'this peer may not call on behalf of others; leave x-passband-identity out',
    () => put('policy.yaml', DEV_POLICY),
  ],
  [
    'whose revocation list is out of date',
    () => listed([], new Date(Date.now() + 2_000)),
    'the revocation list for the client certificate is out of date',
    () => listed([]),
  ],
])('a gateway %s: callers get 503, and the log has whose fault it is', async (_name, refuse, reason, mend) => {
  const own = await renew();
  const [lines, calls] = [said().length, await counted()];
  const open = await stream();
  await refuse(own);
  await open.until(() => false);
  expect(open.end?.status).toEqual({ code: 14, message: REFUSED, details: [] });
  for (let call = 0; call < CALLS; call++) {
    const answer = await until(
      'the backend has taken the connection for long enough to say why',
      () => client.call('/v1/stations'),
      ({ text }) => !text.includes('the backend is unavailable'),
    );
    expect(answer.status).toBe(503);
    expect(answer.json()).toMatchObject({ code: 'UNAVAILABLE', detail: REFUSED, details: [] });
    expect(answer.text).not.toMatch(/certificate|x-passband/);
  }
  expect((await client.call(IQ, { headers: { accept: 'text/event-stream' } })).status).toBe(503);
  expect([await stack.gateway.ready(), (await client.call('/readyz')).status]).toEqual([false, 503]);
  // The caller's own certificate is good.
  expect((await client.call('/whoami')).status).toBe(200);
  expect(said().slice(lines)).toEqual([
    expect.objectContaining({
      subject: 'CN=passband-gateway',
      serial: serialOf(own),
      file: join(stack.certsDir, 'gateway.crt'),
      reason,
    }),
  ]);
  expect(await counted()).toBeGreaterThan(calls + CALLS);
  await mend();
  await until('it is ready again', () => stack.gateway.ready());
});

test('a gateway whose certificate runs out: open streams end with 503', async () => {
  // X.509 counts whole seconds.
  await renew({ notAfter: new Date(Math.ceil(Date.now() / 1000) * 1000 + 5_000) });
  const open = await stream();
  await open.until(() => false);
  expect(open.end?.status).toEqual({ code: 14, message: REFUSED, details: [] });
  expect(said().at(-1)).toMatchObject({ reason: 'the client certificate has expired' });
  expect((await client.call('/v1/stations')).status).toBe(503);
});

test('a gateway whose certificate has run out before it connects: the log says that it is its own', async () => {
  const own = await renew({ notAfter: new Date(Math.ceil(Date.now() / 1000) * 1000 + 1_000) });
  const [lines, calls] = [said().length, await counted()];
  await until('it has run out', () => Date.now() > own.validToDate.getTime());
  for (let call = 0; call < 2; call++) expect((await client.call('/v1/stations')).status).toBe(503);
  expect(said().slice(lines)).toEqual([
    expect.objectContaining({
      subject: 'CN=passband-gateway',
      serial: serialOf(own),
      file: join(stack.certsDir, 'gateway.crt'),
      reason: `no connection comes about, and the client certificate has expired (notAfter ${own.validToDate.toISOString()})`,
    }),
  ]);
  expect(await counted()).toBe(calls + 2);
  expect(await stack.gateway.ready()).toBe(false);
});

test('a backend that is away is no fault of a gateway that is good', async () => {
  const lines = said().length;
  await stack.stopBackend();
  expect((await client.call('/v1/stations')).status).toBe(503);
  expect(said()).toHaveLength(lines);
  await stack.startBackend();
});

test('a caller whom the backend has revoked, behind a gateway that is good, is told so', async () => {
  const lines = said().length;
  const { certPem, keyPem } = await stack.pki.issue();
  const caller = callerOf(stack.gatewayUrl, stack.pki.caPem, { certPem, keyPem });
  await listed([new X509Certificate(certPem).serialNumber]);
  const answer = await until(
    'the backend knows the list',
    () => caller.call('/v1/stations'),
    ({ status }) => status !== 200,
  );
  expect(answer.json()).toMatchObject({
    status: 401,
    code: 'UNAUTHENTICATED',
    detail: 'the client certificate has been revoked',
  });
  expect(said()).toHaveLength(lines);
  await caller.close();
});
