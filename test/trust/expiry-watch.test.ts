import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, test } from '@jest/globals';
import pino from 'pino';
import { Registry } from 'prom-client';
import { UsageError } from '../../src/errors.ts';
import { trustMetrics } from '../../src/observability/trust-metrics.ts';
import { createAuthority } from '../../src/pki/authority.ts';
import { buildCrl } from '../../src/pki/revocation.ts';
import { refuseNearlyDead, watchExpiry } from '../../src/trust/expiry-watch.ts';
import { openReloadable } from '../../src/trust/files.ts';
import { loadMaterial, type Material } from '../../src/trust/material.ts';
import { type Reloadable, unchanging } from '../../src/trust/reloadable.ts';
import { makeTestPki, type TestPki } from '../support/pki.ts';
import { until } from '../support/until.ts';

const DAY_MS = 86_400_000;
const inDays = (days: number): Date => new Date(Date.now() + days * DAY_MS);

let pki: TestPki;
let dir: string;
beforeAll(async () => {
  pki = await makeTestPki();
});
afterAll(() => pki.remove());
const close: (() => void)[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'passband-expiry-'));
  await copyFile(join(pki.dir, 'ca.crt'), join(dir, 'ca.crt'));
});
afterEach(async () => {
  for (const end of close.splice(0)) end();
  await rm(dir, { recursive: true, force: true });
});

type Names = 'server' | 'gateway';
const load = (before?: Material<Names>): Promise<Material<Names>> =>
  loadMaterial(dir, ['server', 'gateway'], { crlFiles: [], staleLists: 'warn' }, before);

/** Puts a pair in place that is good until a moment. */
async function put(name: Names, notAfter: Date): Promise<void> {
  const { certPem, keyPem } = await pki.issue({ cn: name, notAfter });
  await writeFile(join(dir, `${name}.crt`), certPem);
  await writeFile(join(dir, `${name}.key`), keyPem, { mode: 0o600 });
}

interface Line {
  readonly level: number;
  readonly name?: string;
  readonly issuer?: string;
  readonly file: string;
  readonly daysLeft?: number;
  readonly msg: string;
}

function watch(material: Reloadable<Material<Names>>): { readonly lines: Line[]; readonly registry: Registry } {
  const lines: Line[] = [];
  const registry = new Registry();
  const log = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line) as Line) });
  close.push(watchExpiry(material, { log, metrics: trustMetrics(registry) }));
  return { lines, registry };
}
const WARN = 40;
const ERROR = 50;

describe('a certificate in use that expires', () => {
  test.each<[leftDays: number, levels: readonly number[]]>([
    [31, []],
    [29, [WARN]],
    [8, [WARN]],
    [6, [WARN]],
    [1.5, [WARN]],
    [0.5, [ERROR]],
  ])('in %d days is told at once, and once', async (days, levels) => {
    await put('server', inDays(days));
    await put('gateway', inDays(100));
    const { lines } = watch(unchanging(await load()));
    expect(lines.map(({ level }) => level)).toEqual(levels);
    for (const line of lines) {
      expect(line).toMatchObject({ name: 'server', file: join(dir, 'server.crt'), subject: 'CN=server' });
      expect(Math.abs((line.daysLeft ?? 0) - days)).toBeLessThan(0.01);
    }
  });

  it('is told of an issuing CA that is sent along, too', async () => {
    await put('gateway', inDays(100));
    const validity = { notBefore: inDays(-1), notAfter: inDays(20) };
    const issuer = await createAuthority('Issuing', validity, { issuer: await pki.pair('ca') });
    const { certPem, keyPem } = await pki.issue({ cn: 'server', issuer, notAfter: inDays(100) });
    await writeFile(join(dir, 'server.crt'), certPem);
    await writeFile(join(dir, 'server.key'), keyPem, { mode: 0o600 });
    const material = await load();
    const { lines } = watch(unchanging(material));
    expect(lines).toEqual([
      expect.objectContaining({ level: WARN, name: 'server', subject: 'CN=Issuing', file: join(dir, 'server.crt') }),
    ]);
    expect(() => refuseNearlyDead(material, 30)).toThrow(/server\.crt: CN=Issuing has (?:19|20)\.\d days left/);
  });

  it('is told when the moment comes', async () => {
    await put('server', new Date(Date.now() + 7 * DAY_MS + 2_000));
    await put('gateway', new Date(Date.now() + DAY_MS + 3_000));
    const { lines } = watch(unchanging(await load()));
    const late = (name: string, days: number): Line[] =>
      lines.filter((line) => line.name === name && (line.daysLeft ?? 99) <= days);
    await until('both moments', () => late('server', 7).length > 0 && late('gateway', 1).length > 0);
    expect([...late('server', 7), ...late('gateway', 1)].map(({ level }) => level)).toEqual([WARN, ERROR]);
  });

  it('is told anew for the certificate that replaces it, and for nothing that stays', async () => {
    await put('server', inDays(20));
    await put('gateway', inDays(20));
    const material = await openReloadable({ what: 'certificates', files: [], load, log: pino({ level: 'silent' }) });
    close.push(() => material.close());
    const { lines } = watch(material);
    expect(lines.map(({ name }) => name)).toEqual(['server', 'gateway']);
    await put('gateway', inDays(10));
    expect(await material.reload()).toBe(true);
    expect(lines.map(({ name }) => name)).toEqual(['server', 'gateway', 'gateway']);
    await put('gateway', inDays(100));
    expect(await material.reload()).toBe(true);
    expect(lines).toHaveLength(3);
  });
});

