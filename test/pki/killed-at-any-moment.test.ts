// needs: openssl
import { spawn } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { plainSerial } from '../../src/pki/certificate-facts.ts';
import { inFolder } from '../../src/pki/folder.ts';
import { ensureAuthorities } from '../../src/pki/init.ts';
import { issueInto } from '../../src/pki/issue.ts';
import { type JournalEntry, readLedger } from '../../src/pki/journal.ts';
import { writeLists } from '../../src/pki/lists.ts';
import { run } from '../support/run.ts';

/** Pairs of processes that are killed. */
const ROUNDS = 16;

/** A process is killed after at most this many results of its own, and at most so many milliseconds later. */
const MOST_RESULTS = 6;
const MOST_MS_LATER = 40;

const LOOP = fileURLToPath(new URL('./issuing-loop.ts', import.meta.url));

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'passband-killed-'));
  await inFolder(dir, () => ensureAuthorities(dir, {}));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Starts a process that issues and revokes, kills it at a random moment of its work, and gives what it has handed out. */
async function killedWorker(): Promise<string> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', LOOP, dir], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {},
  });
  let [out, err] = ['', ''];
  // The first line says that it is ready.
  const lines = 1 + Math.floor(Math.random() * (MOST_RESULTS + 1));
  const isDue = new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', (chunk) => {
      out += chunk;
      if (out.split('\n').length > lines) resolve();
    });
    child.stderr?.on('data', (chunk) => {
      err += chunk;
    });
    child.once('exit', (code) => reject(new Error(`ended by itself with ${code}: ${err}`)));
  });
  const closed = once(child, 'close');
  await isDue;
  await sleep(Math.random() * MOST_MS_LATER);
  child.kill('SIGKILL');
  const [, signal] = await closed;
  expect(signal).toBe('SIGKILL');
  return out;
}

const listNumber = async (): Promise<bigint> => {
  const { code, stdout } = await run('openssl', ['crl', '-in', join(dir, 'crl.pem'), '-noout', '-crlnumber']);
  return code === 0 ? BigInt(stdout.trim().replace('crlNumber=', '')) : 0n;
};

it('nothing issued is unknown or doubled, no list number comes twice, and work goes on', async () => {
  let handedOut = '';
  let lastNumber = 0n;
  for (let round = 0; round < ROUNDS; round += 1) {
    handedOut += (await Promise.all([killedWorker(), killedWorker()])).join('');
    const number = await listNumber();
    expect(number).toBeGreaterThanOrEqual(lastNumber);
    lastNumber = number;
  }

  // The tool works, and does what the last of the killed left.
  await issueInto(dir, { profile: 'client', cn: 'after-all' });
  const { written } = await writeLists(dir);
  expect(written[0]?.number).toBeGreaterThan(lastNumber);

  const text = await readFile(join(dir, 'index.jsonl'), 'utf8');
  const entries = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as JournalEntry);
  const serials = entries.flatMap((entry) => (entry.event === 'issued' ? [entry.serial] : []));
  expect(new Set(serials).size).toBe(serials.length);
  const numbers = entries.flatMap((entry) => (entry.event === 'list' ? [Number(entry.number)] : []));
  expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));

  const spoken = [...handedOut.matchAll(/^(issued|revoked) ([0-9a-f]+)$/gm)];
  const said = (what: string): string[] => spoken.flatMap(([, verb, serial = '']) => (verb === what ? [serial] : []));
  // Else the workers were killed before they did anything, and this test would say nothing.
  expect(said('issued').length).toBeGreaterThan(ROUNDS);
  expect(said('revoked').length).toBeGreaterThan(ROUNDS / 4);
  const ledger = await readLedger(dir);
  const issued = new Set([...ledger.issued.values()].map(({ serial }) => serial));
  const revoked = new Set([...ledger.revoked.values()].map(({ serial }) => serial));
  expect(said('issued').filter((serial) => !issued.has(plainSerial(serial)))).toEqual([]);
  expect(said('revoked').filter((serial) => !revoked.has(plainSerial(serial)))).toEqual([]);

  const listed = await run('openssl', ['crl', '-in', join(dir, 'crl.pem'), '-noout', '-text']);
  const onList = [...listed.stdout.matchAll(/Serial Number: ([0-9A-F]+)/g)].map(([, serial = '']) =>
    plainSerial(serial),
  );
  expect(onList.sort()).toEqual([...revoked].sort());

  const files = await readdir(dir);
  expect(files.filter((name) => /\.(issued|renewed)$|^index\.lock/.test(name))).toEqual([]);
  const certificates = files.filter((name) => name.endsWith('.crt'));
  expect(certificates.length).toBeGreaterThan(ROUNDS / 2);
  for (const name of certificates) {
    const certificate = new X509Certificate(await readFile(join(dir, name)));
    expect([name, issued.has(plainSerial(certificate.serialNumber))]).toEqual([name, true]);
    const keyFile = join(dir, name.replace('.crt', '.key'));
    const key = createPrivateKey(await readFile(keyFile));
    expect([name, certificate.checkPrivateKey(key), (await stat(keyFile)).mode & 0o777]).toEqual([name, true, 0o600]);
  }
  const keys = files.filter((name) => name.endsWith('.key')).map((name) => name.replace('.key', '.crt'));
  expect(keys.filter((name) => !certificates.includes(name))).toEqual([]);
});
