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

/** Folders that are begun with nothing in them, and pairs of processes that are killed in each. */
const FOLDERS = 4;
const ROUNDS = 4;

/**
 * A process is killed at one of the first so many changes that it and its neighbour make in the folder: at a temporary file, a
 * link, a rename or a line of the index, as often as these come. Two lives of a certificate have about as many.
 */
const MOST_CHANGES = 200;
/** The same for the first pair in a folder: making the two CAs takes some 33. */
const MOST_CHANGES_AT_FIRST = 40;

const LOOP = fileURLToPath(new URL('./issuing-loop.ts', import.meta.url));

const folders: string[] = [];
beforeAll(async () => {
  for (let n = 0; n < FOLDERS; n += 1) folders.push(await mkdtemp(join(tmpdir(), 'passband-killed-')));
});
afterAll(async () => {
  for (const dir of folders) await rm(dir, { recursive: true, force: true });
});

interface Worker {
  readonly child: ChildProcess;
  /** Whatever it has handed out, when it is over. */
  readonly over: Promise<string>;
}

/** Starts a process that makes CAs, issues and revokes as soon as it is told to. */
async function readyWorker(dir: string): Promise<Worker> {
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
async function killedWorkers(dir: string, most: number): Promise<string> {
  const workers = await Promise.all([readyWorker(dir), readyWorker(dir)]);
  const due = workers.map(({ child }) => ({ child, changes: 1 + Math.floor(Math.random() * most) }));
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

/** Names of authorities and numbers of their lists that lie in the folder. */
async function listsIn(dir: string): Promise<ReadonlyMap<string, { readonly number: bigint; readonly said: string }>> {
  const text = await readFile(join(dir, 'crl.pem'), 'utf8').catch(() => '');
  const found = new Map<string, { number: bigint; said: string }>();
  for (const pem of text.match(/-----BEGIN X509 CRL-----[^-]+-----END X509 CRL-----/g) ?? []) {
    const { stdout } = await run('openssl', ['crl', '-noout', '-crlnumber', '-issuer', '-text'], pem);
    const [, number = ''] = /^crlNumber=(\S+)$/m.exec(stdout) ?? [];
    const [, issuer = ''] = /^issuer=(.+)$/m.exec(stdout) ?? [];
    found.set(issuer, { number: BigInt(number), said: stdout });
  }
  return found;
}

/** Kills pair after pair in a folder, and gives their words. No list may take the place of a later one meanwhile. */
async function killPairs(dir: string): Promise<string> {
  let handedOut = '';
  let before = await listsIn(dir);
  for (let round = 0; round < ROUNDS; round += 1) {
    handedOut += await killedWorkers(dir, round === 0 ? MOST_CHANGES_AT_FIRST : MOST_CHANGES);
    const lists = await listsIn(dir);
    for (const [issuer, { number }] of before) expect(lists.get(issuer)?.number).toBeGreaterThanOrEqual(number);
    before = lists;
  }
  // The tool works, and does what the last of the killed left.
  await inFolder(dir, () => ensureAuthorities(dir, { issuing: true }));
  await issueInto(dir, { profile: 'client', cn: 'after-all' });
  await writeLists(dir);
  const lists = await listsIn(dir);
  expect(lists.size).toBe(2);
  for (const [issuer, { number }] of before) expect(lists.get(issuer)?.number).toBeGreaterThan(number);
  return handedOut;
}

it('nothing issued is unknown or doubled, no list number comes twice, and work goes on', async () => {
  const counts = { issued: 0, signed: 0, revoked: 0 };
  for (const dir of folders) {
    const handedOut = await killPairs(dir);
    const text = await readFile(join(dir, 'index.jsonl'), 'utf8');
    const entries = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as JournalEntry);
    const serials = entries.flatMap((entry) => (entry.event === 'issued' ? [entry.serial] : []));
    expect(new Set(serials).size).toBe(serials.length);
    const numbers = new Map<string, number[]>();
    for (const entry of entries) {
      if (entry.event !== 'list') continue;
      numbers.set(entry.authority, [...(numbers.get(entry.authority) ?? []), Number(entry.number)]);
    }
    for (const each of numbers.values()) expect(each).toEqual(each.map((_, index) => (each[0] ?? 0) + index));

    const spoken = [...handedOut.matchAll(/^(issued|signed|revoked) ([0-9a-f]+)$/gm)];
    const said = (what: string): string[] => spoken.flatMap(([, verb, serial = '']) => (verb === what ? [serial] : []));
    counts.issued += said('issued').length;
    counts.signed += said('signed').length;
    counts.revoked += said('revoked').length;
    const ledger = await readLedger(dir);
    const issued = new Set([...ledger.issued.values()].map(({ serial }) => serial));
    const revoked = new Set([...ledger.revoked.values()].map(({ serial }) => serial));
    const made = [...said('issued'), ...said('signed')];
    expect(made.filter((serial) => !issued.has(plainSerial(serial)))).toEqual([]);
    expect(said('revoked').filter((serial) => !revoked.has(plainSerial(serial)))).toEqual([]);

    const listed = [...(await listsIn(dir)).values()].map((list) => list.said).join('');
    const onList = [...listed.matchAll(/Serial Number: ([0-9A-F]+)/g)].map(([, serial = '']) => plainSerial(serial));
    expect(onList.sort()).toEqual([...revoked].sort());

    await expectWholeFiles(dir, issued);
  }
  // Else the workers were killed before they did anything, and this test would say nothing.
  expect(counts.issued).toBeGreaterThan(FOLDERS * ROUNDS);
  expect(counts.signed).toBeGreaterThan(1);
  expect(counts.revoked).toBeGreaterThan(1);
});

/** Nothing half done lies about, every certificate is known, and has its key unless that is another's business. */
async function expectWholeFiles(dir: string, issued: ReadonlySet<string>): Promise<void> {
  const files = await readdir(dir);
  expect(files.filter((name) => /\.(issued|renewed)$|^index\.lock/.test(name))).toEqual([]);
  const certificates = files.filter((name) => name.endsWith('.crt'));
  expect(certificates).toEqual(expect.arrayContaining(['ca.crt', 'issuing.crt', 'after-all.crt']));
  for (const name of certificates) {
    const certificate = new X509Certificate(await readFile(join(dir, name)));
    expect([name, issued.has(plainSerial(certificate.serialNumber))]).toEqual([name, true]);
    if (name.startsWith('signed-')) continue;
    const keyFile = join(dir, name.replace('.crt', '.key'));
    const key = createPrivateKey(await readFile(keyFile));
    expect([name, certificate.checkPrivateKey(key), (await stat(keyFile)).mode & 0o777]).toEqual([name, true, 0o600]);
  }
  const keys = files.filter((name) => name.endsWith('.key')).map((name) => name.replace('.key', '.crt'));
  expect(keys.filter((name) => !certificates.includes(name))).toEqual([]);
  const { code, stderr } = await run('openssl', ['verify', '-CAfile', join(dir, 'ca.crt'), join(dir, 'after-all.crt')]);
  expect([code, stderr]).toEqual([0, '']);
}
