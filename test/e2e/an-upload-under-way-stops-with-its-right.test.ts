import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { callerOf } from '../support/https.ts';
import { type LibraryStack, OPEN_POLICY, startLibraryStack } from '../support/library-stack.ts';
import type { TestFiles } from '../support/pki.ts';
import { rawConnected, untilClosed } from '../support/raw.ts';
import { Revoker, replaceFile } from '../support/revocation.ts';
import { until } from '../support/until.ts';

let stack: LibraryStack;
let policyFile: string;
let revoker: Revoker;
beforeAll(async () => {
  stack = await startLibraryStack();
  policyFile = join(stack.pki.dir, 'policy.yaml');
  revoker = new Revoker(stack.pki);
});
afterAll(() => stack?.close());
afterEach(async () => {
  await writeFile(policyFile, OPEN_POLICY);
  const caller = callerOf(stack.gatewayUrl, stack.pki.caPem, await stack.pki.issue());
  await until(
    'all is allowed again',
    () => caller.call('/v1/shelves/a/books/b/cover'),
    ({ status }) => status === 200,
  );
  await caller.close();
});

/** A call that answers once, with a body; half of it comes. */
const PATH = '/v1/shelves/a/books';
const HALF = '{"title":';
const port = (): number => Number(new URL(stack.gatewayUrl).port);

/** An upload of which half has been sent. */
interface Upload {
  /** Status and body of its answer, once its connection (HTTP/1.1) or stream (HTTP/2) is closed. */
  readonly answer: Promise<{ readonly status: number; readonly body: string; readonly reset?: number }>;
  close(): void;
}

async function overHttp1(pair: TestFiles): Promise<Upload> {
  const socket = await rawConnected({ port: port(), caPem: stack.pki.caPem, pair });
  const answer = untilClosed(socket);
  const going = once(socket, 'data');
  const head = [`POST ${PATH} HTTP/1.1`, 'Host: localhost', 'Content-Type: application/json', 'Content-Length: 40'];
  socket.write([...head, 'Expect: 100-continue', '', ''].join('\r\n'));
  await going;
  socket.write(HALF);
  return {
    answer: answer.then(({ text }) => {
      // Behind the interim answer.
      const [, head = '', body = ''] = text.split('\r\n\r\n');
      return { status: Number(head.split(' ')[1]), body };
    }),
    close: () => socket.destroy(),
  };
}

async function overHttp2(pair: TestFiles): Promise<Upload> {
  const options = { ca: stack.pki.caPem, cert: pair.certPem, key: pair.keyPem };
  const session = connectHttp2(`https://localhost:${port()}`, options);
  session.on('error', () => {});
  const stream = session.request({
    ':method': 'POST',
    ':path': PATH,
    'content-type': 'application/json',
    expect: '100-continue',
  });
  stream.on('error', () => {});
  let status = 0;
  let body = '';
  stream.on('response', (headers) => {
    status = Number(headers[':status']);
  });
  stream.setEncoding('utf8').on('data', (text: string) => {
    body += text;
  });
  const closed = new Promise((resolve) => stream.once('close', resolve));
  await once(stream, 'continue');
  stream.write(HALF);
  return {
    answer: closed.then(() => ({ status, body, reset: stream.rstCode })),
    close: () => session.destroy(),
  };
}

/** Waits until one more change of rights has ended one call: that it was under way when the right was lost. */
async function oneCallEnded(during: () => Promise<void>): Promise<void> {
  const ended = () => stack.logs.filter(({ msg }) => msg === 'ended what has lost its right');
  const before = ended().length;
  await during();
  await until('something has lost its right', () => ended().length > before);
  expect(ended().at(-1)).toMatchObject({ calls: 1 });
}

describe.each([
  ['HTTP/1.1', overHttp1],
  ['HTTP/2', overHttp2],
])('over %s', (_version, begin) => {
  it('is answered 401 and loses its connection when the certificate is revoked', async () => {
    const pair = await stack.pki.issue();
    const upload = await begin(pair);
    await oneCallEnded(() => revoker.revoke(pair));
    const { status, body, reset = 0 } = await upload.answer;
    expect([status, JSON.parse(body), reset]).toMatchObject([
      401,
      { code: 'UNAUTHENTICATED', detail: 'the client certificate has been revoked' },
      0,
    ]);
    upload.close();
  });

  it('is answered 403 and closed when the policy no longer allows it', async () => {
    const upload = await begin(await stack.pki.issue());
    await oneCallEnded(() =>
      replaceFile(policyFile, OPEN_POLICY.replace('["*"]', '["acme.library.v1.Library/GetBook"]')),
    );
    const { status, body, reset = 0 } = await upload.answer;
    expect([status, JSON.parse(body), reset]).toMatchObject([403, { code: 'PERMISSION_DENIED' }, 0]);
    upload.close();
  });
});

it('has reached nobody', () => {
  expect(stack.library.calls.filter(({ method }) => method === 'CreateBook')).toEqual([]);
});
