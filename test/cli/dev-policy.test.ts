import { expect, it } from '@jest/globals';
import { loadKnownMethods } from '../../src/cli/known-methods.ts';
import { loadDescriptors, PASSBAND_PROTO } from '../../src/descriptors.ts';
import { decide } from '../../src/gateway/guard/decide.ts';
import type { Identity } from '../../src/gateway/guard/identity.ts';
import { DEV_POLICY, parsePolicy } from '../../src/gateway/guard/policy.ts';
import { PAGE_METHODS } from '../../src/gateway/pages.ts';

const NAMED: Omit<Identity, 'cn'> = {
  organizations: [],
  organizationalUnits: [],
  dns: [],
  uris: [],
  emails: [],
  sha256: '00'.repeat(32),
  serial: '01',
  issuer: 'CN=ca',
  notBeforeMs: 0,
  notAfterMs: 1,
};

/** What the development policy lets a common name call, of all that a policy may name. */
async function allowedTo(cn: string): Promise<string[]> {
  const known = await loadKnownMethods([]);
  const policy = parsePolicy(DEV_POLICY, 'policy.yaml', known);
  return [...known.names()].filter((method) => decide(policy, { ...NAMED, cn }, method, undefined, 0).allow).sort();
}

it('lets a dashboard call whatever reads, and the pages, and nothing else', async () => {
  const { methods } = await loadDescriptors({ paths: [PASSBAND_PROTO] });
  // NO_SIDE_EFFECTS: no method of Passband's own protos is declared IDEMPOTENT, which would write.
  const reads = [...methods.values()].filter(({ idempotent }) => idempotent).map(({ name }) => name);
  expect(reads.length).toBeGreaterThan(10);
  expect(await allowedTo('dash-1')).toEqual([...reads, ...PAGE_METHODS].sort());
});

it('lets the developer call everything, and others nothing', async () => {
  expect(await allowedTo('oran-client')).toEqual([...(await loadKnownMethods([])).names()].sort());
  expect(await allowedTo('dash')).toEqual([]);
});
