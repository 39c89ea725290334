import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Metadata } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { protoPath } from 'grpc-health-check';
import type { Audit, AuditDecision, AuditEnd, AuditFacts } from '../../src/audit/audit.ts';
import { DEFAULT_STATIONS } from '../../src/backend/stations/default-stations.ts';
import { PassbandError } from '../../src/errors.ts';
import { until } from '../support/until.ts';
import { BackendUnderTest, policyOf, refusal } from './backend-under-test.ts';
import { FrameRun } from './frame-run.ts';

const POLICY = `version: 1
delegates: ["cn:passband-gateway"]
rules:
  - name: developer
    subjects: ["cn:oran-client"]
    allow: [{ methods: ["*"] }]
  - name: sim-only
    subjects: ["cn:dash-*"]
    allow: [{ methods: ["sdr.oran.IQStreamService/*"], where: { station_id: ["sim-*"] } }]
  - name: on-trial
    mode: shadow
    subjects: ["cn:dash-*"]
    allow: [{ methods: ["sdr.oran.StationService/GetStation"], where: { station_id: ["adsb"] } }]
`;

/** A service whose calls may have headers long before a message. */
const REFLECTION_PROTO = join(
  dirname(createRequire(import.meta.url).resolve('@grpc/reflection/package.json')),
  'build/proto/grpc/reflection/v1/reflection.proto',
);

type Line = (AuditFacts & AuditDecision) | (AuditFacts & AuditEnd);

/** An audit that keeps its lines here, and fails or waits when it is told to. */
class Notebook implements Audit {
  lines: Line[] = [];
  isBroken = false;
  wait: Promise<void> | undefined;
  asked = 0;

  assertWritable(): void {
    this.asked++;
    if (this.isBroken) throw new PassbandError('UNAVAILABLE', 'the audit journal cannot be written');
  }
  decision(facts: AuditFacts, decision: AuditDecision): void {
    this.lines.push({ ...facts, ...decision });
  }
  streamEnd(facts: AuditFacts, end: AuditEnd): void {
    this.lines.push({ ...facts, ...end });
  }
  settled(): Promise<void> | undefined {
    return this.wait;
  }
  async close(): Promise<void> {}
}

