import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { PAGES } from '../../src/gateway/pages.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { expectProblem } from '../support/problem.ts';
import { type Stack, startStack } from '../support/stack.ts';

const POLICY = `version: 1
delegates: ["cn:passband-gateway"]
rules:
  - name: one page
    subjects: ["cn:dash-*"]
    allow: [{ methods: ["passband.Gateway/WhoAmI"] }]
`;
let stack: Stack;
let stranger: Caller;
let dashboard: Caller;

beforeAll(async () => {
  stack = await startStack({ policy: POLICY });
  stranger = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
  dashboard = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'dashboard'));
});
afterAll(async () => {
  await Promise.all([stranger?.close(), dashboard?.close()]);
  await stack?.close();
});

const API = ['/v1/stations', '/v1/stations/sim-1', '/v1/stations/sim-1/iq', '/v1/stations/sim-1/spectrum'];
const paths = [...PAGES.map(({ path }) => path), ...API];

describe('a good certificate alone opens nothing', () => {
  test.each(paths)('%s', async (path) => {
    const { status, headers, text } = await stranger.call(path);
    expectProblem(
      { status, contentType: headers['content-type'], body: text },
      { status: 403, code: 'PERMISSION_DENIED' },
    );
    expect(text).toContain('no rule names this caller');
  });

  test.each(PAGES.map(({ path }) => path))('HEAD %s', async (path) => {
    expect((await stranger.call(path, { method: 'HEAD' })).status).toBe(403);
  });
});

describe('a rule opens what it names and no more', () => {
  it('the page that it names', async () => {
    expect((await dashboard.call('/whoami')).status).toBe(200);
  });

  test.each(paths.filter((path) => path !== '/whoami'))('not %s', async (path) => {
    const { status, text } = await dashboard.call(path);
    expect(status).toBe(403);
    expect(text).toContain('no rule allows this caller the method');
  });
});

it('the backend behind has not been asked', async () => {
  expect((await stack.backendCalls()).total).toBe(0);
});
