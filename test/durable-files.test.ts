import { statSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { replaceFile, writeNew } from '../src/durable-files.ts';
import { UsageError } from '../src/errors.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'passband-durable-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const at = (name: string): string => join(dir, name);

/** As much as is written in many steps. */
const LARGE = Buffer.alloc(16 * 1024 * 1024, 'x');

/** The sizes that a file is seen to have while it is written, each once: undefined while it is not there. */
async function sizesDuring(file: string, writing: Promise<void>): Promise<readonly (number | undefined)[]> {
  const seen = new Set<number | undefined>();
  const look = (): unknown => seen.add(statSync(file, { throwIfNoEntry: false })?.size);
  look();
  let isOver = false;
  const over = writing.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    look();
    await setImmediate();
  }
  await over;
  look();
  return [...seen];
}

describe('writeNew', () => {
  it('writes with the given mode, in folders that it makes, and leaves nothing else behind', async () => {
    const file = join(dir, 'a', 'b', 'new.key');
    await writeNew(file, 'secret', 0o600);
    expect(await readFile(file, 'utf8')).toBe('secret');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(dir, 'a', 'b'))).toEqual(['new.key']);
  });

  it('never writes over what is there', async () => {
    await writeFile(at('server.key'), 'old');
    const work = writeNew(at('server.key'), 'new', 0o600);
    await expect(work).rejects.toBeInstanceOf(UsageError);
    await expect(work).rejects.toThrow(/server\.key exists already .*remove it first/);
    expect(await readFile(at('server.key'), 'utf8')).toBe('old');
  });

  it('shows nothing until all is there', async () => {
    const file = at('large');
    expect(await sizesDuring(file, writeNew(file, LARGE, 0o600))).toEqual([undefined, LARGE.length]);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('lets exactly one of many writers through', async () => {
    const file = at('race');
    const texts = Array.from({ length: 20 }, (_, i) => `${i}`.repeat(10_000));
    const results = await Promise.allSettled(texts.map((text) => writeNew(file, text, 0o600)));
    const winners = texts.filter((_, i) => results[i]?.status === 'fulfilled');
    expect(winners).toEqual([await readFile(file, 'utf8')]);
    expect((await readdir(dir)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

describe('replaceFile', () => {
  it('shows the old file until the new one is whole, and leaves nothing else behind', async () => {
    const file = at('list');
    await writeFile(file, 'old');
    expect(await sizesDuring(file, replaceFile(file, LARGE, 0o644))).toEqual([3, LARGE.length]);
    expect((await stat(file)).mode & 0o777).toBe(0o644);
    expect(await readdir(dir)).toEqual(['list']);
  });
});
