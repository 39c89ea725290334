import { X509Certificate } from 'node:crypto';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import pino from 'pino';
import { Registry } from 'prom-client';
import { trustMetrics } from '../../src/observability/trust-metrics.ts';
import type { IssuedCertificate } from '../../src/pki/authority.ts';
import { openReloadable } from '../../src/trust/files.ts';
import { loadMaterial, type Material } from '../../src/trust/material.ts';
import { watchOwnRevocation } from '../../src/trust/own-revocation.ts';
import type { Reloadable } from '../../src/trust/reloadable.ts';
import { makeTestPki, type TestPki } from '../support/pki.ts';

type Names = 'server' | 'gateway';
const REVOKED = 'a certificate in use has been revoked, and peers refuse it; replace it';

let pki: TestPki;
let dir: string;
let material: Reloadable<Material<Names>>;
let lines: Record<string, unknown>[];
let registry: Registry;
let unwatch: () => void;

beforeEach(async () => {
  pki = await makeTestPki({ pathLength: 1 });
  dir = await mkdtemp(join(tmpdir(), 'passband-own-'));
  await copyFile(join(pki.dir, 'ca.crt'), join(dir, 'ca.crt'));
  for (const name of ['server', 'gateway'] as const) await put(name, await pki.pair(name));
  lines = [];
  registry = new Registry();
  unwatch = () => {};
});
afterEach(async () => {
  unwatch();
  material?.close();
  await rm(dir, { recursive: true, force: true });
  await pki.remove();
});

async function put(name: Names, { certPem, keyPem }: IssuedCertificate): Promise<void> {
  await writeFile(join(dir, `${name}.crt`), certPem);
  await writeFile(join(dir, `${name}.key`), keyPem, { mode: 0o600 });
}

const list = (...certPems: readonly string[]): Promise<string> =>
  pki.crl(
    certPems.map((pem) => new X509Certificate(pem).serialNumber),
    { file: join(dir, 'crl.pem') },
  );

async function watch(): Promise<void> {
  material = await openReloadable<Material<Names>>({
    what: 'certificates',
    files: [],
    load: (before) => loadMaterial(dir, ['server', 'gateway'], { crlFiles: [], staleLists: 'refuse' }, before),
    log: pino({ level: 'silent' }),
  });
  const log = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line)) });
  unwatch = watchOwnRevocation(material, { log, metrics: trustMetrics(registry) });
}

/** A serial number as `openssl x509 -serial` has it, in lower case and without zeros before it. */
const serialOf = (pem: string): string => new X509Certificate(pem).serialNumber.toLowerCase().replace(/^0+/, '');
const names = () => lines.map(({ name }) => name);

async function shown(): Promise<string[]> {
  const text = await registry.getSingleMetricAsString('passband_own_certificate_revoked');
  return [...text.matchAll(/^\w+\{name="(\w+)",serial="(\w+)"\} (\S+)$/gm)].map(([, ...parts]) => parts.join(' '));
}

it('is told at the start, of that pair alone, with its name and serial number', async () => {
  const { certPem } = await pki.pair('gateway');
  await list(certPem);
  await watch();
  expect(lines).toEqual([
    expect.objectContaining({
      level: 50,
      msg: REVOKED,
      name: 'gateway',
      file: join(dir, 'gateway.crt'),
      subject: 'CN=passband-gateway',
      serial: serialOf(certPem),
    }),
  ]);
  expect(lines[0]).not.toHaveProperty('authority');
  expect(await shown()).toEqual([
    `server ${serialOf((await pki.pair('server')).certPem)} 0`,
    `gateway ${serialOf(certPem)} 1`,
  ]);
});

it('is told when the lists change, once, and again when it is so once more', async () => {
  await watch();
  expect(lines).toEqual([]);
  const { certPem } = await pki.pair('server');
  await list(certPem);
  expect(await material.reload()).toBe(true);
  expect(names()).toEqual(['server']);
  const other = await pki.issue();
  await list(certPem, other.certPem);
  expect(await material.reload()).toBe(true);
  expect(names()).toEqual(['server']);
  await list(other.certPem);
  expect(await material.reload()).toBe(true);
  expect((await shown()).map((line) => line.at(-1))).toEqual(['0', '0']);
  await list(certPem, other.certPem);
  expect(await material.reload()).toBe(true);
  expect(names()).toEqual(['server', 'server']);
});

it('is over with the certificate that replaces it', async () => {
  await list((await pki.pair('gateway')).certPem);
  await watch();
  const renewed = await pki.issue({ cn: 'passband-gateway' });
  await put('gateway', renewed);
  expect(await material.reload()).toBe(true);
  expect(names()).toEqual(['gateway']);
  expect((await shown()).at(-1)).toBe(`gateway ${serialOf(renewed.certPem)} 0`);
  unwatch();
  expect(await shown()).toEqual([]);
});

it('is told of a pair whose issuing authority is revoked, and names that', async () => {
  const issuing = await pki.intermediate('Issuing CA');
  const own = await pki.issue({ cn: 'passband-gateway', issuer: issuing });
  await put('gateway', own);
  await list(issuing.certPem);
  await watch();
  expect(lines).toEqual([
    expect.objectContaining({
      name: 'gateway',
      serial: serialOf(own.certPem),
      authority: { subject: 'CN=Issuing CA', serial: serialOf(issuing.certPem) },
    }),
  ]);
});

it('is told of a pair that no authority of the bundle has issued, where a list names it', async () => {
  const bundle = await readFile(join(dir, 'ca.crt'), 'utf8');
  // The same name and another key: a list of either is about certificates of both.
  const elsewhere = await makeTestPki();
  try {
    expect(await readFile(join(elsewhere.dir, 'ca.crt'), 'utf8')).not.toBe(bundle);
    const { certPem, keyPem } = await elsewhere.pair('server');
    await put('server', { certPem, keyPem });
    await list(certPem);
    await watch();
    expect(names()).toEqual(['server']);
  } finally {
    await elsewhere.remove();
  }
});