describe('a revocation list', () => {
  it('is told of when it is out of date, or comes to be', async () => {
    await put('server', inDays(100));
    await put('gateway', inDays(100));
    const other = await createAuthority('Other CA', { notBefore: inDays(-1), notAfter: inDays(100) });
    await writeFile(join(dir, 'ca.crt'), `${pki.caPem}${other.certPem}`);
    const list = (nextUpdate: Date) => ({ number: 1, thisUpdate: inDays(-1.5), nextUpdate });
    const stale = await buildCrl(await pki.pair('ca'), [], list(inDays(-1)));
    const soon = await buildCrl(other, [], list(new Date(Date.now() + 2_000)));
    await writeFile(join(dir, 'crl.pem'), `${stale}${soon}`);
    const { lines } = watch(unchanging(await load()));
    expect(lines[0]).toMatchObject({ issuer: 'CN=Passband development CA', level: ERROR });
    await until('the other one', () => lines.length === 2);
    expect(lines[1]).toMatchObject({ issuer: 'CN=Other CA', level: ERROR, file: join(dir, 'crl.pem') });
    expect(lines[1]?.msg).toMatch(/out of date; fetch a new one/);
  });
});

describe('a revocation list in use that runs out', () => {
  test.each<[leftDays: number, lifeDays: number, levels: readonly number[]]>([
    [8, 30, []],
    [6, 30, [WARN]],
    [1.5, 30, [WARN]],
    [0.5, 30, [ERROR]],
    // Made anew every week, or every day.
    [6, 7, []],
    [0.5, 7, [ERROR]],
    [0.5, 1, []],
  ])('in %d days of %d is told at once, and once', async (left, life, levels) => {
    await put('server', inDays(100));
    await put('gateway', inDays(100));
    const edition = { number: 1, thisUpdate: inDays(left - life), nextUpdate: inDays(left) };
    await writeFile(join(dir, 'crl.pem'), await buildCrl(await pki.pair('ca'), [], edition));
    const material = await openReloadable({ what: 'certificates', files: [], load, log: pino({ level: 'silent' }) });
    close.push(() => material.close());
    const { lines } = watch(material);
    expect(lines.map(({ level }) => level)).toEqual(levels);
    for (const line of lines) {
      expect(line).toMatchObject({ issuer: 'CN=Passband development CA', file: join(dir, 'crl.pem') });
      expect(Math.abs((line.daysLeft ?? 0) - left)).toBeLessThan(0.01);
    }
    await put('gateway', inDays(99));
    expect(await material.reload()).toBe(true);
    expect(lines).toHaveLength(levels.length);
  });

  it('is told when the moment comes', async () => {
    await put('server', inDays(100));
    await put('gateway', inDays(100));
    const soon = new Date(Date.now() + 7 * DAY_MS + 2_000);
    const edition = { number: 1, thisUpdate: inDays(-20), nextUpdate: soon };
    await writeFile(join(dir, 'crl.pem'), await buildCrl(await pki.pair('ca'), [], edition));
    const { lines } = watch(unchanging(await load()));
    await until('the seventh day', () => lines.length === 1);
    expect(lines[0]).toMatchObject({ level: WARN, msg: 'a revocation list is out of date soon; fetch a new one' });
  });
});

