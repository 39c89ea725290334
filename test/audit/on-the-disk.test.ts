import * as fs from 'node:fs/promises';
import { basename, join } from 'node:path';
import { beforeEach, expect, it, jest } from '@jest/globals';

/** What was asked of the file system and done, in its order; files by the number of their making. */
let done: string[] = [];
let files = 0;
const told =
  <Arguments extends unknown[], Result>(what: string, action: (...args: Arguments) => Promise<Result>) =>
  async (...args: Arguments): Promise<Result> => {
    const result = await action(...args);
    if (done.at(-1) !== what) done.push(what);
    return result;
  };
const names = (from: unknown, to: unknown): string => `${basename(String(from))} ${basename(String(to))}`;
jest.unstable_mockModule('node:fs/promises', () => ({
  ...fs,
  link: (from: string, to: string) => told(`link ${names(from, to)}`, fs.link)(from, to),
  rename: (from: string, to: string) => told(`rename ${names(from, to)}`, fs.rename)(from, to),
  open: async (path: string, flags: string | number, mode?: number) => {
    const handle = await fs.open(path, flags, mode);
    const isFolder = (await handle.stat()).isDirectory();
    // What is only read, and the lock.
    if (!isFolder && typeof flags === 'string') return handle;
    const name = isFolder ? `folder ${basename(path)}` : `file ${++files}`;
    return Object.assign(handle, {
      write: told(`write ${name}`, handle.write.bind(handle)),
      sync: told(`sync ${name}`, handle.sync.bind(handle)),
      datasync: told(`sync ${name}`, handle.datasync.bind(handle)),
    });
  },
}));
const { inFolder, leave, openIn, requestsIn } = await import('./journal-under-test.ts');
const { until } = await import('../support/until.ts');
beforeEach(() => {
  done = [];
  files = 0;
});

const BEGUN = [
  'sync folder deep',
  'sync folder PARENT',
  'write file 1',
  'sync file 1',
  'rename gateway.jsonl.new gateway.jsonl',
  'sync folder audit',
];
const STARTED = ['write file 1'];
const NEXT = [
  // The full one, then the first line of the next, then all that follows.
  'sync file 1',
  'write file 2',
  'sync file 2',
  'link gateway.jsonl gateway.000001.jsonl',
  'rename gateway.jsonl.new gateway.jsonl',
  'sync folder audit',
  'write file 2',
];
const STOPPED = ['write file 2'];

it.each<['always' | 'interval' | 'never', string[]]>([
  ['always', [...STARTED, 'sync file 1', 'write file 1', ...NEXT, 'sync file 2', ...STOPPED, 'sync file 2']],
  ['interval', [...STARTED, ...NEXT, 'sync file 2', ...STOPPED, 'sync file 2']],
  ['never', [...STARTED, ...NEXT]],
])('%s: names and full files are on the disk before it goes on, and lines when they shall be', (sync, then) =>
  inFolder(async (parent) => {
    const folder = join(parent, 'deep', 'audit');
    const journal = await openIn(folder, { sync, maxBytes: 4096, beatMs: 2 ** 30 });
    leave(journal, 8);
    await until('they are written', async () => (await requestsIn(folder)).length === 8);
    await journal.close();
    const all = done.map((what) => what.replace(basename(parent), 'PARENT'));
    expect(all).toEqual([...BEGUN, ...then]);
  }),
);
