import { readdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it, test } from '@jest/globals';
import pino from 'pino';
import { Registry } from 'prom-client';
import { type AppendFile, openAppendFile } from '../../src/audit/append-file.ts';
import { chainsOf } from '../../src/audit/chains.ts';
import { MAX_BACKLOG_BYTES, MAX_WAITING_BYTES } from '../../src/audit/journal.ts';
import { PassbandError } from '../../src/errors.ts';
import { auditMetrics } from '../../src/observability/audit-metrics.ts';
import { until } from '../support/until.ts';
import {
  ALLOWED,
  FACTS,
  inFolder,
  type Line,
  leave,
  linesOf,
  openIn,
  requestsIn,
  verified,
} from './journal-under-test.ts';

/** A disk that takes so many more bytes, the last write in part as a full disk does, and counts syncs. */
class Disk {
  room = Number.POSITIVE_INFINITY;
  syncs = 0;
  syncFails = false;
  /** Syncs that fail, by their numbers. */
  failing: readonly number[] = [];
  /** How much of what is in files was there at a sync that did not fail, by the files' inodes. */
  readonly synced = new Map<number, number>();
  /** Files that were opened, and those of them that are open. */
  opened = 0;
  openFiles = 0;
  /** How often something was to be written. */
  asked = 0;
  /** Bytes of the largest write that was asked for. */
  largestBytes = 0;
  /** Each write waits for this. */
  gate: Promise<void> = Promise.resolve();

  open = async (path: string): Promise<AppendFile> => {
    const file = await openAppendFile(path);
    this.opened++;
    this.openFiles++;
    return {
      ...file,
      close: async () => {
        this.openFiles--;
        await file.close();
      },
      append: async (bytes) => {
        await this.gate;
        this.asked++;
        this.largestBytes = Math.max(this.largestBytes, bytes.length);
        if (this.room <= 0)
          throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
        const written = await file.append(bytes.subarray(0, Math.min(bytes.length, this.room)));
        this.room -= written;
        return written;
      },
      sync: async () => {
        this.syncs++;
        if (this.syncFails || this.failing.includes(this.syncs))
          throw Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' });
        const size = await file.size();
        await file.sync();
        for (const name of await readdir(dirname(path))) {
          if (await file.isAt(join(dirname(path), name)))
            this.synced.set((await stat(join(dirname(path), name))).ino, size);
        }
      },
    };
  };
}

const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `request-${index + 1}`);

function refusal(action: () => void): PassbandError | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    return error instanceof PassbandError ? error : undefined;
  }
}

/** A log that is kept. */
function keptLog() {
  const lines: Line[] = [];
  return { lines, log: pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) }) };
}

async function outages(folder: string): Promise<Line[]> {
  return (await linesOf(`${folder}/gateway.jsonl`)).filter(({ event }) => event === 'outage');
}

test.each([0, 1, 100, 777, 2000])(
  'stop: a disk that is full after %d bytes refuses what is new and loses no line',
  (room) =>
    inFolder(async (folder) => {
      const disk = new Disk();
      const registry = new Registry();
      const { lines, log } = keptLog();
      const metrics = auditMetrics(registry, 'gateway');
      const journal = await openIn(folder, { openFile: disk.open, log, metrics });
      journal.assertWritable();
      disk.room = room;
      leave(journal, 10);
      await until('it refuses', () => refusal(() => journal.assertWritable()) !== undefined);
      expect(refusal(() => journal.assertWritable())).toMatchObject({ code: 'UNAVAILABLE', status: 503 });
      // What runs already still leaves its lines, and they wait.
      leave(journal, 5, 11);
      expect(await registry.metrics()).toContain('passband_audit_broken{journal="gateway"} 1');
      expect(lines.filter(({ msg }) => msg === 'the audit journal cannot be written')).toEqual([
        expect.objectContaining({ level: 50, cause: expect.stringContaining('ENOSPC'), whenFull: 'stop' }),
      ]);

      disk.room = Number.POSITIVE_INFINITY;
      await until('it takes requests again', () => refusal(() => journal.assertWritable()) === undefined);
      leave(journal, 1, 16);
      await journal.close();
      expect(await requestsIn(folder)).toEqual(ids(16));
      expect(await verified(folder)).toMatchObject({ fault: undefined, recovered: 0 });
      expect(await outages(folder)).toEqual([
        expect.objectContaining({ reason: expect.stringContaining('ENOSPC'), lost: 0 }),
      ]);
      expect(await registry.metrics()).toContain('passband_audit_broken{journal="gateway"} 0');
    }),
);

