import { X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { IssuedCertificate } from '../../src/pki/authority.ts';
import type { KeyAlgorithm } from '../../src/pki/keys.ts';
import { FrameReader } from '../support/frames.ts';
import { type Caller, callerOf } from '../support/https.ts';
import { mountedAsVolume } from '../support/kubernetes-volume.ts';
import { rawConnected } from '../support/raw.ts';
import { replaceFile } from '../support/revocation.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
const callers: Caller[] = [];
const readers: FrameReader[] = [];

beforeAll(async () => {
  stack = await startStack();
  for (const http2 of [false, true]) {
    const caller = callerOf(stack.gatewayUrl, stack.pki.caPem, await stack.pki.issue(), http2);
    callers.push(caller);
    readers.push(new FrameReader(await caller.events('/v1/stations/sim-1/iq?batch_size_samples=4096&datatype=ci8')));
  }
});
afterAll(async () => {
  for (const reader of readers) reader.stop();
  for (const caller of callers) await caller.close();
  await stack?.close();
});

const serialOf = ({ certPem }: IssuedCertificate): string => new X509Certificate(certPem).serialNumber;

/** Serial number of the certificate that a new handshake is shown. */
async function shownSerial(): Promise<string | undefined> {
  const socket = await rawConnected({ port: stack.port, caPem: stack.pki.caPem, pair: await stack.pki.pair('client') });
  const serial = socket.getPeerX509Certificate()?.serialNumber;
  socket.destroy();
  return serial;
}

const newServerPair = (algorithm: KeyAlgorithm = 'p256'): Promise<IssuedCertificate> =>
  stack.pki.issue({ cn: 'localhost', eku: 'server', dns: ['localhost'], ip: ['127.0.0.1'], algorithm });

/** Each stream has gone on by some frames since, and has lost none. */
async function expectStreamsWhole(): Promise<void> {
  for (const reader of readers) {
    const then = reader.frames.length;
    await reader.until(() => reader.frames.length >= then + 10);
    const ids = reader.frames.map(({ id }) => id);
    const [first = 0] = ids;
    expect({ gaps: reader.gaps, end: reader.end, ids }).toEqual({
      gaps: [],
      end: undefined,
      ids: ids.map((_, index) => first + index),
    });
  }
}

test('a new pair, of another kind of key, is shown to new handshakes', async () => {
  const pair = await newServerPair('rsa2048');
  // One after the other, as most tools write them; for a moment they do not belong together.
  await replaceFile(join(stack.certsDir, 'server.key'), pair.keyPem, 0o600);
  await replaceFile(join(stack.certsDir, 'server.crt'), pair.certPem);
  const startedMs = performance.now();
  await until('it is shown', shownSerial, (serial) => serial === serialOf(pair));
  process.stderr.write(`new files to a new certificate: ${Math.round(performance.now() - startedMs)} ms\n`);
  await expectStreamsWhole();
});

test('a pair that does not belong together changes nothing; the log says why, once', async () => {
  const before = await shownSerial();
  const [certificate, key] = [await newServerPair(), await newServerPair()];
  // By renaming: a look at a half written key would be told a reason of its own, and then this one once more.
  await replaceFile(join(stack.certsDir, 'server.crt'), certificate.certPem);
  await replaceFile(join(stack.certsDir, 'server.key'), key.keyPem, 0o600);
  const told = () => stack.logs.filter(({ why }) => /server\.key is not the key of .*server\.crt/.test(String(why)));
  await until('the log says why', () => told().length > 0);
  expect(await stack.gateway.reload()).toBe(false);
  expect([await shownSerial(), told().length]).toEqual([before, 1]);
  await expectStreamsWhole();

  await writeFile(join(stack.certsDir, 'server.key'), certificate.keyPem);
  await until('the right key is taken', shownSerial, (serial) => serial === serialOf(certificate));
});

test('a Kubernetes volume is swapped as a whole', async () => {
  const volume = await mountedAsVolume(stack.certsDir);
  expect(await stack.gateway.reload()).toBe(true);
  const pair = await newServerPair();
  await volume.swap({ 'server.crt': pair.certPem, 'server.key': pair.keyPem });
  await until('the pair of the new volume is shown', shownSerial, (serial) => serial === serialOf(pair));
  await expectStreamsWhole();
});
