import * as fs from 'node:fs/promises';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';

// A file system without links, as FAT and some shared folders are.
const link = (): Promise<never> => Promise.reject(Object.assign(new Error('no links here'), { code: 'EPERM' }));
jest.unstable_mockModule('node:fs/promises', () => ({ ...fs, link }));
const { writeNew } = await import('../../src/durable-files.ts');
const { UsageError } = await import('../../src/errors.ts');

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'passband-no-links-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

it('a key is written with its mode, and nothing else is left behind', async () => {
  await writeNew(join(dir, 'a.key'), 'secret', 0o600);
  expect(await readFile(join(dir, 'a.key'), 'utf8')).toBe('secret');
  expect((await stat(join(dir, 'a.key'))).mode & 0o777).toBe(0o600);
  expect(await readdir(dir)).toEqual(['a.key']);
});

it('and never over what is there', async () => {
  await writeFile(join(dir, 'a.key'), 'mine');
  await expect(writeNew(join(dir, 'a.key'), 'new', 0o600)).rejects.toBeInstanceOf(UsageError);
  expect(await readFile(join(dir, 'a.key'), 'utf8')).toBe('mine');
  expect(await readdir(dir)).toEqual(['a.key']);
});
