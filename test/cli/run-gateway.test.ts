import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, test } from '@jest/globals';
import pino from 'pino';
import { Registry } from 'prom-client';
import { type RunningGateway, runGateway } from '../../src/cli/run-gateway.ts';
import { type Config, resolveConfig } from '../../src/config.ts';
import { UsageError } from '../../src/errors.ts';
import { DEV_POLICY } from '../../src/gateway/guard/policy.ts';
import { makeTestPki, type TestPki } from '../support/pki.ts';

const DAY_MS = 86_400_000;
const WARN = 40;
const ERROR = 50;
const PAIRS = ['server', 'gateway'] as const;
type Pair = (typeof PAIRS)[number];

let pki: TestPki;
let audit: string;
let config: Config;
let registry: Registry;
let gateway: RunningGateway | undefined;
/** Lines of the gateway's log; it runs without a backend, so that nobody else writes any. */
let lines: Record<string, unknown>[];

beforeEach(async () => {
  pki = await makeTestPki();
  audit = await mkdtemp(join(tmpdir(), 'passband-audit-'));
  await writeFile(join(pki.dir, 'policy.yaml'), DEV_POLICY);
  const flags = {
    ...{ host: '127.0.0.1', port: '0', 'metrics-port': '0', certs: pki.dir, audit },
    // Nobody listens there: what is looked at here needs no answer.
    backend: 'localhost:1',
  };
  config = resolveConfig('gateway', { flags, environment: {}, file: undefined });
});
afterEach(async () => {
  await gateway?.close(0);
  gateway = undefined;
  await pki.remove();
  await rm(audit, { recursive: true });
});

async function start(change: Partial<Config> = {}): Promise<RunningGateway> {
  registry = new Registry();
  lines = [];
  const log = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line)) });
  gateway = await runGateway({ ...config, ...change }, log, registry);
  return gateway;
}

/** Puts a pair in place that is good for some days. */
async function put(name: Pair, days: number): Promise<void> {
  const eku = name === 'server' ? 'server' : 'client';
  const notAfter = new Date(Date.now() + days * DAY_MS);
  const { certPem, keyPem } = await pki.issue({ cn: name, eku, dns: ['localhost'], notAfter });
  await writeFile(join(pki.dir, `${name}.key`), keyPem, { mode: 0o600 });
  await writeFile(join(pki.dir, `${name}.crt`), certPem);
}

describe('--min-days', () => {
  it.each(PAIRS)('refuses a %s certificate that has not so many left, and starts where all have', async (name) => {
    await put(name, 20);
    const refused = start({ minDays: 30 });
    await expect(refused).rejects.toThrow(UsageError);
    await expect(refused).rejects.toThrow(
      new RegExp(`${name}\\.crt: CN=${name} has (?:19|20)\\.\\d days left, and --min-days asks for 30; renew it`),
    );
    // Nothing of the first is in the way: neither the journal's lock nor a metric's name.
    await start({ minDays: 15 });
  });
});

describe('certificates in use', () => {
  /** Serial number and whole days left of each, by the name that the metric gives it. */
  async function shown(): Promise<Record<string, unknown>> {
    const text = await registry.metrics();
    const found = text.matchAll(/^grpc_tls_certificate_expiry_days\{name="(\w+)",serial="(\w+)"\} (\S+)$/gm);
    return Object.fromEntries([...found].map(([, name, serial, days]) => [name, [serial, Math.round(Number(days))]]));
  }
  async function inFolder(): Promise<Record<string, unknown>> {
    const found: Record<string, unknown> = {};
    for (const name of [...PAIRS, 'ca'] as const) {
      const { serialNumber, validToDate } = new X509Certificate((await pki.pair(name)).certPem);
      found[name] = [serialNumber.toLowerCase(), Math.round((validToDate.getTime() - Date.now()) / DAY_MS)];
    }
    return found;
  }

  it('are in the metrics by name, serial number and days left, those too that come later, until the end', async () => {
    const running = await start();
    const before = await inFolder();
    expect(await shown()).toEqual(before);
    for (const [name, days] of [
      ['server', 100],
      ['gateway', 90],
    ] as const) {
      await put(name, days);
      expect(await running.reload()).toBe(true);
      const now = await inFolder();
      expect(now[name]).toEqual([expect.not.stringMatching(String(Object(before[name])[0])), days]);
      expect(await shown()).toEqual(now);
    }
    await running.close(0);
    gateway = undefined;
    expect(await shown()).toEqual({});
  });

  const told = (): unknown[] =>
    lines
      .filter(({ msg }) => msg === 'a certificate in use expires soon; renew it')
      .map(({ name, level }) => [name, level]);

  test.each<[Pair, number, readonly number[]]>([
    ['server', 31, []],
    ['server', 29, [WARN]],
    ['gateway', 29, [WARN]],
    ['gateway', 6, [WARN]],
    ['server', 0.5, [ERROR]],
    ['gateway', 0.5, [ERROR]],
  ])('%s with %d days left is told of', async (name, days, levels) => {
    await put(name, days);
    await start();
    expect(told()).toEqual(levels.map((level) => [name, level]));
  });

  it('are told of when they come into use, too', async () => {
    const running = await start();
    expect(told()).toEqual([]);
    await put('gateway', 5);
    expect(await running.reload()).toBe(true);
    expect(told()).toEqual([['gateway', WARN]]);
  });
});
