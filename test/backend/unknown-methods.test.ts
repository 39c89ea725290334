import { Metadata, type ServiceError } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import type { Material } from '../../src/trust/material.ts';
import { makeTestPki, type TestFiles, type TestPki } from '../support/pki.ts';
import { until } from '../support/until.ts';
import { BackendUnderTest, backendMaterial, type Caller, policyOf } from './backend-under-test.ts';
import { Changeable } from './changeable.ts';

const POLICY = `version: 1
delegates: ["cn:passband-gateway"]
rules:
  - name: developer
    subjects: ["cn:oran-client"]
    allow: [{ methods: ["*"] }]
  - name: dashboards
    subjects: ["cn:dash-*"]
    allow: [{ methods: ["sdr.oran.IQStreamService/SubscribeIQ"] }]
`;

/** Methods that are there and that are not, in services that are there and that are not. */
const PATHS = [
  '/sdr.oran.StationService/ListStations',
  '/sdr.oran.StationService/DeleteStations',
  '/no.such.Service/Method',
  '/x',
  `/sdr.oran.StationService/${'A'.repeat(1000)}`,
] as const;

describe('a method that the backend does not have', () => {
  let pki: TestPki;
  let material: Changeable<Material<'backend'>>;
  let metrics: Registry;
  let backend: BackendUnderTest;
  beforeEach(async () => {
    pki = await makeTestPki();
    material = new Changeable(await backendMaterial(pki));
    metrics = new Registry();
    backend = await BackendUnderTest.start({ pki, material, metrics, policy: policyOf(POLICY) });
  });
  afterEach(async () => {
    await backend.stop();
    await pki.remove();
  });

  const caller = (who: TestFiles | 'client' | 'gateway'): Promise<Caller> =>
    backend.client('sdr.oran.StationService', who);

  /** How a call of any path ends, with a message or with headers alone. */
  function called({ raw }: Caller, path: string, kind: 'message' | 'headers'): Promise<string> {
    const asIs = (bytes: Buffer): Buffer => bytes;
    return new Promise((resolve) => {
      const done = (error: ServiceError | null): void =>
        resolve(error ? `${error.code}: ${error.details}` : 'no error');
      if (kind === 'message') raw.makeUnaryRequest(path, asIs, asIs, Buffer.alloc(0), new Metadata(), done);
      else raw.makeClientStreamRequest(path, asIs, asIs, new Metadata(), done);
    });
  }

  const denied = (): unknown[] => backend.log.filter(({ audit }) => audit === 'deny').map(({ rpc }) => rpc);

  it.each(['message', 'headers'] as const)(
    'is refused like one that it has to whom no rule names, with a line for each (%s)',
    async (kind) => {
      const stranger = await pki.issue({ cn: 'stranger' });
      for (const path of PATHS) {
        // The connection of a stranger is short.
        expect(await called(await caller(stranger), path, kind)).toBe('7: no rule names this caller');
      }
      expect(denied()).toEqual(PATHS.map((path) => path.slice(1, 256)));
    },
  );

  it('is refused like one that it has to whom no rule allows it', async () => {
    const dashboard = await caller(await pki.issue({ cn: 'dash-1' }));
    for (const path of PATHS) {
      expect(await called(dashboard, path, 'message')).toBe('7: no rule allows this caller the method');
    }
    expect(denied()).toHaveLength(PATHS.length);
  });

  it('is refused like one that it has to who is revoked, and to a delegate that says nothing of whom for', async () => {
    const lost = await pki.issue({ cn: 'dash-lost' });
    await pki.revoke(lost.certPem);
    material.set(await backendMaterial(pki, material.current()));
    for (const path of PATHS) {
      expect(await called(await caller(lost), path, 'message')).toBe('16: the client certificate has been revoked');
      expect(await called(await caller('gateway'), path, 'message')).toBe('7: no rule names this caller');
    }
    expect(denied()).toHaveLength(2 * PATHS.length);
  });

  it('is told of to who may call everything, in metrics without its name', async () => {
    const developer = await caller('client');
    for (const path of PATHS.slice(1)) {
      expect(await called(developer, path, 'message')).toBe('12: there is no such method here');
    }
    const ended = await until('lines of all calls', () => {
      const lines = backend.log.filter(({ msg }) => msg === 'call');
      return lines.length === PATHS.length - 1 && lines;
    });
    expect(ended).toContainEqual(expect.objectContaining({ rpc: 'no.such.Service/Method', code: 'UNIMPLEMENTED' }));
    const text = await metrics.metrics();
    expect(text).toContain('grpc_method="unknown"');
    expect(text).not.toMatch(/no\.such|DeleteStations|AAAA/);
  });
});
