import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { get } from 'node:https';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createAuthority, type IssuedCertificate } from '../../src/pki/authority.ts';
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
let otherCa: IssuedCertificate;
/** A client that only the other authority vouches for. */
let stranger: TestFiles;
const callers: Caller[] = [];

async function streamOf(pair: TestFiles): Promise<FrameReader> {
  const caller = callerOf(stack.gatewayUrl, stack.pki.caPem, pair);
  callers.push(caller);
  const stream = new FrameReader(await caller.events(IQ));
  await stream.until(() => stream.frames.length >= 1);
  return stream;
}

/** Status of /whoami on a new connection, by a client that looks at nobody's dates, and the serial that it is shown. */
function whoami({
  certPem,
  keyPem,
}: TestFiles): Promise<{ readonly status: number | undefined; readonly serial: string }> {
  return new Promise((resolve, reject) => {
    const tls = { cert: certPem, key: keyPem, rejectUnauthorized: false, agent: false };
    get({ host: '127.0.0.1', port: stack.port, path: '/whoami', ...tls }, (response) => {
      const { serialNumber: serial } = (response.socket as TLSSocket).getPeerCertificate();
      response.resume();
      resolve({ status: response.statusCode, serial });
    }).on('error', reject);
  });
}
/** 0 where the connection is not let in, or cut. */
const statusFor = async (pair: TestFiles): Promise<number | undefined> =>
  await whoami(pair).then(
    ({ status }) => status,
    () => 0,
  );
const serialOf = ({ certPem }: TestFiles): string => new X509Certificate(certPem).serialNumber;

const FAULT = 'changed files cannot be used; what was in use before stays';
const faults = (): unknown[] => stack.logs.filter(({ msg }) => msg === FAULT).map(({ why }) => why);
const isBroken = async (): Promise<string | undefined> =>
  /^passband_trust_broken\{what="certificates"\} (\d)$/m.exec(await stack.registry.metrics())?.[1];

/** Makes a pair that of the gateway's listener. */
async function showFrom({ certPem, keyPem }: TestFiles): Promise<void> {
  await replaceFile(join(stack.certsDir, 'server.crt'), certPem);
  await replaceFile(join(stack.certsDir, 'server.key'), keyPem, 0o600);
  expect(await stack.gateway.reload()).toBe(true);
}

beforeAll(async () => {
  stack = await startStack();
  revoker = new Revoker(stack.pki);
  // X.509 counts whole seconds.
  notAfter = new Date(Math.ceil((Date.now() + LIFETIME_MS) / 1000) * 1000);
  own = await stack.pki.issue({ cn: 'localhost', eku: 'server', dns: ['localhost'], ip: ['127.0.0.1'], notAfter });
  await showFrom(own);
  otherCa = await createAuthority('Other CA', {
    notBefore: new Date(0),
    notAfter: new Date(Date.now() + 3_600_000),
  });
  stranger = await stack.pki.issue({ issuer: otherCa });
});
afterAll(async () => {
  for (const caller of callers) await caller.close();
  await stack?.close();
});

it('an own certificate that has run out holds up neither a revocation nor a new authority', async () => {
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

  await replaceFile(join(stack.certsDir, 'ca.crt'), `${stack.pki.caPem}${otherCa.certPem}`);
  await until(
    'a client of the new authority is let in',
    () => statusFor(stranger),
    (status) => status === 200,
  );
  expect([faults(), await isBroken()]).toEqual([[], '0']);
  await replaceFile(join(stack.certsDir, 'ca.crt'), stack.pki.caPem);
  await until(
    'and out again',
    () => statusFor(stranger),
    (status) => status !== 200,
  );
});

it('a set with a broken key stays out as a whole; what it takes away is taken, and all of it once the key is mended', async () => {
  const server = { cn: 'localhost', eku: 'server', dns: ['localhost'], ip: ['127.0.0.1'] } as const;
  const used = await stack.pki.issue(server);
  await showFrom(used);
  const client = await stack.pki.issue();
  const other = await stack.pki.issue();
  const [lost, neighbour] = [await streamOf(client), await streamOf(other)];
  const renewed = await stack.pki.issue(server);
  const backendKey = await readFile(join(stack.certsDir, 'backend.key'), 'utf8');
  await replaceFile(join(stack.certsDir, 'server.crt'), renewed.certPem);
  await replaceFile(join(stack.certsDir, 'backend.key'), renewed.keyPem, 0o600);
  await replaceFile(join(stack.certsDir, 'ca.crt'), `${stack.pki.caPem}${otherCa.certPem}`);
  const both = [expect.stringMatching(/server\.key is not the key of/), expect.stringMatching(/backend\.key is not/)];
  await until('both programs have said so', () => faults().length >= 2);
  expect(faults()).toEqual(expect.arrayContaining(both));
  expect(await isBroken()).toBe('1');
  expect(await whoami(other)).toEqual({ status: 200, serial: serialOf(used) });
  expect(await statusFor(stranger)).not.toBe(200);

  await revoker.revoke(client);
  await lost.until(() => false);
  expect(lost.end?.status).toMatchObject({ code: 16, message: 'the client certificate has been revoked' });
  await until(
    'the gateway refuses it',
    () => statusFor(client),
    (status) => status === 401,
  );
  const then = neighbour.frames.length;
  await neighbour.until(() => neighbour.frames.length > then + 3);

  await replaceFile(join(stack.certsDir, 'ca.crt'), otherCa.certPem);
  await neighbour.until(() => false);
  // UNAVAILABLE where the backend sees it first: to it, the gateway is of that authority as well.
  expect([14, 16]).toContain(neighbour.end?.status.code);
  await until(
    'the gateway lets nobody of the old authority in',
    () => statusFor(other),
    (status) => status === 401,
  );
  expect(await isBroken()).toBe('1');

  await replaceFile(join(stack.certsDir, 'ca.crt'), `${stack.pki.caPem}${otherCa.certPem}`);
  await replaceFile(join(stack.certsDir, 'backend.key'), backendKey, 0o600);
  await replaceFile(join(stack.certsDir, 'server.key'), renewed.keyPem, 0o600);
  await until(
    'all of it is in use',
    () => Promise.all([other, stranger].map((pair) => whoami(pair).catch(() => undefined))),
    (answers) => answers.every((answer) => answer?.status === 200 && answer.serial === serialOf(renewed)),
  );
  expect(await statusFor(client)).toBe(401);
  expect(await isBroken()).toBe('0');
  const again = await streamOf(other);
  expect(again.frames.length).toBeGreaterThan(0);
});
