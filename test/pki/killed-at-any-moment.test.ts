// needs: openssl
import { type ChildProcess, spawn } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

/**
 * A process is killed at one of the first so many changes that it and its neighbour make in the folder: at a temporary file, a
 * link, a rename or a line of the index, as often as these come. Two lives of a certificate have about as many.
 */
const MOST_CHANGES = 150;

const LOOP = fileURLToPath(new URL('./issuing-loop.ts', import.meta.url));

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'passband-killed-'));
  await inFolder(dir, () => ensureAuthorities(dir, {}));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

interface Worker {
  readonly child: ChildProcess;
  /** Whatever it has handed out, when it is over. */
  readonly over: Promise<string>;
}

/** Starts a process that issues and revokes as soon as it is told to. */
async function readyWorker(): Promise<Worker> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', LOOP, dir], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {},
  });
  let [out, err] = ['', ''];
  const isReady = new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      out += chunk;
      resolve();
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    child.once('exit', (code) => reject(new Error(`ended by itself with ${code}: ${err}`)));
  });
  const over = once(child, 'close').then(([, signal]) => {
    expect([signal, err]).toEqual(['SIGKILL', '']);
    return out;
  });
  await isReady;
  return { child, over };
}

/** Has two processes work at the same time, each until it is killed at a random change of the folder; gives their words. */
async function killedWorkers(): Promise<string> {
  const workers = await Promise.all([readyWorker(), readyWorker()]);
  const due = workers.map(({ child }) => ({ child, changes: 1 + Math.floor(Math.random() * MOST_CHANGES) }));
  let changes = 0;
  const watcher = watch(dir, () => {
    changes += 1;
    for (const one of due) if (changes === one.changes) one.child.kill('SIGKILL');
  });
  try {
    for (const { child } of workers) child.stdin?.write('go\n');
    return (await Promise.all(workers.map(({ over }) => over))).join('');
  } finally {
    watcher.close();
    // One that has failed by itself must not leave the other at work for good.
    for (const { child } of workers) child.kill('SIGKILL');
  }
}

const listNumber = async (): Promise<bigint> => {
  const { code, stdout } = await run('openssl', ['crl', '-in', join(dir, 'crl.pem'), '-noout', '-crlnumber']);
  return code === 0 ? BigInt(stdout.trim().replace('crlNumber=', '')) : 0n;
};

it('nothing issued is unknown or doubled, no list number comes twice, and work goes on', async () => {
  let handedOut = '';
  let lastNumber = 0n;
  for (let round = 0; round < ROUNDS; round += 1) {
    handedOut += await killedWorkers();
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