/** A disk that takes nothing and calls that no error. */
class ShyDisk {
  isFull = false;
  /** How often it took nothing. */
  refusals = 0;
  open = async (path: string): Promise<AppendFile> => {
    const file = await openAppendFile(path);
    const append = async (bytes: Uint8Array): Promise<number> => {
      if (!this.isFull) return file.append(bytes);
      this.refusals++;
      // Who asks for ever is to leave others their turn, or no test would see it.
      return new Promise((took) => setImmediate(() => took(0)));
    };
    return { ...file, append };
  };
}

test.each([
  ['', 1 << 26],
  [' and a new file is due', 700],
])('stop: a disk that takes nothing and calls that no error is full%s', (_, maxBytes) =>
  inFolder(async (folder) => {
    const disk = new ShyDisk();
    const journal = await openIn(folder, { openFile: disk.open, maxBytes, beatMs: 2 ** 30 });
    disk.isFull = true;
    leave(journal, 1);
    await until('it refuses', () => refusal(() => journal.assertWritable()) !== undefined);
    expect(disk.refusals).toBe(1);
    disk.isFull = false;
    await journal.close();
    expect(await requestsIn(folder)).toEqual(ids(1));
    expect(await verified(folder)).toMatchObject({ fault: undefined });
  }),
);

it('stop: an outage is since its first failure', () =>
  inFolder(async (folder) => {
    const disk = new Disk();
    const journal = await openIn(folder, { openFile: disk.open });
    const startedMs = Date.now();
    disk.room = 0;
    leave(journal, 1);
    await until('it refuses', () => refusal(() => journal.assertWritable()) !== undefined);
    const [refusedMs, asked] = [Date.now(), disk.asked];
    await until('it has tried again', () => disk.asked > asked && Date.now() > refusedMs + 10);
    const then = disk.asked;
    await until('and again', () => disk.asked > then);
    disk.room = Number.POSITIVE_INFINITY;
    await until('it is mended', async () => (await outages(folder)).length > 0);
    await journal.close();
    const sinceMs = Date.parse(String((await outages(folder))[0]?.since));
    expect(sinceMs).toBeGreaterThanOrEqual(startedMs);
    expect(sinceMs).toBeLessThanOrEqual(refusedMs);
  }));

it('has one file open, however often it went on in another or could not', () =>
  inFolder(async (folder) => {
    const disk = new Disk();
    const journal = await openIn(folder, { openFile: disk.open, maxBytes: 700 });
    const triesTwice = async (what: string): Promise<void> => {
      const before = disk.opened;
      await until(what, () => disk.opened >= before + 2);
    };
    const taken = join(folder, 'gateway.000001.jsonl');
    await writeFile(taken, '');
    leave(journal, 1);
    await triesTwice('a name is taken');
    await rm(taken);
    await until('all is written', async () => (await outages(folder)).length === 1);
    disk.room = 0;
    leave(journal, 1, 2);
    await triesTwice('a disk is full');
    disk.room = Number.POSITIVE_INFINITY;
    await until('the line is there', async () => (await requestsIn(folder)).length === 2);
    await until(
      'one is open',
      () => disk.openFiles,
      (count) => count === 1,
    );
    await journal.close();
    expect(disk.openFiles).toBe(0);
  }));

