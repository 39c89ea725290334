import * as fs from 'node:fs/promises';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, jest } from '@jest/globals';
import { until } from '../support/until.ts';

// A file system without links, as FAT and some shared folders are.
const link = (): Promise<never> => Promise.reject(Object.assign(new Error('no links here'), { code: 'EPERM' }));
jest.unstable_mockModule('node:fs/promises', () => ({ ...fs, link }));
const { inFolder, leave, openIn, requestsIn, verified } = await import('./journal-under-test.ts');

it('goes on in a new file when one is full, and carries the chain over', () =>
  inFolder(async (folder) => {
    const journal = await openIn(folder, { maxBytes: 4096 });
    leave(journal, 20);
    await journal.close();
    expect((await readdir(folder)).length).toBeGreaterThan(2);
    expect(await requestsIn(folder)).toEqual(Array.from({ length: 20 }, (_, index) => `request-${index + 1}`));
    expect(await verified(folder)).toMatchObject({ fault: undefined, firstFile: 1 });
  }));

it('never writes over a file that has the name it would take', () =>
  inFolder(async (folder) => {
    const journal = await openIn(folder, { maxBytes: 4096 });
    const taken = join(folder, 'gateway.000001.jsonl');
    await writeFile(taken, 'evidence');
    leave(journal, 20);
    await until('it cannot go on', () => {
      try {
        journal.assertWritable();
        return false;
      } catch {
        return true;
      }
    });
    expect(await readFile(taken, 'utf8')).toBe('evidence');
    await rm(taken);
    // Without links a file has no name for a moment while it is put aside: then look again.
    await until('it goes on', async () => (await requestsIn(folder).catch(() => [])).length === 20);
    await journal.close();
    expect(await verified(folder)).toMatchObject({ fault: undefined, firstFile: 1 });
  }));
