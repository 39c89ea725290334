import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, test } from '@jest/globals';
import { takeLock } from '../../src/audit/lock.ts';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { inFolder, openIn } from './journal-under-test.ts';

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
