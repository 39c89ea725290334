import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { PAGES } from '../../src/gateway/pages.ts';
import { linesOf } from '../audit/journal-under-test.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { expectProblem } from '../support/problem.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

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

/** What would be 404, 405 or 400, and `Allow` with it. */
const LED_NOWHERE: readonly (readonly [string, string, number])[] = [
  ['GET', '/nope', 404],
  ['GET', '/v1/stations/', 404],
  ['GET', '/v1/%zz', 400],
  ['GET', `/${'x'.repeat(9000)}`, 414],
  ['DELETE', '/v1/stations', 405],
  ['GET', '/v1/stations/x/iq:push', 405],
  ['HEAD', '/v1/stations/sim-1/iq', 405],
  ['POST', '/whoami', 405],
  ['OPTIONS', '/', 405],
];

describe('nor does it show what there is', () => {
  test.each(LED_NOWHERE)('%s %.30s', async (method, path, status) => {
    const headers = { 'x-request-id': `${status}-${LED_NOWHERE.findIndex((row) => row[1] === path)}` };
    const answer = await stranger.call(path, { method, headers });
    expect([answer.status, answer.headers.allow]).toEqual([403, undefined]);
    const mine = async () => {
      const lines = await linesOf(join(stack.certsDir, 'audit', 'gateway.jsonl'));
      return lines.filter(({ requestId }) => requestId === headers['x-request-id']);
    };
    expect(await until('its line', mine, ({ length }) => length > 0)).toEqual([
      expect.objectContaining({
        event: 'decision',
        outcome: 'deny',
        code: 'PERMISSION_DENIED',
        cn: 'oran-client',
        reason: 'no rule names this caller',
        resource: expect.stringMatching(path.slice(0, 100)),
      }),
    ]);
    expect((await dashboard.call(path, { method })).status).toBe(status);
  });

  it('and they are counted', async () => {
    const { values = [] } = (await stack.registry.getSingleMetric('passband_denied_total')?.get()) ?? {};
    expect(values.find(({ labels }) => labels.rpc === '')?.value).toBe(LED_NOWHERE.length);
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

describe('nor what a call takes, which is not looked at', () => {
  test.each([
    ['a parameter that there is not', '/v1/stations?nope=1', {}],
    ['a number that is none', '/v1/stations/sim-1/spectrum?fft_size=many', {}],
    ['a form that nobody has', '/v1/stations/sim-1/iq', { headers: { accept: 'image/png' } }],
    ['a deadline that is none', '/v1/stations', { headers: { 'x-request-timeout': 'soon' } }],
    [
      'a body of a type that is not taken',
      '/v1/stations/sim-1:start',
      { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'x' },
    ],
  ] as const)('%s', async (_what, path, options) => {
    const { status, text } = await dashboard.call(path, options);
    expect([status, text]).toEqual([403, expect.stringContaining('no rule allows this caller the method')]);
  });
});

it('the backend behind has not been asked', async () => {
  expect((await stack.backendCalls()).total).toBe(0);
});
