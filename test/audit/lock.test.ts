import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, jest, test } from '@jest/globals';
import pino from 'pino';
import { type AppendFile, openAppendFile } from '../../src/audit/append-file.ts';
import type { Journal } from '../../src/audit/journal.ts';
import { JournalFiles } from '../../src/audit/journal-files.ts';
import { takeLock } from '../../src/audit/lock.ts';
import { Tenure } from '../../src/audit/tenure.ts';
import { noLog } from '../../src/observability/log.ts';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { until } from '../support/until.ts';
import { inFolder, leave, linesOf, openIn, requestsIn, verified } from './journal-under-test.ts';

it('one journal is kept by one, and by another only when that one is closed', () =>
  inFolder(async (folder) => {
    const journal = await openIn(folder);
    await expect(openIn(folder)).rejects.toThrow(/process \d+ keeps this journal; .*--audit/);
    const other = await openIn(folder, { program: 'backend' });
    await other.close();
    await journal.close();
    const again = await openIn(folder);
    await again.close();
  }));

it('another process that lives has it, and one that was killed has not', () =>
  inFolder(async (folder) => {
    const child = spawn(process.execPath, [join(PACKAGE_ROOT, 'test/audit/writer.ts'), folder, 'child'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    await once(child.stdout, 'data');
    child.stdout.resume();
    await expect(openIn(folder)).rejects.toThrow(`process ${child.pid} keeps this journal`);
    child.kill('SIGKILL');
    await exited;
    const journal = await openIn(folder);
    await journal.close();
  }));

/** Changes what a lock of this process says of its holder. */
async function lockedBy(file: string, holder: Readonly<Record<string, unknown>>): Promise<void> {
  const lock = await takeLock(file);
  const mine = JSON.parse(await readFile(file, 'utf8'));
  await lock.release();
  await writeFile(file, JSON.stringify({ ...mine, token: 'theirs', ...holder }));
}

test.each([
  ['a process whose number another one has by now', { started: '1' }],
  ['a process that is no more', { pid: 2 ** 22 + 1, started: '77' }],
])('takes over from %s', (_, holder) =>
  inFolder(async (folder) => {
    const file = join(folder, 'lock');
    await lockedBy(file, holder);
    const lock = await takeLock(file);
    await lock.release();
    expect(await readdir(folder)).toEqual([]);
  }),
);

/** When a process began, in its system's ticks. */
async function startOf(pid: number): Promise<string | undefined> {
  return /^.*\) (?:\S+ ){19}(\S+)/s.exec(await readFile(`/proc/${pid}/stat`, 'latin1'))?.[1];
}

it('takes over from a process that is over, though nobody has taken note of that', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'lock');
    const parent = spawn('sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(parent, 'exit');
    const pid = Number(String((await once(parent.stdout, 'data'))[0]));
    await until('it is over', async () => (await readFile(`/proc/${pid}/stat`, 'latin1')).includes(') Z '));
    await lockedBy(file, { pid, started: await startOf(pid) });
    const lock = await takeLock(file);
    await lock.release();
    parent.kill('SIGKILL');
    await exited;
  }));

it('does not take over from a process whose name looks like the end of one', () =>
  inFolder(async (folder) => {
    const [file, program] = [join(folder, 'lock'), join(folder, 'a) Z 1')];
    await symlink('/bin/sleep', program);
    const child = spawn(program, ['60'], { stdio: 'ignore' });
    const exited = once(child, 'exit');
    await once(child, 'spawn');
    const { pid = 0 } = child;
    expect(await readFile(`/proc/${pid}/stat`, 'latin1')).toContain('(a) Z 1)');
    await lockedBy(file, { pid, started: await startOf(pid) });
    await expect(takeLock(file)).rejects.toThrow(`process ${pid} keeps this journal`);
    child.kill('SIGKILL');
    await exited;
  }));

it("does not take over from another user's process", () =>
  inFolder(async (folder) => {
    const file = join(folder, 'lock');
    await lockedBy(file, {});
    const kill = jest.spyOn(process, 'kill').mockImplementation(() => {
      throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
    });
    try {
      await expect(takeLock(file)).rejects.toThrow('keeps this journal');
      expect(kill).toHaveBeenCalledTimes(1);
    } finally {
      kill.mockRestore();
    }
  }));

it('what a crash in the middle of taking over left is in the way of one start, and only when it is old', () =>
  inFolder(async (folder) => {
    const [file, taking] = [join(folder, 'lock'), join(folder, 'lock.taking')];
    await lockedBy(file, { started: '1' });
    await writeFile(taking, '');
    await expect(takeLock(file)).rejects.toThrow('keeps this journal');
    expect((await readdir(folder)).sort()).toEqual(['lock', 'lock.taking']);
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(taking, longAgo, longAgo);
    await expect(takeLock(file)).rejects.toThrow('keeps this journal');
    const lock = await takeLock(file);
    await lock.release();
    expect(await readdir(folder)).toEqual([]);
  }));

