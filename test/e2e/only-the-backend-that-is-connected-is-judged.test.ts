import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { FrameReader } from '../support/frames.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import type { TestCertificate } from '../support/pki.ts';
import { Revoker, replaceFile } from '../support/revocation.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

/** Long enough to open a stream on a busy machine, short enough to wait for. */
const LIFETIME_MS = 8_000;
const IQ = '/v1/stations/sim-1/iq?batch_size_samples=8192&datatype=ci8';
const UNAVAILABLE = { code: 14, message: 'the backend is unavailable', details: [] };

let stack: Stack;
let caller: Caller;

beforeAll(async () => {
  stack = await startStack();
  caller = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
});
afterAll(async () => {
  await caller?.close();
  await stack?.close();
});

/** Starts the backend again with another certificate of its own. */
async function restartBackendWith(certificate: TestCertificate = {}): Promise<void> {
  await stack.stopBackend();
  const { certPem, keyPem } = await stack.pki.issue({
    cn: 'passband-backend',
    dns: ['localhost'],
    eku: 'server',
    ...certificate,
  });
  await replaceFile(join(stack.certsDir, 'backend.crt'), certPem);
  await replaceFile(join(stack.certsDir, 'backend.key'), keyPem, 0o600);
  await stack.startBackend();
}

/** A stream over a connection to the backend as it is now. */
async function stream(): Promise<FrameReader> {
  await until(
    'the backend answers',
    async () => (await caller.call('/v1/stations')).status,
    (status) => status === 200,
  );
  const reader = new FrameReader(await caller.events(IQ));
  await reader.until(() => reader.frames.length >= 3);
  return reader;
}

const faults = () => stack.logs.filter(({ msg }) => msg === 'calls to the backend are ended').map(({ fault }) => fault);

test('a backend that was renewed keeps its streams when the certificate of before is revoked', async () => {
  const revoker = new Revoker(stack.pki);
  const before = pairIn(stack.certsDir, 'backend');
  expect((await caller.call('/v1/stations')).status).toBe(200);
  await restartBackendWith();
  const reader = await stream();

  // Of the same list, so that it is seen when the gateway goes by it.
  const other = pairIn(stack.certsDir, 'dashboard');
  await revoker.revoke(before, other);
  const revoked = callerOf(stack.gatewayUrl, stack.pki.caPem, other);
  await until(
    'the list holds',
    // A request may meet the end of its connection, which the list brings with it.
    () =>
      revoked.call('/whoami').then(
        ({ status }) => status,
        () => 0,
      ),
    (status) => status === 401,
  );
  await revoked.close();
  const seen = reader.frames.length;
  await reader.until(() => reader.frames.length >= seen + 20);
  expect({ gaps: reader.gaps, end: reader.end, faults: faults() }).toEqual({ gaps: [], end: undefined, faults: [] });

  await revoker.revoke(pairIn(stack.certsDir, 'backend'));
  await reader.until(() => false);
  expect(reader.end?.status).toEqual(UNAVAILABLE);
  expect(faults()).toEqual(["the backend's certificate has been revoked"]);
});

test('a backend whose certificate runs out loses its streams then, and gets no new call', async () => {
  // X.509 counts whole seconds.
  const notAfter = new Date(Math.ceil((Date.now() + LIFETIME_MS) / 1000) * 1000);
  await restartBackendWith({ notAfter });
  const reader = await stream();
  await reader.until(() => false);
  expect(Date.now()).toBeGreaterThanOrEqual(notAfter.getTime());
  expect(reader.end?.status).toEqual(UNAVAILABLE);
  expect(faults().at(-1)).toBe("the backend's certificate has expired");
  expect((await caller.call('/v1/stations')).status).toBe(503);
});