it('stop: a disk that stays full to the end is said so, with how many lines that cost', () =>
  inFolder(async (folder) => {
    const disk = new Disk();
    const { lines, log } = keptLog();
    const journal = await openIn(folder, { openFile: disk.open, log });
    disk.room = 50;
    leave(journal, 10);
    await journal.close();
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 50, lines: 10, msg: 'audit lines could not be written and are lost' }),
    );
    // And the next start goes on behind what was written in part.
    const again = await openIn(folder);
    await again.close();
    expect(await verified(folder)).toMatchObject({ fault: undefined, recovered: 1 });
  }));

it('stop: a disk that is too slow holds new requests back before memory grows', () =>
  inFolder(async (folder) => {
    const disk = new Disk();
    const journal = await openIn(folder, { openFile: disk.open });
    let open = (): void => {};
    disk.gate = new Promise((resolve) => {
      open = resolve;
    });
    let count = 0;
    const most = (2 * MAX_BACKLOG_BYTES) / (100 * 400);
    while (refusal(() => journal.assertWritable()) === undefined && count < most)
      leave(journal, 100, 1 + 100 * count++);
    expect(count).toBeLessThan(most);
    expect(count * 100 * 700).toBeGreaterThan(MAX_BACKLOG_BYTES);
    open();
    await until('it takes requests again', () => refusal(() => journal.assertWritable()) === undefined);
    await journal.close();
    expect(await requestsIn(folder)).toEqual(ids(count * 100));
  }));

