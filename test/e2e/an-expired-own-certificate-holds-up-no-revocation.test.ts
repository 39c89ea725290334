import { get } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createAuthority } from '../../src/pki/authority.ts';
import { FrameReader } from '../support/frames.ts';
import { type Caller, callerOf } from '../support/https.ts';
import type { TestFiles } from '../support/pki.ts';
import { Revoker, replaceFile } from '../support/revocation.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

/** Long enough to open two streams on a busy machine, short enough to wait for. */
const LIFETIME_MS = 10_000;
const IQ = '/v1/stations/sim-1/iq?batch_size_samples=4096&datatype=ci8';

let stack: Stack;
let revoker: Revoker;
let own: TestFiles;
let notAfter: Date;
const callers: Caller[] = [];

async function streamOf(pair: TestFiles): Promise<FrameReader> {
  const caller = callerOf(stack.gatewayUrl, stack.pki.caPem, pair);
  callers.push(caller);
  const stream = new FrameReader(await caller.events(IQ));
  await stream.until(() => stream.frames.length >= 1);
  return stream;
}

/** Status of /whoami on a new connection, by a client that looks at nobody's dates. */
function statusFor({ certPem, keyPem }: TestFiles): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const tls = { cert: certPem, key: keyPem, rejectUnauthorized: false, agent: false };
    get({ host: '127.0.0.1', port: stack.port, path: '/whoami', ...tls }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', reject);
  });
}

beforeAll(async () => {
  stack = await startStack();
  revoker = new Revoker(stack.pki);
  // X.509 counts whole seconds.
  notAfter = new Date(Math.ceil((Date.now() + LIFETIME_MS) / 1000) * 1000);
  own = await stack.pki.issue({ cn: 'localhost', eku: 'server', dns: ['localhost'], ip: ['127.0.0.1'], notAfter });
  await replaceFile(join(stack.certsDir, 'server.crt'), own.certPem);
  await replaceFile(join(stack.certsDir, 'server.key'), own.keyPem, 0o600);
  expect(await stack.gateway.reload()).toBe(true);
});
afterAll(async () => {
  for (const caller of callers) await caller.close();
  await stack?.close();
});

it('a revocation and then a change of the bundle end streams; the log and the metric say what is broken', async () => {
  const client = await stack.pki.issue();
  const other = await stack.pki.issue();
  const [lost, neighbour] = [await streamOf(client), await streamOf(other)];
  await until('the own certificate has expired', () => Date.now() > notAfter.getTime());

  await revoker.revoke(client);
  await lost.until(() => false);
  expect(lost.end?.status).toEqual({ code: 16, message: 'the client certificate has been revoked', details: [] });
  // The backend, whose own certificate is good, ends calls by itself; a page is the gateway's alone.
  await until(
    'the gateway refuses it',
    () => statusFor(client),
    (status) => status === 401,
  );
  expect(await statusFor(other)).toBe(200);
  const then = neighbour.frames.length;
  await neighbour.until(() => neighbour.frames.length > then + 3);
  const errors = () => stack.logs.filter(({ msg }) => String(msg).startsWith('changed files cannot be used'));
  const why = expect.stringMatching(/^\S*server\.crt has expired .*; renew it/);
  await until('it was said', () => errors().length > 0);
  expect(errors()).toEqual([expect.objectContaining({ why })]);
  expect(await stack.registry.metrics()).toMatch(/^passband_trust_broken\{what="certificates"\} 1$/m);

  const otherCa = await createAuthority('Other CA', {
    notBefore: new Date(0),
    notAfter: new Date(Date.now() + 3_600_000),
  });
  await replaceFile(join(stack.certsDir, 'ca.crt'), otherCa.certPem);
  await neighbour.until(() => false);
  expect(neighbour.end?.status).toMatchObject({ code: 16 });
  await until(
    'the gateway lets nobody of the old authority in',
    () => statusFor(other).catch(() => 0),
    (status) => status !== 200,
  );
});
