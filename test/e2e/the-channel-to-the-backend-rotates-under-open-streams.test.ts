// needs: curl
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Caller, callerOf, type EventStream, pairIn } from '../support/https.ts';
import { mountedAsVolume } from '../support/kubernetes-volume.ts';
import { type LibraryStack, startLibraryStack } from '../support/library-stack.ts';
import { Revoker, replaceFile } from '../support/revocation.ts';
import { until } from '../support/until.ts';

let stack: LibraryStack;
let caller: Caller;

beforeAll(async () => {
  stack = await startLibraryStack();
  caller = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.pki.dir, 'client'), true);
});
afterAll(async () => {
  await caller?.close();
  await stack?.close();
});

const seenSerial = () => stack.library.calls.at(-1)?.peerSerial;

/** Puts files in place one after the other. */
async function replaceFiles(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) await replaceFile(join(stack.pki.dir, name), content, 0o600);
}

/** Puts another certificate of the gateway's in place and calls until the backend sees it. */
async function rotate(put = replaceFiles, cn: string | readonly string[] = 'passband-gateway'): Promise<void> {
  const { certPem, keyPem } = await stack.pki.issue({ cn });
  await put({ 'gateway.crt': certPem, 'gateway.key': keyPem });
  const { serialNumber } = new X509Certificate(certPem);
  await until(
    'a new call shows the new certificate',
    async () => {
      expect((await caller.call('/v1/shelves/a/books/b')).status).toBe(200);
      return seenSerial();
    },
    (serial) => serial === serialNumber,
  );
}

test('an open call goes on both ways over the channel that it began on, through several rotations', async () => {
  const types = ['-H', 'content-type: application/x-ndjson', '-H', 'accept: application/x-ndjson'];
  const curl = stack.curl.start('/v1/books:shout', '--http1.1', ...types, '-X', 'POST', '-T', '.');
  for (const title of ['one', 'two', 'three']) {
    curl.write(`{"title":"${title}"}\n`);
    expect(await curl.readUntil('\n')).toBe(`{"title":"${title.toUpperCase()}"}\n`);
    await rotate();
  }
  curl.endInput();
  expect((await curl.ended).status).toBe(200);
});

async function lastOf(stream: EventStream): Promise<unknown> {
  let last: string | undefined;
  for await (const { event, data } of stream) last = event === 'end' ? data : last;
  return JSON.parse(last ?? 'null');
}

test('channels of before are bounded: the call on the oldest ends when there are too many', async () => {
  const first = await caller.events('/v1/shelves/a/books:watch');
  const ends = [lastOf(first)];
  for (let rotation = 0; rotation < 4; rotation++) {
    await rotate();
    ends.push(lastOf(await caller.events('/v1/shelves/a/books:watch')));
  }
  await rotate();
  expect(await ends[0]).toMatchObject({ code: 14 });
});

test('a backend of another make that takes a certificate without one plain name has a gateway that is ready', async () => {
  await rotate(replaceFiles, ['one', 'two']);
  expect((await caller.call('/readyz')).status).toBe(200);
});

test('a Kubernetes volume is swapped as a whole', async () => {
  const volume = await mountedAsVolume(stack.pki.dir);
  await rotate(volume.swap);
  await rotate(volume.swap);
});

test('a backend whose certificate is revoked loses its calls, and gets no new one', async () => {
  const watching = lastOf(await caller.events('/v1/shelves/a/books:watch'));
  stack.library.hold('LendBook');
  const lending = caller.call('/v1/shelves/a/books/b:lend', { method: 'POST' });
  await stack.library.next('LendBook');
  await new Revoker(stack.pki).revoke(await stack.pki.pair('backend'));
  expect(await watching).toMatchObject({ code: 14, message: 'the backend is unavailable' });
  expect((await lending).status).toBe(503);
  expect((await caller.call('/v1/shelves/a/books/b')).status).toBe(503);
  expect(stack.logs).toContainEqual(
    expect.objectContaining({
      fault: "the backend's certificate has been revoked",
      msg: 'calls to the backend are ended',
    }),
  );
});
