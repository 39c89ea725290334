// needs: openssl
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import type { StationConfig } from '../../src/backend/stations/station-config.ts';
import type { Policy } from '../../src/gateway/guard/policy.ts';
import type { Material } from '../../src/trust/material.ts';
import { makeTestPki, type TestCertificate, type TestFiles, type TestPki } from '../support/pki.ts';
import { until } from '../support/until.ts';
import { BackendUnderTest, backendMaterial, type LogLine, policyOf } from './backend-under-test.ts';
import { Changeable } from './changeable.ts';
import { ManualClock } from './manual-clock.ts';
import { RtlTcpClient } from './rtl-tcp-client.ts';
import { R820T_HEADER } from './rtl-tcp-server.ts';

const RATE_HZ = 100_000;
const STATION: StationConfig = {
  stationId: 'lab-1',
  description: '',
  source: { kind: 'sim', seed: 3, noiseDbfs: -20, sampleRateHz: RATE_HZ, centerFrequencyHz: 1e8 },
  rtlTcpListener: { host: '127.0.0.1', port: 0, tls: true },
};

/** A rule for cn:sdr-*, with what its entry says besides the method. */
const rule = (entry: string): Policy =>
  policyOf(`version: 1
rules:
  - name: programs
    subjects: ["cn:sdr-*"]
    allow: [{ methods: ["sdr.oran.IQStreamService/SubscribeIQ"]${entry} }]
  - name: others
    subjects: ["cn:dash-*"]
    allow: [{ methods: ["sdr.oran.SpectrumMonitorService/*"] }]
`);
/** Everything, for cn:sdr-*. */
const ALL = policyOf('version: 1\nrules: [{ name: all, subjects: ["cn:sdr-*"], allow: [{ methods: ["*"] }] }]');
const HERE = ', where: { station_id: ["lab-*"] }';

