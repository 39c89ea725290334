import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { verifyChain } from '../../src/audit/verify.ts';
import type { RunningBackend } from '../../src/backend/server.ts';
import { runBackend } from '../../src/cli/run-backend.ts';
import { type Config, resolveConfig } from '../../src/config.ts';
import { UsageError } from '../../src/errors.ts';
import { noLog } from '../../src/observability/log.ts';
import { makeTestPki, type TestFiles, type TestPki } from '../support/pki.ts';
import { until } from '../support/until.ts';

const policy = (methods: string): string =>
  `version: 1\nrules: [{ name: fleet, subjects: ["cn:fleet-*"], allow: [{ methods: ["${methods}"] }] }]\n`;

const asIs = (bytes: Buffer): Buffer => bytes;
/** SubscribeIQRequest with station_id = 1 "sim-1". */
const SIM_1 = Buffer.from([0x0a, 5, ...Buffer.from('sim-1')]);

describe('a backend made of files', () => {
  let pki: TestPki;
  let audit: string;
  let config: Config;
  let registry: Registry;
  let backend: RunningBackend;
  let client: Client;
  let who: TestFiles;

  beforeEach(async () => {
    pki = await makeTestPki();
    audit = await mkdtemp(join(tmpdir(), 'passband-audit-'));
    await writeFile(join(pki.dir, 'policy.yaml'), policy('*'));
    const flags = { 'backend-host': '127.0.0.1', 'backend-port': '0', 'metrics-port': '0', certs: pki.dir, audit };
    config = resolveConfig('backend', { flags, environment: {}, file: undefined });
    registry = new Registry();
    backend = await runBackend(config, noLog, registry);
    who = await pki.issue({ cn: 'fleet-1' });
    const [ca, key, cert] = [pki.caPem, who.keyPem, who.certPem].map((pem) => Buffer.from(pem));
    client = new Client(`localhost:${backend.port}`, credentials.createSsl(ca, key, cert));
  });
  afterEach(async () => {
    client.close();
    await backend.close(500);
    await pki.remove();
    await rm(audit, { recursive: true });
  });

  /** Opens a stream; resolves once it gives samples, to how it will end. */
  function stream(): Promise<{ readonly end: Promise<string> }> {
    return new Promise((resolve, reject) => {
      const call = client.makeServerStreamRequest('/sdr.oran.IQStreamService/SubscribeIQ', asIs, asIs, SIM_1);
      const end = new Promise<string>((ended) => {
        call.on('error', ({ code, details }: ServiceError) => {
          ended(`${code}: ${details}`);
          reject(new Error(details));
        });
      });
      call.on('data', () => resolve({ end }));
    });
  }

  it('ends the stream of whoever is on a new revocation list', async () => {
    const { end } = await stream();
    await pki.revoke(who.certPem);
    expect(await end).toBe('16: the client certificate has been revoked');
  });

  it('ends the stream that an edited policy does not allow, and stays as it is for one with a mistake', async () => {
    const { end } = await stream();
    await writeFile(join(pki.dir, 'policy.yaml'), 'version: 1\nrules: []\n');
    expect(await backend.reload()).toBe(false);
    expect(await registry.metrics()).toContain('passband_trust_broken{what="backend policy"} 1');
    await stream();
    await writeFile(join(pki.dir, 'policy.yaml'), policy('sdr.oran.StationService/*'));
    expect(await end).toBe('7: no rule allows this caller the method');
    expect(await registry.metrics()).toContain('passband_trust_broken{what="backend policy"} 0');
  });

  it('has its decisions and the ends of streams in a journal that verifies', async () => {
    const { end } = await stream();
    await pki.revoke(who.certPem);
    await end;
    const file = join(audit, 'backend.jsonl');
    const lines = await until(
      'the end of the stream',
      async () =>
        (await readFile(file, 'utf8'))
          .trimEnd()
          .split('\n')
          .map((line): unknown => JSON.parse(line)),
      (seen) => seen.some((line) => Object(line).event === 'end'),
    );
    const about = { cn: 'fleet-1', rpc: 'sdr.oran.IQStreamService/SubscribeIQ', resource: 'sim-1' };
    expect(lines).toContainEqual(expect.objectContaining({ ...about, outcome: 'allow', rule: 'fleet' }));
    expect(lines).toContainEqual(expect.objectContaining({ ...about, outcome: 'deny', code: 'UNAUTHENTICATED' }));
    const frames = expect.any(Number);
    expect(lines).toContainEqual(expect.objectContaining({ ...about, event: 'end', code: 'UNAUTHENTICATED', frames }));
    await backend.close(500);
    expect(await verifyChain('backend', [file])).toMatchObject({ fault: undefined, recovered: 0 });
  });

  it('shows how long its certificates are good', async () => {
    const text = await registry.metrics();
    expect(text).toMatch(/grpc_tls_certificate_expiry_days\{name="backend",serial="[0-9a-f]+"\} \d/);
    expect(text).toMatch(/grpc_tls_certificate_expiry_days\{name="ca",serial="[0-9a-f]+"\} \d/);
  });

  it('does not start on certificates that are nearly dead, nor hold anything open then', async () => {
    await expect(runBackend({ ...config, minDays: 3650 }, noLog, new Registry())).rejects.toThrow(UsageError);
    await expect(runBackend({ ...config, minDays: 3650 }, noLog, new Registry())).rejects.toThrow('--min-days');
  });
});
