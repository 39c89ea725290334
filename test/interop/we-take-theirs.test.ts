// needs: openssl, easyrsa, curl
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { verifyFile } from '../../src/pki/verify.ts';
import { curlOf } from '../support/curl.ts';
import { callerOf, pairIn } from '../support/https.ts';
import { startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';
import { easyRsaFolder, type ForeignFolder, opensslFolder } from './foreign-folder.ts';

const MAKERS: readonly (readonly [what: string, make: () => Promise<ForeignFolder>])[] = [
  ['openssl, EC P-256', () => opensslFolder('EC P-256', false)],
  ['openssl, EC P-384 with an intermediate', () => opensslFolder('EC P-384', true)],
  ['openssl, RSA 2048', () => opensslFolder('RSA 2048', false)],
  ['openssl, RSA 2048 with an intermediate', () => opensslFolder('RSA 2048', true)],
  ['openssl, Ed25519 with an intermediate', () => opensslFolder('Ed25519', true)],
  ['easy-rsa, RSA', () => easyRsaFolder('rsa')],
  ['easy-rsa, EC', () => easyRsaFolder('ec')],
];

test.each(MAKERS)('%s: gateway, hop and backend work with it, and its revocation ends a stream', async (_, make) => {
  const folder = await make();
  const { dir } = folder;
  const verdict = async (name: string): Promise<readonly string[]> =>
    (await verifyFile(dir, join(dir, `${name}.crt`))).faults;
  expect(await verdict('client')).toEqual([]);

  const stack = await startStack({ flags: { certs: dir } });
  const caller = callerOf(stack.gatewayUrl, await readFile(join(dir, 'ca.crt'), 'utf8'), pairIn(dir, 'client'));
  try {
    const client = curlOf(stack.gatewayUrl, dir);
    const who = await client('/whoami');
    expect([who.status, who.json().cn]).toEqual([200, 'oran-client']);
    expect((await client('/v1/stations')).status).toBe(200);

    const stream = await caller.events('/v1/stations/sim-1/spectrum:stream');
    expect(stream.status).toBe(200);
    const events: string[] = [];
    const over = (async () => {
      for await (const { event = 'message', data } of stream) events.push(event === 'end' ? `end ${data}` : event);
    })();
    await until('the stream runs', () => events.includes('message'));
    await folder.revoke('client');
    await over;
    expect(events.at(-1)).toMatch(/^end .*UNAUTHENTICATED|^end .*"code":16/);

    expect(await verdict('client')).toEqual([expect.stringContaining('revoked')]);
    const refused = await client('/whoami');
    expect([refused.status, refused.text()]).toEqual([401, expect.stringContaining('revoked')]);
    // The list names nobody else.
    expect((await curlOf(stack.gatewayUrl, dir, 'dashboard')('/whoami')).status).toBe(200);
    expect((await curlOf(stack.gatewayUrl, dir, 'dashboard')('/v1/stations')).status).toBe(200);
  } finally {
    await caller.close();
    await stack.close();
    await folder.remove();
  }
});
