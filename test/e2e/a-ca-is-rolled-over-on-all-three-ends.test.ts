import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createAuthority, type IssuedCertificate } from '../../src/pki/authority.ts';
import { FrameReader } from '../support/frames.ts';
import { type Caller, callerOf } from '../support/https.ts';
import type { TestCertificate } from '../support/pki.ts';
import { rawConnected } from '../support/raw.ts';
import { replaceFile } from '../support/revocation.ts';
import { type Stack, startStack } from '../support/stack.ts';

const DAY_MS = 86_400_000;
const SERVER: TestCertificate = { eku: 'server', dns: ['localhost'], ip: ['127.0.0.1'] };

let stack: Stack;
let next: IssuedCertificate;
let both: string;
const callers: Caller[] = [];
const readers: FrameReader[] = [];

beforeAll(async () => {
  stack = await startStack();
  next = await createAuthority('The next CA', {
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + DAY_MS),
  });
  both = `${stack.pki.caPem}${next.certPem}`;
});
afterAll(async () => {
  for (const reader of readers) reader.stop();
  for (const caller of callers) await caller.close();
  await stack?.close();
});

/** Puts a file into the folder of both programs, and has them take it. */
async function put(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) await replaceFile(join(stack.certsDir, name), content, 0o600);
  expect([await stack.backend?.reload(), await stack.gateway.reload()]).toEqual([true, true]);
}

async function renewed(name: string, certificate: TestCertificate): Promise<void> {
  const { certPem, keyPem } = await stack.pki.issue({ ...certificate, issuer: next });
  await put({ [`${name}.key`]: keyPem, [`${name}.crt`]: certPem });
}

/** Who has signed what a new handshake is shown. */
async function issuerAt(port: number, alpn: string): Promise<string | undefined> {
  const socket = await rawConnected({ port, caPem: both, pair: await stack.pki.pair('client'), alpn: [alpn] });
  const certificate = socket.getPeerX509Certificate();
  socket.destroy();
  return certificate?.issuer;
}

function callerBy(pair: IssuedCertificate): Caller {
  const caller = callerOf(stack.gatewayUrl, both, pair, true);
  callers.push(caller);
  return caller;
}

/** @param samples of each frame: streams that are the same would share one call to the backend. */
async function streamOf(caller: Caller, samples: number): Promise<FrameReader> {
  const reader = new FrameReader(
    await caller.events(`/v1/stations/sim-1/iq?batch_size_samples=${samples}&datatype=ci8`),
  );
  readers.push(reader);
  await reader.until(() => reader.frames.length > 3);
  return reader;
}

async function expectWhole(reader: FrameReader): Promise<void> {
  const then = reader.frames.length;
  await reader.until(() => reader.frames.length >= then + 10);
  expect({ gaps: reader.gaps, end: reader.end }).toEqual({ gaps: [], end: undefined });
}

test('old root, both side by side, new root: the hop goes on at both its ends, and streams by the new root lose nothing', async () => {
  const [old, young] = [callerBy(await stack.pki.issue()), callerBy(await stack.pki.issue({ issuer: next }))];
  const ofOldRoot = await streamOf(old, 4096);
  await put({ 'ca.crt': both });

  await renewed('server', { ...SERVER, cn: 'localhost' });
  expect(await issuerAt(stack.port, 'http/1.1')).toBe('CN=The next CA');
  await renewed('backend', { ...SERVER, cn: 'passband-backend' });
  expect(await issuerAt(stack.backendPort, 'h2')).toBe('CN=The next CA');
  await renewed('gateway', { cn: 'passband-gateway' });

  const ofNewRoot = await streamOf(young, 2048);
  expect((await old.call('/v1/stations')).status).toBe(200);
  for (const stream of [ofOldRoot, ofNewRoot]) await expectWhole(stream);

  // Connections that were made with certificates of the old root would be cut now, at either end.
  await put({ 'ca.crt': next.certPem });
  await ofOldRoot.until(() => false);
  expect(ofOldRoot.end?.status).toMatchObject({ code: expect.any(Number) });
  await expectWhole(ofNewRoot);
  expect((await young.call('/v1/stations')).status).toBe(200);
  expect(await stack.gateway.ready()).toBe(true);
});
