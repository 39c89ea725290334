import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { pairIn } from '../support/https.ts';
import { expectProblem } from '../support/problem.ts';
import { type RawOptions, rawExchange, requestText } from '../support/raw.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { STRANGE_TARGETS } from './strange-targets.ts';

let stack: Stack;
let to: RawOptions;

beforeAll(async () => {
  stack = await startStack();
  to = { port: stack.port, caPem: stack.pki.caPem, pair: pairIn(stack.certsDir, 'client') };
});
afterAll(async () => {
  await stack?.close();
});

it.each(STRANGE_TARGETS)('%s: refused with a problem document', async (_name, target, status) => {
  const answer = await rawExchange(to, requestText('GET', target));
  expectProblem({ ...answer, contentType: answer.headers.get('content-type') }, { status });
});

it.each([
  ['no Host', 'GET /v1/stations HTTP/1.1\r\nConnection: close\r\n\r\n'],
  ['two Hosts', requestText('GET', '/v1/stations', ['Host: elsewhere'])],
  ['headers of seventeen kilobytes', requestText('GET', '/v1/stations', [`x: ${'y'.repeat(17_000)}`])],
  ['a hundred and fifty headers', requestText('GET', '/v1/stations', Array(150).fill('x: y'))],
  ['a length and chunks at once', requestText('POST', '/v1', ['Content-Length: 1', 'Transfer-Encoding: chunked'])],
  ['what is no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
])('%s: refused with a problem document', async (_name, text) => {
  const answer = await rawExchange(to, text);
  expect([400, 431]).toContain(answer.status);
  expectProblem({ ...answer, contentType: answer.headers.get('content-type') }, { status: answer.status });
});

it('takes the absolute form of a target, as proxies send it', async () => {
  for (const target of ['https://localhost/v1/stations', 'https://localhost/healthz']) {
    expect((await rawExchange(to, requestText('GET', target))).status).toBe(200);
  }
});
