import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Caller, callerOf } from '../support/https.ts';
import type { TestFiles } from '../support/pki.ts';
import { Revoker } from '../support/revocation.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const OWN = ['backend', 'gateway', 'server'] as const;

let stack: Stack;
let revoker: Revoker;
const callers: Caller[] = [];

beforeAll(async () => {
  stack = await startStack();
  revoker = new Revoker(stack.pki);
});
afterAll(async () => {
  for (const caller of callers) await caller.close();
  await stack?.close();
});

/** A caller that holds no revocation lists, as most do. */
function callerFor(pair: TestFiles): Caller {
  const caller = callerOf(stack.gatewayUrl, stack.pki.caPem, pair);
  callers.push(caller);
  return caller;
}

const serialOf = ({ certPem }: TestFiles): string =>
  new X509Certificate(certPem).serialNumber.toLowerCase().replace(/^0+/, '');
const told = () => stack.logs.filter(({ msg }) => String(msg).startsWith('a certificate in use has been revoked'));

it('gateway and backend tell of each of theirs, show it in a metric, and go on refusing others', async () => {
  const [client, other] = [await stack.pki.issue(), await stack.pki.issue()];
  expect((await callerFor(client).call('/whoami')).status).toBe(200);
  expect(told()).toEqual([]);

  const own = await Promise.all(OWN.map((name) => stack.pki.pair(name)));
  await revoker.revoke(...own);
  await until('all of them are told', () => told().length >= OWN.length);
  expect(
    told()
      .map(({ level, name, serial }) => [level, name, serial])
      .sort(),
  ).toEqual(OWN.map((name, index) => [50, name, serialOf(own[index] as TestFiles)]));
  const text = await stack.registry.getSingleMetricAsString('passband_own_certificate_revoked');
  expect(text).toMatch(/\{name="server",serial="\w+"\} 1$/m);
  expect(text).toMatch(/\{name="gateway",serial="\w+"\} 1$/m);

  expect((await callerFor(other).call('/whoami')).status).toBe(200);
  await revoker.revoke(client);
  const answer = await until(
    'a revocation after that is heeded',
    () => callerFor(client).call('/whoami'),
    ({ status }) => status !== 200,
  );
  expect(answer.status).toBe(401);
  expect((await callerFor(other).call('/whoami')).status).toBe(200);
  expect(told()).toHaveLength(OWN.length);
});

it('is told at the start, which goes on', async () => {
  await stack.stopBackend();
  const before = told().length;
  await stack.startBackend();
  expect(
    told()
      .slice(before)
      .map(({ name }) => name),
  ).toEqual(['backend']);
});