it('stop: nor does it forget what waits when lines are written again after a sync that failed', () =>
  inFolder(async (folder) => {
    const disk = new Disk();
    const journal = await openIn(folder, { openFile: disk.open, sync: 'always' });
    const isWritable = (): boolean => refusal(() => journal.assertWritable()) === undefined;
    /** How many lines, in hundreds, it takes before it refuses requests; after some, it may begin to write. */
    const takes = async (beforeItWrites = Number.POSITIVE_INFINITY): Promise<number> => {
      let open = (): void => {};
      disk.gate = new Promise((resolve) => {
        open = resolve;
      });
      let count = 0;
      for (; isWritable() && count < 1_000; count++) {
        leave(journal, 100);
        if (count === beforeItWrites) await new Promise((turn) => setImmediate(turn));
      }
      open();
      await until('it takes requests again', isWritable);
      await journal.settled();
      return count;
    };
    const before = await takes();
    // What is about to be written waits as well, and is longer by what binds it to the line before.
    expect(await takes(100)).toBeLessThanOrEqual(before);
    disk.syncFails = true;
    leave(journal, 10_000);
    await expect(journal.settled()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    disk.syncFails = false;
    await until('it takes requests again', isWritable);
    await journal.settled();
    expect(await takes()).toBe(before);
    await journal.close();
  }));

it('warn: requests go on; what memory cannot hold is lost, and a line says how many that were', () =>
  inFolder(async (folder) => {
    const disk = new Disk();
    const registry = new Registry();
    const { lines, log } = keptLog();
    const metrics = auditMetrics(registry, 'gateway');
    const journal = await openIn(folder, { openFile: disk.open, whenFull: 'warn', log, metrics });
    disk.room = 0;
    const long = { ...FACTS, identity: undefined, resource: 'x'.repeat(500), rpc: 'y'.repeat(500) };
    const reason = 'z'.repeat(500);
    const each = 1_600;
    const many = Math.ceil(MAX_WAITING_BYTES / each) + 1000;
    for (let n = 1; n <= many; n++) {
      journal.assertWritable();
      journal.decision({ ...long, requestId: `request-${n}` }, { ...ALLOWED, reason });
    }
    await until('the fault is seen', () => lines.some(({ msg }) => msg === 'the audit journal cannot be written'));
    disk.room = Number.POSITIVE_INFINITY;
    await until('it is mended', async () => (await outages(folder)).length > 0);
    leave(journal, 1, many + 1);
    await journal.close();

    const kept = await requestsIn(folder);
    const lost = many + 1 - kept.length;
    expect(lost).toBeGreaterThan(0);
    expect(kept).toEqual([...ids(kept.length - 1), `request-${many + 1}`]);
    expect(await outages(folder)).toEqual([expect.objectContaining({ lost })]);
    expect(await registry.metrics()).toContain(`passband_audit_lost_lines_total{journal="gateway"} ${lost}`);
    expect(lines.filter(({ msg }) => msg === 'audit line lost')).toHaveLength(1);
    // What was told is not told again at the end.
    expect(lines.filter(({ msg }) => msg === 'audit lines could not be written and are lost')).toEqual([]);
    expect(await verified(folder)).toMatchObject({ fault: undefined });
  }));

it('always: whoever waits for a line is refused when it cannot be written, and its line comes later', () =>
  inFolder(async (folder) => {
    const disk = new Disk();
    const journal = await openIn(folder, { openFile: disk.open, sync: 'always' });
    disk.room = 10;
    leave(journal, 1);
    await expect(journal.settled()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    leave(journal, 1, 2);
    await expect(journal.settled()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    disk.room = Number.POSITIVE_INFINITY;
    await until('it takes requests again', () => refusal(() => journal.assertWritable()) === undefined);
    leave(journal, 1, 3);
    await journal.settled();
    expect(await requestsIn(folder)).toEqual(ids(3));
    await journal.close();
  }));

it('always, warn: nobody waits for a disk that takes nothing', () =>
  inFolder(async (folder) => {
    const disk = new Disk();
    const journal = await openIn(folder, { openFile: disk.open, sync: 'always', whenFull: 'warn' });
    disk.room = 10;
    leave(journal, 1);
    await journal.settled();
    leave(journal, 1, 2);
    expect(journal.settled()).toBeUndefined();
    disk.room = Number.POSITIVE_INFINITY;
    await journal.close();
    expect(await requestsIn(folder)).toEqual(ids(2));
  }));

it('always: a disk that cannot sync is one that cannot be written', () =>
  inFolder(async (folder) => {
    const disk = new Disk();
    const journal = await openIn(folder, { openFile: disk.open, sync: 'always' });
    disk.syncFails = true;
    leave(journal, 1);
    await expect(journal.settled()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(refusal(() => journal.assertWritable())).toBeDefined();
    disk.syncFails = false;
    await until('it takes requests again', () => refusal(() => journal.assertWritable()) === undefined);
    await journal.close();
    expect(await outages(folder)).toEqual([expect.objectContaining({ reason: expect.stringContaining('EIO') })]);
  }));

test.each<['always' | 'interval']>([['always'], ['interval']])(
  '%s: what a failed sync may have dropped is written again, in a new file, until a sync has not failed',
  (sync) =>
    inFolder(async (folder) => {
      const disk = new Disk();
      const { lines, log } = keptLog();
      const journal = await openIn(folder, { openFile: disk.open, sync, keep: 1, log });
      const file = `${folder}/gateway.jsonl`;
      leave(journal, 3);
      await until('they are written', async () => (await requestsIn(folder)).length === 3);
      await until('they are synced', async () => disk.synced.get((await stat(file)).ino) === (await stat(file)).size);
      // The next; the first of the new file's own two; the second of another's.
      const next = disk.syncs + 1;
      disk.failing = [next, next + 2, next + 5];
      leave(journal, 2, 4);
      await until('it is mended', () => lines.some(({ msg }) => msg === 'the audit journal is written again'));
      leave(journal, 1, 6);
      await journal.close();

      const [chain] = await chainsOf([folder]);
      const files = await Promise.all((chain?.files ?? []).map(linesOf));
      const decisions = files.map((of) => of.filter(({ event }) => event === 'decision'));
      expect(decisions.map((of) => of.map(({ requestId }) => requestId))).toEqual([
        ids(5),
        ['request-4', 'request-5'],
        ['request-4', 'request-5', 'request-6'],
      ]);
      // Each repetition names the first of its kind, whatever became of those between.
      const [four, five] = decisions[0]?.slice(3).map(({ seq }) => seq) ?? [];
      expect(decisions.slice(1).map((of) => of.map(({ again }) => again))).toEqual([
        [four, five],
        [four, five, undefined],
      ]);
      expect(decisions[2]?.[0]).toMatchObject({
        ...decisions[0]?.[3],
        seq: expect.any(Number),
        prev: expect.any(String),
        hash: expect.any(String),
      });
      expect(await outages(folder)).toEqual([
        expect.objectContaining({ reason: expect.stringContaining('EIO'), lost: 0 }),
      ]);
      expect(lines.filter(({ msg }) => msg === 'the audit journal is written again')).toHaveLength(1);
      expect(await verified(folder)).toMatchObject({ fault: undefined, firstFile: 1 });
      // What is in the last file is on the disk, all of it.
      expect(disk.synced.get((await stat(file)).ino)).toBe((await stat(file)).size);
    }),
);

it('a disk that cannot sync to the end leaves it said how many lines that may have cost', () =>
  inFolder(async (folder) => {
    const disk = new Disk();
    const { lines, log } = keptLog();
    const journal = await openIn(folder, { openFile: disk.open, sync: 'interval', beatMs: 2 ** 30, log });
    disk.syncFails = true;
    leave(journal, 10);
    await journal.close();
    // The line of its start was not synced either.
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 50, lines: 11, msg: 'audit lines could not be written and are lost' }),
    );
  }));

it('interval: what is remembered until it is synced is bounded', () =>
  inFolder(async (folder) => {
    const disk = new Disk();
    const journal = await openIn(folder, { openFile: disk.open, sync: 'interval', beatMs: 2 ** 30 });
    const before = disk.syncs;
    leave(journal, Math.ceil(MAX_BACKLOG_BYTES / 400));
    await until('it syncs before it is time', () => disk.syncs > before);
    await journal.close();
  }));

it('writes many lines at once, of one MiB at most', () =>
  inFolder(async (folder) => {
    const disk = new Disk();
    const journal = await openIn(folder, { openFile: disk.open });
    leave(journal, 5_000);
    await journal.close();
    expect(await requestsIn(folder)).toHaveLength(5_000);
    expect(disk.largestBytes).toBeLessThanOrEqual(1024 * 1024);
    expect(disk.largestBytes).toBeGreaterThan(1024 * 1024 - 1_000);
  }));

it('syncs once for all that came while the disk was busy', () =>
  inFolder(async (folder) => {
    const disk = new Disk();
    const journal = await openIn(folder, { openFile: disk.open, sync: 'always' });
    const before = disk.syncs;
    leave(journal, 1000);
    await journal.settled();
    expect(disk.syncs - before).toBeLessThanOrEqual(2);
    await journal.close();
  }));

test.each<['interval' | 'never', boolean]>([
  ['interval', true],
  ['never', false],
])('%s: syncs by itself: %p', (sync, does) =>
  inFolder(async (folder) => {
    const disk = new Disk();
    const journal = await openIn(folder, { openFile: disk.open, sync });
    const before = disk.syncs;
    leave(journal, 1);
    if (does) await until('it syncs', () => disk.syncs > before);
    else {
      await until('the line is there', async () => (await requestsIn(folder)).length === 1);
      expect(disk.syncs).toBe(before);
    }
    await journal.close();
    expect(disk.syncs > before).toBe(does);
  }),
);

test.each([
  ['begun', 30, 3],
  ['gone on with', 400, 4],
])('says at its start that a journal cannot be %s, naming the setting', (_, room, lines) =>
  inFolder(async (folder) => {
    const disk = new Disk();
    disk.room = room;
    await expect(openIn(folder, { openFile: disk.open })).rejects.toThrow(/^--audit: .* cannot be written to \(ENOSPC/);
    // No lock is left, and nothing that cannot be gone on with.
    const journal = await openIn(folder);
    await journal.close();
    expect(await verified(folder)).toMatchObject({ fault: undefined, lines, recovered: lines - 3 });
  }),
);

it('loses no line that comes after it was closed without saying so', () =>
  inFolder(async (folder) => {
    const { lines, log } = keptLog();
    const journal = await openIn(folder, { log });
    await journal.close();
    leave(journal, 1);
    expect(lines.filter(({ msg }) => msg === 'audit line lost')).toEqual([
      expect.objectContaining({ level: 50, line: expect.stringContaining('"request-1"') }),
    ]);
  }));