it('a process of another machine is not one of this, though its namespace has the same number', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'lock');
    await lockedBy(file, { pid: 2 ** 22 + 1, started: '77' });
    const { namespace, ...holder } = JSON.parse(await readFile(file, 'utf8'));
    const [run, number] = namespace.split(' ');
    expect(run).toBe((await readFile('/proc/sys/kernel/random/boot_id', 'latin1')).trim());
    await writeFile(file, JSON.stringify({ ...holder, namespace: `${randomUUID()} ${number}` }));
    await expect(takeLock(file)).rejects.toThrow('keeps this journal');
  }));

test.each([
  ['of another machine or container', JSON.stringify({ pid: 1, started: '1', namespace: 'pid:[1]', token: 'theirs' })],
  ['that is just being written', ''],
])('a lock %s holds while it gives signs of life', (_, text) =>
  inFolder(async (folder) => {
    const file = join(folder, 'lock');
    await writeFile(file, text);
    await expect(takeLock(file)).rejects.toThrow('keeps this journal');
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(file, longAgo, longAgo);
    const lock = await takeLock(file);
    await lock.touch();
    await lock.release();
  }),
);

it('of many who come at once, one has it', () =>
  inFolder(async (folder) => {
    for (let round = 1; round <= 30; round++) {
      const file = join(folder, `lock-${round}`);
      await lockedBy(file, { started: '1' });
      const comers = Array.from({ length: 20 }, async (_, turns) => {
        // Some come when the first is just done with what they have begun to look at.
        for (let turn = 0; turn < turns * round; turn++) await new Promise((resolve) => setImmediate(resolve));
        return takeLock(file);
      });
      const taken = await Promise.allSettled(comers);
      expect(taken.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    }
  }));

/** Makes the lock in a folder one that its holder on another machine last touched long ago. */
async function leftBehind(file: string): Promise<void> {
  const holder = JSON.parse(await readFile(file, 'utf8'));
  await writeFile(file, JSON.stringify({ ...holder, namespace: 'elsewhere' }));
  const longAgo = new Date(Date.now() - 60_000);
  await utimes(file, longAgo, longAgo);
}

describe('a process that stood still, and whose journal another took', () => {
  const NEVER_MS = 2 ** 30;
  const theirLines = ['file', 'start', 'decision', 'start', 'decision', 'stop'];

  const refuses = (journal: Journal) => () => {
    try {
      journal.assertWritable();
      return false;
    } catch {
      return true;
    }
  };

  test.each(['has it', 'had it and is gone'])('writes nothing more when the other %s', (other) =>
    inFolder(async (folder) => {
      const [file, lock] = [join(folder, 'gateway.jsonl'), join(folder, 'gateway.lock')];
      const stood = await openIn(folder, { beatMs: NEVER_MS });
      leave(stood, 1);
      await until('its line', async () => (await requestsIn(folder)).length === 1);
      await leftBehind(lock);
      const taker = await openIn(folder);
      leave(taker, 1, 2);
      if (other === 'had it and is gone') await taker.close();

      leave(stood, 1, 3);
      await until('it is refused', refuses(stood));
      await stood.close();
      // And leaves the other's lock alone.
      expect(await readdir(folder)).toEqual(other === 'has it' ? ['gateway.jsonl', 'gateway.lock'] : ['gateway.jsonl']);
      if (other === 'has it') await taker.close();
      expect((await linesOf(file)).map(({ event }) => event)).toEqual(theirLines);
      expect(await verified(folder)).toMatchObject({ fault: undefined });
    }),
  );

  it('begins no new file in the place of the one that the other writes to', () =>
    inFolder(async (folder) => {
      // Room for the lines of its start, and for none more.
      const stood = await openIn(folder, { beatMs: NEVER_MS, maxBytes: 700 });
      await leftBehind(join(folder, 'gateway.lock'));
      const taker = await openIn(folder);
      leave(stood, 1);
      await until('it is refused', refuses(stood));
      await stood.close();
      leave(taker, 1);
      await taker.close();
      expect(await readdir(folder)).toEqual(['gateway.jsonl']);
      expect(await verified(folder)).toMatchObject({ fault: undefined });
    }));

  it('nor does it when a sync of its own had failed before', () =>
    inFolder(async (folder) => {
      let fails = false;
      const openFile = async (path: string): Promise<AppendFile> => {
        const file = await openAppendFile(path);
        const sync = async () => {
          if (fails) throw new Error('EIO: i/o error, fdatasync');
          await file.sync();
        };
        return { ...file, sync };
      };
      const stood = await openIn(folder, { beatMs: NEVER_MS, sync: 'always', openFile });
      fails = true;
      leave(stood, 1);
      await until('it is refused', refuses(stood));
      fails = false;
      await leftBehind(join(folder, 'gateway.lock'));
      const taker = await openIn(folder);
      await stood.close();
      leave(taker, 1, 2);
      await taker.close();
      expect(await readdir(folder)).toEqual(['gateway.jsonl']);
      expect(await requestsIn(folder)).toEqual(['request-1', 'request-2']);
      expect(await verified(folder)).toMatchObject({ fault: undefined });
    }));

  it('notices when it has nothing to write', () =>
    inFolder(async (folder) => {
      const lock = join(folder, 'gateway.lock');
      const stood = await openIn(folder);
      await writeFile(lock, JSON.stringify({ ...JSON.parse(await readFile(lock, 'utf8')), token: 'theirs' }));
      await until('it is refused', refuses(stood));
      await stood.close();
      expect(JSON.parse(await readFile(lock, 'utf8'))).toMatchObject({ token: 'theirs' });
      expect((await linesOf(join(folder, 'gateway.jsonl'))).map(({ event }) => event)).toEqual(['file', 'start']);
    }));

  it('stays away when the other has gone without a line', () =>
    inFolder(async (folder) => {
      const file = join(folder, 'gateway.lock');
      const lock = await takeLock(file);
      const { files } = await JournalFiles.open(folder, 'gateway', openAppendFile);
      const tenure = new Tenure(lock, files, noLog);
      await tenure.requireOurs();
      await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), token: 'theirs' }));
      await tenure.beat();
      await expect(tenure.requireOurs()).rejects.toThrow('another process took this journal');
      await rm(file);
      await tenure.beat();
      await expect(tenure.requireOurs()).rejects.toThrow('another process took this journal');
      expect(await readdir(folder)).toEqual(['gateway.jsonl']);
      await files.close();
    }));
});

