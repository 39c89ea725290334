// needs: python-grpc
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DEFAULT_STATIONS } from '../../src/backend/stations/default-stations.ts';
import type { Policy } from '../../src/gateway/guard/policy.ts';
import type { Material } from '../../src/trust/material.ts';
import { makeTestPki, type TestFiles, type TestPki } from '../support/pki.ts';
import { BackendUnderTest, backendMaterial, policyOf } from './backend-under-test.ts';
import { Changeable } from './changeable.ts';

const RULES = 'version: 1\nrules: [{ name: fleet, subjects: ["cn:fleet-*"], allow: [{ methods: ["*"] }] }]';
const NOBODY = 'version: 1\nrules: [{ name: others, subjects: ["cn:other"], allow: [{ methods: ["*"] }] }]';

describe('a Python client of the fleet, made of its own contract', () => {
  let pki: TestPki;
  let material: Changeable<Material<'backend'>>;
  let rules: Changeable<Policy>;
  let backend: BackendUnderTest;
  let stubs: string;
  let who: TestFiles;
  let client: PythonClient;

  beforeEach(async () => {
    stubs = await mkdtemp(join(tmpdir(), 'passband-stubs-'));
    pki = await makeTestPki();
    material = new Changeable(await backendMaterial(pki));
    rules = new Changeable(policyOf(RULES));
    backend = await BackendUnderTest.start({ pki, material, policy: rules, stations: DEFAULT_STATIONS });
    who = await pki.issue({ cn: 'fleet-1' });
    client = new PythonClient(stubs, backend, who);
    expect(await client.line()).toBe('stats sim-1');
    expect(await client.line()).toBe('frames 64');
  });
  afterEach(async () => {
    client.stop();
    await backend.stop();
    await pki.remove();
    await rm(stubs, { recursive: true });
  });

  it('is told when its certificate has been revoked while it reads', async () => {
    await pki.revoke(who.certPem);
    material.set(await backendMaterial(pki, material.current()));
    expect(await client.line()).toBe('end UNAUTHENTICATED the client certificate has been revoked');
  });

  it('is told when the policy takes its right', async () => {
    rules.set(policyOf(NOBODY));
    expect(await client.line()).toBe('end PERMISSION_DENIED no rule names this caller');
  });

  it('is told when the server shuts down', async () => {
    await backend.backend.close(2000);
    expect(await client.line()).toBe('end UNAVAILABLE the server is shutting down');
  });
});

/** The client in a process of its own. */
class PythonClient {
  readonly #lines: AsyncIterator<string>;
  readonly #stop: () => void;

  constructor(stubs: string, { backend, pki }: BackendUnderTest, { certFile, keyFile }: TestFiles) {
    const script = fileURLToPath(new URL('fleet-client.py', import.meta.url));
    const contract = fileURLToPath(new URL('../fixtures/wire-contract', import.meta.url));
    const ca = join(pki.dir, 'ca.crt');
    const args = [script, contract, stubs, String(backend.port), ca, certFile, keyFile, 'sim-1'];
    const child = spawn('/usr/bin/python3', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    this.#stop = () => child.kill('SIGKILL');
  }

  async line(): Promise<string> {
    return String((await this.#lines.next()).value);
  }

  stop(): void {
    this.#stop();
  }
}
