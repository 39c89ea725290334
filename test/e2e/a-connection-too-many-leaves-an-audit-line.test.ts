import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { linesOf } from '../audit/journal-under-test.ts';
import { pairIn } from '../support/https.ts';
import { rawConnect, rawConnected, rawExchange, requestText, untilClosed } from '../support/raw.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
let held: TLSSocket;

beforeAll(async () => {
  stack = await startStack({ backend: false, flags: { host: '::', 'max-connections-per-cn': '1' } });
});
afterAll(async () => {
  held?.destroy();
  await stack?.close();
});

const left = async () => {
  const lines = await linesOf(join(stack.certsDir, 'audit', 'gateway.jsonl'));
  return lines.filter(({ event }) => event === 'decision');
};

it('with who it was and from where, an IPv4 address as people write it', async () => {
  const as = { port: stack.port, caPem: stack.pki.caPem };
  const pair = pairIn(stack.certsDir, 'client');
  held = await rawConnected({ ...as, pair });
  expect((await untilClosed(rawConnect({ ...as, pair }))).status).toBe(0);
  const one = { event: 'decision', outcome: 'deny', cn: 'oran-client', remote: '127.0.0.1' };
  const tooMany = { ...one, code: 'RESOURCE_EXHAUSTED', reason: 'more than 1 connections of one holder' };
  expect(await until('its line', left, ({ length }) => length > 0)).toEqual([expect.objectContaining(tooMany)]);

  const other = pairIn(stack.certsDir, 'dashboard');
  expect((await rawExchange({ ...as, pair: other }, requestText('GET', '/nowhere'))).status).not.toBe(0);
  const requests = () => stack.logs.filter(({ msg }) => msg === 'request');
  expect(await until('the request is logged', requests, ({ length }) => length > 0)).toEqual([
    expect.objectContaining({ cn: 'dash-1', remote: '127.0.0.1' }),
  ]);
});
