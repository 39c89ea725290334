// needs: testssl, sslscan
// What anybody can see of both doors from outside, judged by two scanners that know the weaknesses of TLS by name.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type CertificateFolder, madeFolder } from '../interop/folders.ts';
import { run } from '../support/run.ts';
import { type Stack, startStack } from '../support/stack.ts';

/** Milliseconds for a scan by testssl: on a machine with nothing else to do it takes one minute. */
const SCAN_LIMIT_MS = 420_000;

let certs: CertificateFolder;
let stack: Stack;
let folder: string;
/** Reports of testssl by the name of the door. */
const reports = new Map<string, readonly Finding[]>();

beforeAll(async () => {
  // Certificates as the documents tell an operator to issue them, with the address of the list.
  certs = await madeFolder('p256', false, ['http://pki.localhost/crl.der']);
  stack = await startStack({ flags: { certs: certs.dir } });
  folder = await mkdtemp(join(tmpdir(), 'passband-scan-'));
  // Both at a time: a scan is mostly waiting.
  const scan = async (name: string, port: number): Promise<unknown> => reports.set(name, await testssl(name, port));
  await Promise.all([scan('gateway', stack.port), scan('backend', stack.backendPort)]);
}, SCAN_LIMIT_MS + 10_000);
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await stack?.close();
  await certs?.remove();
});

/** One line of testssl's report. */
interface Finding {
  readonly id: string;
  readonly severity: string;
  readonly finding: string;
}

/** What testssl finds at a port, by its flat JSON report. */
async function testssl(name: string, port: number): Promise<readonly Finding[]> {
  const report = join(folder, `${name}.json`);
  const where = ['--ip', '127.0.0.1', '--nodns', 'none', `localhost:${port}`];
  const how = ['--quiet', '--warnings', 'off', '--color', '0', '--openssl-timeout', '5'];
  const what = ['--protocols', '--standard', '--pfs', '--server-preference', '--server-defaults', '--vulnerable'];
  const ca = ['--add-ca', join(stack.certsDir, 'ca.crt')];
  const child = spawn('testssl', [...how, ...what, ...ca, '--jsonfile', report, ...where], {
    stdio: 'ignore',
    timeout: SCAN_LIMIT_MS,
  });
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve());
  });
  return JSON.parse(await readFile(report, 'utf8')) as readonly Finding[];
}

/** What testssl says, at WARN, it could not look at, and why that is known. Had it looked and found something, that would count. */
const NOT_LOOKED_AT: Readonly<Record<string, string>> = {
  engine_problem:
    'the openssl of this machine knows no GOST; both doors take none either, as the lists of ciphers show',
  secure_client_renego: 'it has no client certificate; nobody-renegotiates.test.ts has one',
  sessionresumption_ID:
    'it has no client certificate; sessions are resumed by ticket, and judged again at every request',
  BREACH: 'it has no client certificate, so that it sees no answer; answers are never compressed',
};
/** Whether a finding is one of those above. */
const isKnown = (id: string, severity: string): boolean => severity === 'WARN' && id in NOT_LOOKED_AT;
/** What must be in a report of a scan that has seen the door at all. */
const MUST_BE_OK = [
  ...['SSLv2', 'SSLv3', 'TLS1_2', 'TLS1_3', 'cipherlist_NULL', 'cipherlist_aNULL', 'cipherlist_EXPORT', 'PFS'],
  ...['cipher_order', 'cert_chain_of_trust', 'heartbleed', 'CCS', 'ROBOT', 'secure_renego', 'CRIME_TLS'],
  ...['POODLE_SSL', 'SWEET32', 'FREAK', 'DROWN', 'LOGJAM', 'BEAST', 'LUCKY13', 'RC4'],
];

describe.each([
  ['gateway', () => stack.port, 6],
  // Without ALPN, which sslscan does not speak, it ends a handshake of TLS 1.2 before any suite is agreed on.
  ['backend', () => stack.backendPort, 3],
])('the %s', (name, port, suites) => {
  it('testssl', () => {
    const findings = reports.get(name) ?? [];
    const of = (...severities: readonly string[]): string[] =>
      findings
        .filter(({ id, severity }) => severities.includes(severity) && !isKnown(id, severity))
        .map(({ id, severity, finding }) => `${severity} ${id}: ${finding}`);
    expect(of('MEDIUM', 'HIGH', 'CRITICAL', 'WARN', 'FATAL')).toEqual([]);
    const ok = findings.filter(({ severity }) => severity === 'OK').map(({ id }) => id);
    expect(MUST_BE_OK.filter((id) => !ok.includes(id))).toEqual([]);
    const offered = (id: string): string | undefined => findings.find((line) => line.id === id)?.finding;
    expect(['TLS1', 'TLS1_1', 'cipherlist_3DES_IDEA', 'cipherlist_AVERAGE'].map(offered)).toEqual(
      Array(4).fill('not offered'),
    );
  });

  it('sslscan', async () => {
    const pair = ['--certs', '--pk'].map(
      (flag, index) => `${flag}=${join(stack.certsDir, `client.${['crt', 'key'][index]}`)}`,
    );
    const { stdout } = await run('sslscan', [...pair, '--xml=-', `localhost:${port()}`]);
    const all = (pattern: RegExp): (string | undefined)[][] =>
      [...stdout.matchAll(pattern)].map(([, ...parts]) => parts);
    const protocols = all(/<protocol type="(\w+)" version="([\d.]+)" enabled="1"/g).map((parts) => parts.join(' '));
    expect(protocols).toEqual(['tls 1.2', 'tls 1.3']);
    expect(stdout).toContain('<renegotiation supported="0"');
    expect(all(/<heartbleed sslversion="[^"]+" vulnerable="(\d)"/g).flat()).toEqual(['0', '0']);
    const strengths = all(/<cipher [^>]*cipher="([^"]+)"[^>]*strength="([^"]+)"/g);
    expect(strengths.length).toBeGreaterThanOrEqual(suites);
    // Weak ones are CBC and RSA key transport; "acceptable" are those of TLS 1.3 to this version.
    expect(strengths.filter(([, strength]) => strength !== 'strong' && strength !== 'acceptable')).toEqual([]);
    expect(
      all(/<group [^>]*bits="(\d+)"/g)
        .flat()
        .filter((bits) => Number(bits) < 112),
    ).toEqual([]);
    expect(stdout).toContain('<expired>false</expired>');
  });
});
