import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Metadata } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { identityFromCertificate } from '../../src/gateway/guard/identity.ts';
import { identityToJson } from '../../src/gateway/guard/identity-json.ts';
import type { Policy } from '../../src/gateway/guard/policy.ts';
import { createAuthority } from '../../src/pki/authority.ts';
import type { Material } from '../../src/trust/material.ts';
import { narrowStation } from '../support/narrow-station.ts';
import type { TestFiles } from '../support/pki.ts';
import { makeTestPki, type TestPki } from '../support/pki.ts';
import { until } from '../support/until.ts';
import { BackendUnderTest, backendMaterial, type Caller, policyOf, refusal } from './backend-under-test.ts';
import { Changeable } from './changeable.ts';
import { FrameRun } from './frame-run.ts';

const RULES = {
  developer: '- { name: developer, subjects: ["cn:oran-client"], allow: [{ methods: ["*"] }] }',
  dashboards: '- { name: dashboards, subjects: ["cn:dash-*"], allow: [{ methods: ["sdr.oran.IQStreamService/*"] }] }',
  stationsOnly: '- { name: looks, subjects: ["cn:dash-*"], allow: [{ methods: ["sdr.oran.StationService/*"] }] }',
  simOnly:
    '- { name: sim, subjects: ["cn:dash-*"], allow: [{ methods: ["sdr.oran.IQStreamService/*"], where: { station_id: ["sim-*"] } }] }',
} as const;

const policy = (delegates: string, ...rules: (keyof typeof RULES)[]): Policy =>
  policyOf(`version: 1\ndelegates: [${delegates}]\nrules:\n${rules.map((rule) => `  ${RULES[rule]}\n`).join('')}`);

const STATIONS = ['sim-1', 'adsb'].map(narrowStation);

const GATEWAY = '"cn:passband-gateway"';
const UNAUTHENTICATED = 16;
const PERMISSION_DENIED = 7;
const HOUR_MS = 3_600_000;

