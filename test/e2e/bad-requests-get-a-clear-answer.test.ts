import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { expectProblem } from '../support/problem.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';
import { BAD_REQUESTS, MAX_BODY_BYTES } from './bad-requests.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ flags: { 'max-body-bytes': String(MAX_BODY_BYTES) } });
});
afterAll(async () => {
  await stack?.close();
});

describe.each([
  ['HTTP/1.1', false],
  ['HTTP/2', true],
] as const)('over %s', (_version, http2) => {
  let client: Caller;
  beforeAll(() => {
    client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'), http2);
  });
  afterAll(() => client?.close());
  afterEach(async () => {
    expect((await client.call('/healthz')).status).toBe(200);
  });

  const cases = BAD_REQUESTS.filter(({ http1Only }) => !(http2 && http1Only === true));
  it.each(cases)('$name: $status', async ({ path, method = 'GET', headers = {}, body, ...expected }) => {
    const options = { method, headers, ...(body === undefined ? {} : { body }) };
    const answer = await client.call(path, options);
    const problem = expectProblem(
      { ...answer, contentType: answer.headers['content-type'], body: answer.text },
      expected,
    );
    expect(answer.headers['x-request-id']).toBe(problem.requestId);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.headers.allow).toBe(expected.allow);
    // One line in the log, by the id that the caller was told.
    const mine = () => stack.logs.filter(({ msg, requestId }) => msg === 'request' && requestId === problem.requestId);
    const [line] = await until('the request is logged', mine, ({ length }) => length > 0);
    expect(line).toMatchObject({ status: expected.status, code: expected.code, cn: 'oran-client' });
  });
});
