import { randomUUID } from 'node:crypto';
import { open, readFile, readlink, rm, stat, utimes } from 'node:fs/promises';
import { UsageError } from '../errors.ts';

/** Milliseconds without a sign of life after which a lock from where processes cannot be seen counts as left behind. */
const LOCK_STALE_MS = 15_000;

/** The right to write a journal, which one process has at a time. */
export interface Lock {
  /** Tells whose it is by now; when it is ours, that is a sign of life, to be given every few seconds. */
  touch(): Promise<'us' | 'another' | 'nobody'>;
  /** Takes it again when it is nobody's; false when another was faster. */
  retake(): Promise<boolean>;
  release(): Promise<void>;
}

/** Who holds a lock, as its file says. */
interface Holder {
  readonly pid: number;
  /** When that process began, as its system tells; empty where it does not. A number alone is soon another process. */
  readonly started: string;
  /** The run of the machine and the namespace in which the number means that process; empty where that is not told. */
  readonly namespace: string;
  /** Tells this lock from every other. */
  readonly token: string;
}

/**
 * Takes a lock file for this process.
 *
 * @throws UsageError when another living process has it; the file system's own error otherwise.
 */
export async function takeLock(file: string): Promise<Lock> {
  const mine: Holder = {
    pid: process.pid,
    started: (await startOf(process.pid)) ?? '',
    namespace: await namespaceOf(),
    token: randomUUID(),
  };
  if (!(await create(file, mine))) {
    const theirs = await read(file);
    if (await isAlive(file, theirs, mine.namespace)) throw taken(file, theirs);
    if (!(await takeOver(file, theirs, mine))) throw taken(file, await read(file));
  }
  return {
    touch: async () => {
      const holder = await read(file);
      if (holder === undefined) return (await isThere(file)) ? 'us' : 'nobody';
      if (holder.token !== mine.token) return 'another';
      const now = new Date();
      await utimes(file, now, now).catch(() => {});
      return 'us';
    },
    // A folder that is gone has no lock, and nobody else has it.
    retake: () => create(file, mine).catch(() => true),
    release: async () => {
      if ((await read(file))?.token === mine.token) await rm(file, { force: true });
    },
  };
}

function taken(file: string, holder: Holder | undefined): UsageError {
  return new UsageError(
    `${file}: process ${holder?.pid ?? '(unknown)'} keeps this journal; give each process a folder of its own with --audit`,
  );
}

async function create(file: string, holder: Holder): Promise<boolean> {
  try {
    const handle = await open(file, 'wx', 0o600);
    try {
      await handle.writeFile(JSON.stringify(holder));
    } finally {
      await handle.close();
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Puts a lock in the place of one that was left behind. Only one at a time does that, under a lock of its own: another may
 * have taken the lock anew since it was looked at, and must not lose it.
 */
async function takeOver(file: string, seen: Holder | undefined, mine: Holder): Promise<boolean> {
  const guard = `${file}.taking`;
  if (!(await create(guard, mine))) {
    const { mtimeMs } = await stat(guard).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs < LOCK_STALE_MS) return false;
    // A crash in the middle of this left it; the next start finds nothing in its way.
    await rm(guard, { force: true });
    return false;
  }
  try {
    if ((await read(file))?.token !== seen?.token) return false;
    await rm(file, { force: true });
    return await create(file, mine);
  } finally {
    await rm(guard, { force: true });
  }
}

async function read(file: string): Promise<Holder | undefined> {
  try {
    const { pid, started, namespace, token } = JSON.parse(await readFile(file, 'utf8')) as Holder;
    return { pid: Number(pid), started: String(started), namespace: String(namespace), token: String(token) };
  } catch {
    // Gone by now, or not written yet.
    return undefined;
  }
}

/** Whether there is such a file, or nothing that says otherwise. */
function isThere(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    ({ code }: NodeJS.ErrnoException) => code !== 'ENOENT',
  );
}

async function isAlive(file: string, holder: Holder | undefined, namespace: string): Promise<boolean> {
  // Of one that is just being made, or that a crash left empty, its age is all there is to see.
  if (holder === undefined || holder.namespace !== namespace) {
    const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: 0 }));
    return Date.now() - mtimeMs < LOCK_STALE_MS;
  }
  if (!Number.isSafeInteger(holder.pid) || holder.pid < 1) return false;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const started = await startOf(holder.pid);
  return started === undefined ? holder.started === '' : started === holder.started;
}

/** When a process began, in its system's ticks; undefined for one that is over, and where there is no /proc. */
async function startOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  // The name, in parentheses, may hold anything; state is the first field behind it, the start the twentieth.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

/** Namespaces have the same numbers on every machine, so the run of this one is part of the name. */
async function namespaceOf(): Promise<string> {
  try {
    const bootId = await readFile('/proc/sys/kernel/random/boot_id', 'latin1');
    return `${bootId.trim()} ${await readlink('/proc/self/ns/pid')}`;
  } catch {
    return '';
  }
}