describe('the audit of the backend', () => {
  const audit = new Notebook();
  let backend: BackendUnderTest;
  beforeAll(async () => {
    // Of every address, IPv6 and IPv4, as programs listen unless told.
    const host = '::';
    backend = await BackendUnderTest.start({ host, stations: DEFAULT_STATIONS, policy: policyOf(POLICY), audit });
  });
  afterAll(() => backend.stop());
  beforeEach(() => {
    Object.assign(audit, { lines: [], isBroken: false, wait: undefined, asked: 0 });
  });

  const RPC = 'sdr.oran.IQStreamService/SubscribeIQ';

  it('names no rule for what a delegate may without one: to ask for health', async () => {
    const health = await backend.client('grpc.health.v1.Health', 'gateway', loadSync(protoPath));
    await health.unary('check', { service: '' });
    const identity = expect.objectContaining({ cn: 'passband-gateway' });
    expect(audit.lines).toEqual([expect.objectContaining({ outcome: 'allow', code: 'OK', rule: undefined, identity })]);
    expect(audit.lines[0]?.reason).toBe('a delegate may ask for health');
  });

  it('has a line when a stream is let in, and one with its bytes when it is over', async () => {
    const iq = await backend.client('sdr.oran.IQStreamService', 'dashboard');
    const run = new FrameRun(iq.stream('SubscribeIQ', { station_id: 'sim-1', batch_size_samples: 1024 }));
    let bytes = 0;
    run.stream.on('data', ({ data }: { data: Buffer }) => {
      bytes += data.length;
    });
    await run.more(3);
    expect(audit.lines).toEqual([
      expect.objectContaining({
        outcome: 'allow',
        code: 'OK',
        rule: 'sim-only',
        rpc: RPC,
        resource: 'sim-1',
        remote: expect.stringMatching(/^(127\.0\.0\.1|::1)$/),
        identity: expect.objectContaining({ cn: 'dash-1', issuer: expect.stringContaining('CN=') }),
        shadowed: [],
      }),
    ]);
    run.stream.cancel();
    await run.end;
    const end = await until('the end of the stream', () => audit.lines[1] as (AuditFacts & AuditEnd) | undefined);
    expect(end).toMatchObject({ code: 'CANCELLED', rule: 'sim-only', rpc: RPC, resource: 'sim-1' });
    expect(end?.frames).toBeGreaterThanOrEqual(run.count);
    expect(end?.bytes).toBeGreaterThan(bytes);
    expect(audit.lines).toHaveLength(2);
  });

  it('has one line for a call that is answered once', async () => {
    const stations = await backend.client('sdr.oran.StationService');
    await stations.unary('ListStations', {});
    expect(audit.lines).toEqual([expect.objectContaining({ outcome: 'allow', rule: 'developer' })]);
  });

  it('has a line for what is denied, with the request that it was denied for', async () => {
    const iq = await backend.client('sdr.oran.IQStreamService', 'dashboard');
    expect(await refusal(iq.unary('StartStream', { station_id: 'adsb' }))).toMatch(/^7: /);
    expect(audit.lines).toEqual([
      expect.objectContaining({
        outcome: 'deny',
        code: 'PERMISSION_DENIED',
        rule: 'sim-only',
        resource: 'adsb',
        reason: 'rule "sim-only" allows this caller the method, but not with this request',
      }),
    ]);
  });

  it('names the rules on trial', async () => {
    const stations = await backend.client('sdr.oran.StationService', 'dashboard');
    expect(await refusal(stations.unary('GetStation', { station_id: 'sim-1' }))).toBe('no error');
    expect(audit.lines).toEqual([expect.objectContaining({ outcome: 'allow', shadowed: ['on-trial'] })]);
  });

  it('that cannot be kept lets nobody in', async () => {
    const stations = await backend.client('sdr.oran.StationService');
    audit.isBroken = true;
    expect(await refusal(stations.unary('ListStations', {}))).toBe('14: the audit journal cannot be written');
    audit.isBroken = false;
    expect(await refusal(stations.unary('ListStations', {}))).toBe('no error');
  });

  it('that can no longer be kept when the message comes lets nobody in whose headers came before', async () => {
    const reflection = await backend.client(
      'grpc.reflection.v1.ServerReflection',
      'client',
      loadSync(REFLECTION_PROTO),
    );
    const call = async (meanwhile: () => void): Promise<string> => {
      audit.asked = 0;
      const stream = reflection.raw.ServerReflectionInfo?.(new Metadata());
      const answer = new Promise<string>((resolve) => {
        stream.on('data', () => resolve('answered'));
        stream.on('error', (error: Error) => resolve(error.message));
      });
      await until('the headers', () => audit.asked > 0);
      meanwhile();
      stream.write({ listServices: '' });
      stream.end();
      return answer;
    };
    expect(await call(() => {})).toBe('answered');
    audit.lines = [];
    const refused = call(() => Object.assign(audit, { isBroken: true }));
    expect(await refused).toBe('14 UNAVAILABLE: the audit journal cannot be written');
    expect(audit.lines).not.toContainEqual(expect.objectContaining({ outcome: 'allow' }));
  });

  it('is waited for before the call is handled', async () => {
    const stations = await backend.client('sdr.oran.StationService');
    let settle = (): void => {};
    audit.wait = new Promise((resolve) => {
      settle = resolve;
    });
    let answered = false;
    const answer = stations.unary('ListStations', {}).then(() => {
      answered = true;
    });
    await until('the line', () => audit.lines.length === 1);
    // Another call that has to wait for nothing overtakes it.
    audit.wait = undefined;
    await (await backend.client('sdr.oran.StationService')).unary('ListStations', {});
    expect(answered).toBe(false);
    settle();
    await answer;
  });

  it('that fails while it is waited for refuses the call', async () => {
    const stations = await backend.client('sdr.oran.StationService');
    audit.wait = Promise.reject(new PassbandError('UNAVAILABLE', 'the audit journal cannot be written'));
    expect(await refusal(stations.unary('ListStations', {}))).toBe('14: the audit journal cannot be written');
  });
});