describe('a listener with TLS', () => {
  let pki: TestPki;
  let clock: ManualClock;
  let material: Changeable<Material<'backend'>>;
  let rules: Changeable<Policy>;
  let backend: BackendUnderTest;
  let metrics: Registry;
  let port: number;
  const clients: RtlTcpClient[] = [];

  /** Where the log of this test begins. */
  let logBegins = 0;

  const told = (text: string): readonly LogLine[] => backend.log.slice(logBegins).filter(({ msg }) => msg === text);

  beforeAll(async () => {
    pki = await makeTestPki();
    clock = new ManualClock();
    metrics = new Registry();
    material = new Changeable(await backendMaterial(pki));
    rules = new Changeable(rule(HERE));
    backend = await BackendUnderTest.start({ pki, clock, material, metrics, policy: rules, stations: [STATION] });
    port = Number((await until('it listens', () => told('rtl_tcp listener listens')[0]))?.port);
  });
  afterAll(async () => {
    await backend?.stop();
    await pki.remove();
  });
  beforeEach(() => {
    rules.set(rule(HERE));
    logBegins = backend.log.length;
  });
  afterEach(() => {
    for (const one of clients.splice(0)) one.stop();
  });

  function client(pair: TestFiles | undefined): RtlTcpClient {
    const made = new RtlTcpClient(port, { caPem: pki.caPem, pair });
    clients.push(made);
    return made;
  }
  const program = (certificate: TestCertificate = {}): Promise<TestFiles> =>
    pki.issue({ cn: 'sdr-console', ...certificate });

  /** Lets a second of samples come, and waits until a client has them, besides `before` bytes. */
  async function second(one: RtlTcpClient, before = 12): Promise<void> {
    for (let tick = 0; tick < 10; tick++) {
      clock.advance(100);
      await one.has(before + ((tick + 1) * 2 * RATE_HZ) / 10);
    }
  }

  it('serves whom the policy lets subscribe, and leaves their lines', async () => {
    const one = await client(await program()).served();
    expect(one.header()).toEqual(R820T_HEADER);
    await second(one);
    one.stop();
    const call = await until('the line', () => told('call').find(({ cn }) => cn === 'sdr-console'));
    expect(call).toMatchObject({
      rpc: 'sdr.oran.IQStreamService/SubscribeIQ',
      rule: 'programs',
      code: 'CANCELLED',
      bytesOut: 2 * RATE_HZ,
    });
    expect(await metrics.metrics()).toMatch(
      /grpc_server_handled_total\{grpc_service="sdr.oran.IQStreamService",grpc_method="SubscribeIQ",grpc_code="CANCELLED"\} [1-9]/,
    );
  });

  it('serves what existing programs have in front of them: a TLS wrapper', async () => {
    const { certFile, keyFile } = await program();
    const child = spawn('openssl', [
      ...['s_client', '-quiet', '-connect', `localhost:${port}`, '-verify_return_error'],
      ...['-CAfile', `${pki.dir}/ca.crt`, '-cert', certFile, '-key', keyFile],
    ]);
    try {
      const [header] = await once(child.stdout, 'data');
      expect(header).toEqual(R820T_HEADER);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it.each<[string, TestCertificate | undefined]>([
    ['no certificate', undefined],
    ['a certificate of another CA', { issuer: 'other-ca' }],
    ['an expired certificate', { notAfter: new Date(Date.now() - 60_000) }],
    ['a certificate for servers', { eku: 'server' }],
    ['a certificate that names nobody', { cn: null }],
    ['a name that no rule knows', { cn: 'nobody' }],
    ['a name that may not subscribe', { cn: 'dash-1' }],
  ])('gives nothing to one with %s', async (_what, certificate) => {
    const one = client(certificate === undefined ? undefined : await program(certificate));
    await one.closed();
    clock.advance(100);
    expect(one.length).toBe(0);
    expect(told('an rtl_tcp client is served')).toEqual([]);
  });

  it('gives nothing to one who may subscribe to other stations', async () => {
    rules.set(rule(', where: { station_id: ["roof-*"] }'));
    const one = client(await program());
    await one.closed();
    expect(one.length).toBe(0);
    const denial = await until('the line', () =>
      backend.log.slice(logBegins).find(({ code }) => code === 'PERMISSION_DENIED'),
    );
    expect(denial).toMatchObject({ rule: 'programs', reason: expect.stringContaining('not with this request') });
  });

  it('gives nothing to one whose certificate was revoked before', async () => {
    const pair = await program();
    await pki.revoke(pair.certPem);
    material.set(await backendMaterial(pki, material.current()));
    const one = client(pair);
    await one.closed();
    expect(one.length).toBe(0);
  });

  it('cuts one whose certificate is revoked at once, and no other', async () => {
    const [lost, kept] = [await program(), await program()];
    const [one, other] = [await client(lost).served(), await client(kept).served()];
    await second(one);
    await second(other, other.length);
    await one.has(12 + 4 * RATE_HZ);
    await pki.revoke(lost.certPem);
    material.set(await backendMaterial(pki, material.current()));
    await second(other, other.length);
    await one.closed();
    // Of the second that the other has had since, it has nothing.
    expect(one.length).toBe(12 + 4 * RATE_HZ);
    expect(await until('its line', () => told('call').find(({ code }) => code === 'UNAUTHENTICATED'))).toMatchObject({
      rpc: 'sdr.oran.IQStreamService/SubscribeIQ',
    });
  });

  it('says of a port that is in use what its own settings can change', async () => {
    const taken = { ...STATION, rtlTcpListener: { host: '127.0.0.1', port, tls: true } };
    const second = await BackendUnderTest.start({ pki, clock: new ManualClock(), stations: [taken] });
    const line = await until('it is told', () => second.log.find(({ level }) => level === 50));
    await second.stop();
    expect(line).toMatchObject({ station: 'lab-1', port, err: { code: 'EADDRINUSE' } });
    expect(line?.msg).toMatch(/station lab-1 .* free its port or change rtl_tcp_listener/);
    expect(JSON.stringify(line)).not.toMatch(/backend/);
  });

  it('says of one whose station stops that it is over', async () => {
    const one = await client(await program()).served();
    rules.set(ALL);
    const iq = await backend.client('sdr.oran.IQStreamService', await program());
    await iq.unary('StopStream', { station_id: 'lab-1' });
    await one.closed();
    const overInGoodOrder = ({ rpc, code }: LogLine): boolean => code === 'OK' && String(rpc).endsWith('/SubscribeIQ');
    await until('its line', () => told('call').find(overInGoodOrder));
    await iq.unary('StartStream', { station_id: 'lab-1' });
  });

  it('cuts one who may not read any more by a new policy', async () => {
    const one = await client(await program()).served();
    rules.set(rule(', where: { station_id: ["roof-*"] }'));
    await one.closed();
  });

  it('holds a caller to its streams, those by gRPC counted too', async () => {
    rules.set(rule(`${HERE}, limits: { concurrentStreams: 1 }`));
    const pair = await program();
    const iq = await backend.client('sdr.oran.IQStreamService', pair);
    const stream = iq.stream('SubscribeIQ', { station_id: 'lab-1' });
    stream.on('error', () => {});
    await once(stream, 'metadata');
    const one = client(pair);
    await one.closed();
    expect(one.length).toBe(0);
    stream.cancel();
    await until('the stream is over', () => told('call').some(({ code }) => code === 'CANCELLED'));
    await client(pair).served();
  });

  it('gives no samples of a higher rate than the caller may have', async () => {
    rules.set(rule(`${HERE}, limits: { maxSampleRateHz: ${RATE_HZ - 1} }`));
    const one = client(await program());
    await until('it is served or closed', () => one.length === 12 || one.isClosed);
    clock.advance(100);
    await one.closed();
    expect(one.length).toBeLessThanOrEqual(12);
  });

  it('leaves blocks out for a caller who has had the bytes of its rate', async () => {
    rules.set(rule(`${HERE}, limits: { bytesPerSecond: 20000 }`));
    const one = await client(await program()).served();
    for (let tick = 0; tick < 100; tick++) clock.advance(100);
    await until('some of it has come', () => one.length > 12);
    one.stop();
    const gone = await until('it is gone', () => told('an rtl_tcp client is gone')[0]);
    expect(Number(gone?.bytes) + Number(gone?.droppedBytes)).toBeLessThanOrEqual(10 * 2 * RATE_HZ);
    expect(gone?.droppedBytes).toBeGreaterThan(2_000_000 * 0.8);
  });
});
