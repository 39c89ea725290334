import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UsageError } from '../errors.ts';

/** Milliseconds to wait for whoever is at work; all but a slow RSA key is made in a fraction of one second. */
const LOCK_WAIT_MS = 15_000;

/** Milliseconds between two looks, at random up to this, so that two who met do not meet again. */
const RETRY_MS = 40;

/** Milliseconds after which what a dead process left half written is removed; nobody writes a file for so long. */
const LEFTOVER_MS = 60_000;

/**
 * `index.lock~HOST+SPACE~PID~TOKEN`: all that is to be known of the holder is in the name, which is there at once or not at
 * all. HOST is for people; SPACE is where PID means that process.
 */
const LOCK_NAME = /^index\.lock~([^~+]+)(?:\+([0-9a-f]+))?~(\d+)~([0-9a-f]+)$/;
const LEFTOVER_NAME = /\.(\d+)-[0-9a-z]+\.tmp$/;

/** Tokens of the locks that this process has or is after, to tell them from those of a dead one with the same number. */
const ownTokens = new Set<string>();

/** Not a separator of the lock's name, nor of a path's. */
const HOST = `${hostname().replace(/[^A-Za-z0-9.-]/g, '-') || 'host'}+${processSpace()}`;

/**
 * Tells apart where process numbers mean different processes: machines and their runs, and the containers of one machine,
 * which may all have one host name and a process 1 each. Where the system does not say (not Linux), the host name must do.
 */
function processSpace(): string {
  const parts = [hostname()];
  try {
    parts.push(readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim(), readlinkSync('/proc/self/ns/pid'));
  } catch {
    // The host name alone.
  }
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 16);
}

/**
 * Runs `work` while no other process changes this folder.
 *
 * Everyone puts a file of their own name there and then looks who else has: of two, at least the later sees the other
 * and withdraws. Files of processes that are dead are removed; since a name is never used twice, no living one's can be.
 *
 * @param waitMs how long to wait for others; 15 s unless told.
 * @throws UsageError when another is at work for too long, naming it and the remedy.
 */
export async function withFolderLock<T>(dir: string, work: () => Promise<T>, waitMs = LOCK_WAIT_MS): Promise<T> {
  await mkdir(dir, { recursive: true });
  const token = randomBytes(8).toString('hex');
  const own = `index.lock~${HOST}~${process.pid}~${token}`;
  ownTokens.add(token);
  try {
    await acquire(dir, own, waitMs);
    await removeLeftovers(dir);
    return await work();
  } finally {
    await rm(join(dir, own), { force: true });
    ownTokens.delete(token);
  }
}

async function acquire(dir: string, own: string, waitMs: number): Promise<void> {
  const deadlineMs = performance.now() + waitMs;
  for (;;) {
    await (await open(join(dir, own), 'wx', 0o644)).close();
    const others = await livingOthers(dir, own);
    const [other] = others;
    if (other === undefined) return;
    await rm(join(dir, own), { force: true });
    if (performance.now() > deadlineMs) {
      const [, host = '', , pid = ''] = LOCK_NAME.exec(other) ?? [];
      throw new UsageError(
        `process ${pid} on ${host} is changing ${dir}; wait for it, or, if no such process runs there, ` +
          `remove ${join(dir, other)}`,
      );
    }
    await sleep(5 + Math.random() * RETRY_MS);
  }
}

async function livingOthers(dir: string, own: string): Promise<string[]> {
  const living: string[] = [];
  for (const name of await readdir(dir)) {
    const [, host, space, pid, token = ''] = LOCK_NAME.exec(name) ?? [];
    if (host === undefined || name === own) continue;
    // Of another space, nobody here can say whether it lives.
    const dead =
      `${host}+${space}` === HOST && (Number(pid) === process.pid ? !ownTokens.has(token) : !isAlive(Number(pid)));
    if (dead) await rm(join(dir, name), { force: true });
    else living.push(name);
  }
  return living;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process that this user may not signal is one all the same.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Half-written files of processes that were killed: some have a key in them that nobody will ever use. */
async function removeLeftovers(dir: string): Promise<void> {
  for (const name of await readdir(dir)) {
    const pid = LEFTOVER_NAME.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    const status = await stat(join(dir, name)).catch(() => undefined);
    if (status !== undefined && Date.now() - status.mtimeMs > LEFTOVER_MS) await rm(join(dir, name), { force: true });
  }
}