describe('metrics', () => {
  it('show the days of what is in use, and nothing of what is not any more', async () => {
    await put('server', inDays(20));
    await put('gateway', inDays(50));
    const crl = { number: 1, thisUpdate: inDays(-2), nextUpdate: new Date(2_000_000_000_000) };
    await writeFile(join(dir, 'crl.pem'), await buildCrl(await pki.pair('ca'), [], crl));
    const material = await openReloadable({ what: 'certificates', files: [], load, log: pino({ level: 'silent' }) });
    close.push(() => material.close());
    const { registry } = watch(material);
    const values = async (name: string): Promise<[label: string, value: number][]> => {
      const text = await registry.getSingleMetricAsString(name);
      return [...text.matchAll(/^\w+\{(?:name|issuer)="([^"]+)".*\} (\S+)$/gm)].map(([, label = '', value]) => [
        label,
        Math.round(Number(value)),
      ]);
    };
    expect(await values('grpc_tls_certificate_expiry_days')).toEqual([
      ['server', 20],
      ['gateway', 50],
      ['ca', expect.any(Number)],
    ]);
    await put('gateway', inDays(70));
    await material.reload();
    expect((await values('grpc_tls_certificate_expiry_days')).slice(0, 2)).toEqual([
      ['server', 20],
      ['gateway', 70],
    ]);
    expect(await values('passband_revocation_list_next_update_seconds')).toEqual([
      ['CN=Passband development CA', 2_000_000_000],
    ]);
    for (const end of close.splice(0)) end();
    expect(await values('grpc_tls_certificate_expiry_days')).toEqual([]);
  });

  it('say whether files can be used, the same for all that ask for one registry', async () => {
    const registry = new Registry();
    const [outcome, other] = ['certificates', 'policy'].map((what) => trustMetrics(registry).outcome(what));
    outcome?.(true);
    outcome?.(false);
    other?.(true);
    const text = await registry.metrics();
    expect(text.match(/^passband_trust.*$/gm)).toEqual([
      'passband_trust_reloads_total{what="certificates",outcome="ok"} 1',
      'passband_trust_reloads_total{what="certificates",outcome="failed"} 1',
      'passband_trust_reloads_total{what="policy",outcome="ok"} 1',
      'passband_trust_reloads_total{what="policy",outcome="failed"} 0',
      'passband_trust_broken{what="certificates"} 1',
      'passband_trust_broken{what="policy"} 0',
    ]);
  });
});

describe('the days that are asked for at the start', () => {
  const refusal = (material: Material<Names>, minDays: number): string | undefined => {
    try {
      refuseNearlyDead(material, minDays);
      return undefined;
    } catch (error) {
      expect(error).toBeInstanceOf(UsageError);
      return error instanceof UsageError ? error.message : '';
    }
  };

  it('must be left of every pair', async () => {
    await put('server', inDays(20));
    await put('gateway', inDays(10.5));
    const material = await load();
    expect([0, 10].map((days) => refusal(material, days))).toEqual([undefined, undefined]);
    expect(refusal(material, 11)).toMatch(
      /gateway\.crt: CN=gateway has 10\.\d days left, and --min-days asks for 11; renew it$/,
    );
  });

  it('must be left of one authority at least', async () => {
    await put('server', inDays(300));
    await put('gateway', inDays(300));
    const brief = await createAuthority('Brief CA', { notBefore: inDays(-1), notAfter: inDays(5) });
    await writeFile(join(dir, 'ca.crt'), `${brief.certPem}${pki.caPem}`);
    expect(refusal(await load(), 100)).toBeUndefined();
    await writeFile(join(dir, 'ca.crt'), brief.certPem);
    expect(refusal(await load(), 100)).toMatch(/ca\.crt: CN=Brief CA has [45]\.\d days left/);
  });
});