describe('who loses a right at the backend while calls are open', () => {
  let pki: TestPki;
  let material: Changeable<Material<'backend'>>;
  let rules: Changeable<Policy>;
  let backend: BackendUnderTest;
  let lost: TestFiles;
  let other: TestFiles;

  beforeEach(async () => {
    pki = await makeTestPki();
    material = new Changeable(await backendMaterial(pki));
    rules = new Changeable(policy(GATEWAY, 'developer', 'dashboards'));
    backend = await BackendUnderTest.start({ pki, material, policy: rules, stations: STATIONS });
    [lost, other] = [await pki.issue({ cn: 'dash-lost' }), await pki.issue({ cn: 'dash-other' })];
  });
  afterEach(async () => {
    await backend.stop();
    await pki.remove();
  });

  const caller = (who: TestFiles | 'gateway'): Promise<Caller> => backend.client('sdr.oran.IQStreamService', who);

  /** A stream that has begun. */
  async function open(who: Caller, metadata?: Metadata, stationId = 'sim-1'): Promise<FrameRun> {
    const run = new FrameRun(who.stream('SubscribeIQ', { station_id: stationId, batch_size_samples: 1024 }, metadata));
    await run.more(5);
    return run;
  }

  async function revoke(...who: readonly TestFiles[]): Promise<void> {
    await pki.revoke(...who.map(({ certPem }) => certPem));
    material.set(await backendMaterial(pki, material.current()));
  }

  const behalfOf = ({ certPem }: TestFiles): Metadata => {
    const metadata = new Metadata();
    metadata.set('x-passband-identity', identityToJson(identityFromCertificate(new X509Certificate(certPem).raw)));
    return metadata;
  };

  /** Connections that the backend has. */
  const connections = (): Promise<number> => backend.connections();

  it('a revoked client: its stream ends, its connection is closed, and another loses no frame', async () => {
    const [mine, theirs] = [await open(await caller(lost)), await open(await caller(other))];
    expect(await connections()).toBe(2);
    await revoke(lost);
    expect(await mine.end).toMatchObject({ code: UNAUTHENTICATED, details: 'the client certificate has been revoked' });
    await backend.connectionsBecome(1);
    await theirs.more(50);
    expect(theirs).toMatchObject({ missing: 0, ended: false });
    theirs.stream.cancel();
  });

  it('a revoked client does not come in again, and is told why', async () => {
    const run = await open(await caller(lost));
    await revoke(lost);
    await run.end;
    expect(await refusal((await caller(lost)).unary('GetStreamStats', { station_id: 'sim-1' }))).toBe(
      '16: the client certificate has been revoked',
    );
    await backend.connectionsBecome(0);
  });

  it('a revoked client loses a unary call that is under way', async () => {
    const who = await caller(lost);
    // Reflection and streams aside, a call is long when its answer is: this one waits for samples of most of a minute.
    const spectrum = await backend.client('sdr.oran.SpectrumMonitorService', lost);
    rules.set(policyOf('version: 1\nrules: [{ name: all, subjects: ["cn:*"], allow: [{ methods: ["*"] }] }]'));
    const answer = refusal(spectrum.unary('GetSpectrum', { station_id: 'sim-1', fft_size: 65536, averaging: 100 }));
    const run = await open(who);
    await revoke(lost);
    await run.end;
    expect(await answer).toBe('16: the client certificate has been revoked');
  });

  it('a revoked delegate loses the calls of all for whom it speaks', async () => {
    const gateway = await caller('gateway');
    const runs = [await open(gateway, behalfOf(lost)), await open(gateway, behalfOf(other))];
    const direct = await open(await caller(other));
    await revoke(await pki.pair('gateway'));
    for (const run of runs) expect(await run.end).toMatchObject({ code: UNAUTHENTICATED });
    await backend.connectionsBecome(1);
    await direct.more(20);
    expect(direct.missing).toBe(0);
    direct.stream.cancel();
  });

  it('somebody who is revoked behind a delegate: that call ends, and no other on the connection', async () => {
    const gateway = await caller('gateway');
    const [mine, theirs] = [await open(gateway, behalfOf(lost)), await open(gateway, behalfOf(other))];
    await revoke(lost);
    expect(await mine.end).toMatchObject({ code: UNAUTHENTICATED, details: 'the client certificate has been revoked' });
    await theirs.more(50);
    expect(theirs).toMatchObject({ missing: 0, ended: false });
    expect(await refusal(gateway.unary('GetStreamStats', { station_id: 'sim-1' }, behalfOf(lost)))).toMatch(/^16: /);
    expect(await connections()).toBe(1);
    theirs.stream.cancel();
  });

  it('a delegate that is none any more', async () => {
    const run = await open(await caller('gateway'), behalfOf(other));
    rules.set(policy('"cn:another-gateway"', 'developer', 'dashboards'));
    expect(await run.end).toMatchObject({ code: PERMISSION_DENIED });
    await backend.connectionsBecome(0);
  });

  it('a client whose right is taken from the policy, and one who keeps it under another rule', async () => {
    const who = await caller(lost);
    const [sim, adsb] = [await open(who, undefined, 'sim-1'), await open(who, undefined, 'adsb')];
    rules.set(policy(GATEWAY, 'developer', 'simOnly'));
    expect(await adsb.end).toMatchObject({
      code: PERMISSION_DENIED,
      details: 'rule "sim" allows this caller the method, but not with this request',
    });
    await sim.more(50);
    expect(sim).toMatchObject({ missing: 0, ended: false });
    sim.stream.cancel();
    await sim.end;
    // The rule at the end is the one that allowed it last.
    const line = await until('the line of the call', () =>
      backend.log.find(({ msg, code }) => msg === 'call' && code === 'CANCELLED'),
    );
    expect(line).toMatchObject({ rule: 'sim' });
  });

  it('a client whom a rule still names keeps its connection, and loses it with the last rule', async () => {
    const run = await open(await caller(lost));
    rules.set(policy(GATEWAY, 'stationsOnly'));
    expect(await run.end).toMatchObject({ code: PERMISSION_DENIED });
    const stations = await backend.client('sdr.oran.StationService', lost);
    expect(await refusal(stations.unary('ListStations', {}))).toBe('no error');
    rules.set(policy(GATEWAY, 'developer'));
    await backend.connectionsBecome(0);
  });

  it('clients of a CA that is taken out of the bundle', async () => {
    const day = 24 * HOUR_MS;
    const validity = { notBefore: new Date(Date.now() - day), notAfter: new Date(Date.now() + day) };
    const second = await createAuthority('Second CA', validity);
    const bundle = join(pki.dir, 'ca.crt');
    const first = await readFile(bundle, 'utf8');
    await writeFile(bundle, first + second.certPem);
    material.set(await backendMaterial(pki, material.current()));
    const guest = await pki.issue({ cn: 'dash-guest', issuer: second });
    const [mine, theirs] = [await open(await caller(guest)), await open(await caller(other))];
    await writeFile(bundle, first);
    material.set(await backendMaterial(pki, material.current()));
    expect(await mine.end).toMatchObject({ code: UNAUTHENTICATED });
    await backend.connectionsBecome(1);
    await theirs.more(20);
    expect(theirs.missing).toBe(0);
    expect(await refusal((await caller(guest)).unary('GetStreamStats', { station_id: 'sim-1' }))).toMatch(/^14: /);
    theirs.stream.cancel();
  });

  const hours = (endsMs: number): Policy =>
    policyOf(`version: 1
delegates: [${GATEWAY}]
rules:
  - name: for-a-while
    subjects: ["cn:dash-*"]
    allow: [{ methods: ["*"], when: [{ notAfter: "${new Date(endsMs).toISOString()}" }] }]
`);

  it('a client at the end of its hours', async () => {
    rules.set(hours(Date.now() + HOUR_MS));
    const run = await open(await caller(other));
    rules.set(hours(Date.now() + 1500));
    expect(await run.end).toMatchObject({ code: PERMISSION_DENIED });
  });

  it('whoever has come to an end by a clock that is set forward', async () => {
    const soon = (cn: string): Promise<TestFiles> => pki.issue({ cn, notAfter: new Date(Date.now() + HOUR_MS / 2) });
    const [direct, forwarded] = [await soon('dash-direct'), await soon('dash-forwarded')];
    const gateway = await caller('gateway');
    const expired = [await open(await caller(direct)), await open(gateway, behalfOf(forwarded))];
    const theirs = await open(gateway, behalfOf(other));
    const now = Date.now.bind(Date);
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => now() + HOUR_MS);
    try {
      for (const run of expired) expect(await run.end).toMatchObject({ code: UNAUTHENTICATED });
      await theirs.more(20);
      expect(theirs).toMatchObject({ missing: 0, ended: false });
      rules.set(hours(now() + 1.5 * HOUR_MS));
      clock.mockImplementation(() => now() + 2 * HOUR_MS);
      expect(await theirs.end).toMatchObject({ code: PERMISSION_DENIED });
    } finally {
      clock.mockRestore();
    }
  });

  it('everybody whose CA has a revocation list that goes out of date', async () => {
    await pki.crl([], { nextUpdate: new Date(Date.now() + HOUR_MS / 2) });
    material.set(await backendMaterial(pki, material.current()));
    const [direct, forwarded] = [await open(await caller(lost)), await open(await caller('gateway'), behalfOf(other))];
    const now = Date.now.bind(Date);
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => now() + HOUR_MS);
    try {
      const details = 'the revocation list for the client certificate is out of date';
      expect(await direct.end).toMatchObject({ code: UNAUTHENTICATED, details });
      // Of two certificates whose list it is, either may be named.
      expect(await forwarded.end).toMatchObject({ details: expect.stringMatching(/revocation list .* out of date/) });
      await backend.connectionsBecome(0);
    } finally {
      clock.mockRestore();
    }
  });

  it('a client that does not read is cut all the same', async () => {
    const run = new FrameRun((await caller(lost)).stream('SubscribeIQ', { station_id: 'sim-1' }));
    await once(run.stream, 'metadata');
    run.stream.pause();
    await revoke(lost);
    await backend.connectionsBecome(0);
  });

  it('an idle connection, too', async () => {
    await refusal((await caller(lost)).unary('GetStreamStats', { station_id: 'sim-1' }));
    expect(await connections()).toBe(1);
    await revoke(lost);
    await backend.connectionsBecome(0);
  });

  it('nobody, when something changes that concerns nobody', async () => {
    const run = await open(await caller(other));
    await revoke(await pki.issue({ cn: 'dash-gone' }));
    rules.set(policy(GATEWAY, 'dashboards'));
    await run.more(50);
    expect(run).toMatchObject({ missing: 0, ended: false });
    run.stream.cancel();
  });
});
