import { X509Certificate } from 'node:crypto';
import { Metadata, type StatusObject } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, it, test } from '@jest/globals';
import { messageType } from '../../src/backend/protos.ts';
import { identityFromCertificate } from '../../src/gateway/guard/identity.ts';
import { identityToJson } from '../../src/gateway/guard/identity-json.ts';
import type { Policy } from '../../src/gateway/guard/policy.ts';
import type { Material } from '../../src/trust/material.ts';
import type { Reloadable } from '../../src/trust/reloadable.ts';
import { makeTestPki, type TestFiles, type TestPki } from '../support/pki.ts';
import { BackendUnderTest, backendMaterial, type Caller, policyOf } from './backend-under-test.ts';
import { Changeable } from './changeable.ts';

const policy = (delegate: string): Policy =>
  policyOf(`version: 1
delegates: ["cn:${delegate}"]
rules: [{ name: all, subjects: ["cn:oran-client"], allow: [{ methods: ["sdr.oran.StationService/*", "grpc.health.v1.Health/*"] }] }]
`);

let pki: TestPki;
let material: Changeable<Material<'backend'>>;
let rules: Changeable<Policy>;
let backend: BackendUnderTest;
beforeEach(async () => {
  pki = await makeTestPki();
  material = new Changeable(await backendMaterial(pki));
  rules = new Changeable(policy('passband-gateway'));
  backend = await BackendUnderTest.start({ pki, material, policy: rules });
});
afterEach(async () => {
  await backend.stop();
  await pki.remove();
});

const revoke = async (who: TestFiles): Promise<void> => {
  await pki.revoke(who.certPem);
  material.set(await backendMaterial(pki, material.current()));
};

/** An identity as a gateway forwards it, and the same once more. */
function forwarding({ certPem }: TestFiles, times = 1): Metadata {
  const metadata = new Metadata();
  const identity = identityToJson(identityFromCertificate(new X509Certificate(certPem).raw));
  for (let time = 0; time < times; time++) metadata.add('x-passband-identity', identity);
  return metadata;
}

/** How a call ended, and what the details of its status say besides: reasons, or undefined where it has none. */
async function refusal(who: 'gateway' | 'client', metadata: Metadata): Promise<[number, string, unknown]> {
  const stations: Caller = await backend.client('sdr.oran.StationService', who);
  const error = await stations.unary('ListStations', {}, metadata).then(
    () => undefined,
    (error: unknown) => error as StatusObject,
  );
  const { code = 0, details = '', metadata: trailers = new Metadata() } = error ?? {};
  return [code, details, infosOf(trailers)];
}

function infosOf(trailers: Metadata): unknown {
  const [packed] = trailers.get('grpc-status-details-bin');
  if (!Buffer.isBuffer(packed)) return undefined;
  const status = messageType('google.rpc.Status').deserialize(packed) as {
    readonly details: readonly { readonly type_url: string; readonly value: Buffer }[];
  };
  return status.details.map(({ type_url: type, value }) => {
    expect(type).toBe('type.googleapis.com/google.rpc.ErrorInfo');
    return messageType('google.rpc.ErrorInfo').deserialize(value);
  });
}

const MARK = [{ reason: 'PEER_REFUSED', domain: 'passband', metadata: {} }];
const REVOKED = 'the client certificate has been revoked';
const NO_DELEGATE = 'this peer may not call on behalf of others; leave x-passband-identity out';

const pair = (name: 'client' | 'gateway'): Promise<TestFiles> => pki.pair(name);

test('a revoked delegate', async () => {
  await revoke(await pair('gateway'));
  expect(await refusal('gateway', forwarding(await pair('client')))).toEqual([16, REVOKED, MARK]);
});

test('one that is no delegate', async () => {
  rules.set(policy('another-gateway'));
  expect(await refusal('gateway', forwarding(await pair('client')))).toEqual([7, NO_DELEGATE, MARK]);
});

test('a delegate whose word of for whom it speaks cannot be read', async () => {
  expect(await refusal('gateway', forwarding(await pair('client'), 2))).toEqual([
    16,
    'the forwarded identity is malformed',
    MARK,
  ]);
});

test('a good delegate, and the one for whom it speaks has no standing or no right', async () => {
  expect(await refusal('gateway', forwarding(await pki.issue({ cn: 'stranger' })))).toEqual([
    7,
    expect.any(String),
    undefined,
  ]);
  await revoke(await pair('client'));
  expect(await refusal('gateway', forwarding(await pair('client')))).toEqual([16, REVOKED, undefined]);
});

test('who calls without an identity of others is told what it was always told, and no more', async () => {
  const none = new Metadata();
  expect((await refusal('gateway', none)).slice(0, 3)).toEqual([7, expect.any(String), undefined]);
  expect(await refusal('client', none)).toEqual([0, '', undefined]);
  await revoke(await pair('client'));
  expect(await refusal('client', none)).toEqual([16, REVOKED, undefined]);
  await revoke(await pair('gateway'));
  expect(await refusal('gateway', none)).toEqual([16, REVOKED, undefined]);
});

it('is so, too, where a round of questions to responders finds out first', async () => {
  // A change of which nobody is told: as when a clock is set, until the timers have seen it.
  let now = material.current();
  const silent: Reloadable<Material<'backend'>> = {
    current: () => now,
    onChange: () => () => {},
    reload: async () => true,
    close: () => {},
  };
  const asking = await BackendUnderTest.start({
    pki,
    material: silent,
    policy: rules,
    ocsp: { fault: async () => undefined },
  });
  try {
    const health = await asking.client('sdr.oran.StationService', 'gateway');
    const watched = health.raw.makeServerStreamRequest(
      '/grpc.health.v1.Health/Watch',
      (): Buffer => Buffer.alloc(0),
      (bytes: Buffer) => bytes,
      {},
      forwarding(await pair('client')),
    );
    const ended = new Promise<StatusObject>((resolve) => watched.once('status', resolve));
    watched.on('error', () => {});
    await new Promise((resolve) => watched.once('data', resolve));
    await pki.revoke((await pair('gateway')).certPem);
    now = await backendMaterial(pki, now);
    const { code, details, metadata } = await ended;
    expect([code, details, infosOf(metadata)]).toEqual([16, REVOKED, MARK]);
  } finally {
    await asking.stop();
  }
});