it('a lock that cannot be read is not lost', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'lock');
    const lock = await takeLock(file);
    expect(await lock.touch()).toBe('us');
    await writeFile(file, '');
    expect(await lock.touch()).toBe('us');
    await rm(file);
    expect(await lock.touch()).toBe('nobody');
    expect(await lock.retake()).toBe(true);
    expect(await lock.touch()).toBe('us');
    await lock.release();
  }));

it('takes a lock again that was removed by hand', () =>
  inFolder(async (folder) => {
    const lock = join(folder, 'gateway.lock');
    const journal = await openIn(folder);
    const before = await readFile(lock, 'utf8');
    await rm(lock);
    await until('the lock is there', () =>
      readFile(lock, 'utf8').then(
        (text) => text === before,
        () => false,
      ),
    );
    leave(journal, 1);
    await journal.close();
    expect(await requestsIn(folder)).toEqual(['request-1']);
    expect(await readdir(folder)).toEqual(['gateway.jsonl']);
  }));

it('has a lock of its own alone, and gives signs of life while it has the journal', () =>
  inFolder(async (folder) => {
    const lock = join(folder, 'gateway.lock');
    const journal = await openIn(folder);
    expect((await stat(lock)).mode & 0o777).toBe(0o600);
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(lock, longAgo, longAgo);
    const ageMs = async (): Promise<number> => Date.now() - (await stat(lock)).mtimeMs;
    await until('it is touched', ageMs, (ms) => ms < 50_000);
    await journal.close();
  }));

it('goes on behind what a hand has put into the file, tells that once, and the chain shows it', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'gateway.jsonl');
    const lines: unknown[] = [];
    const log = pino({ level: 'error' }, { write: (line: string) => lines.push(JSON.parse(line)) });
    const journal = await openIn(folder, { beatMs: 2 ** 30, log });
    await appendFile(file, 'a note\n');
    leave(journal, 1);
    await until('its line', async () => (await readFile(file, 'utf8')).includes('"request-1"'));
    leave(journal, 1, 2);
    await journal.close();
    expect(await readFile(file, 'utf8')).toMatch(/a note\n.*"request-1".*\n.*"request-2".*\n.*"stop".*\n$/);
    expect(await verified(folder)).toMatchObject({ fault: { line: 3 } });
    expect(lines).toEqual([
      expect.objectContaining({
        journal: file,
        msg: 'something else has written to the audit journal; it goes on',
      }),
    ]);
  }));
