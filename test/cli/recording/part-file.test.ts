import { link, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { giveNames, PartFile } from '../../../src/cli/recording/part-file.ts';

/** What a FAT file system does. */
const noLinks: typeof link = async () => {
  throw Object.assign(new Error('EPERM: operation not permitted, link'), { code: 'EPERM' });
};

describe.each([
  ['with hard links', link],
  ['without', noLinks],
])('names on a file system %s', (_name, linkFile) => {
  let folder: string;
  let files: PartFile[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'passband-part-'));
    files = [];
    for (const name of ['a', 'b']) {
      const file = await PartFile.create(join(folder, name));
      await file.write(Buffer.from(name), 0);
      await file.close();
      files.push(file);
    }
  });
  afterEach(async () => rm(folder, { recursive: true, force: true }));

  const texts = async (): Promise<readonly string[]> => {
    const names = (await readdir(folder)).sort();
    return Promise.all(names.map(async (name) => `${name}: ${await readFile(join(folder, name), 'utf8')}`));
  };

  it('are given to all', async () => {
    await giveNames(files, linkFile);
    expect(await texts()).toEqual(['a: a', 'b: b']);
  });

  it('are given to none when one is taken', async () => {
    await writeFile(join(folder, 'b'), 'of somebody else');
    await expect(giveNames(files, linkFile)).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await texts()).toEqual(['a.part: a', 'b: of somebody else', 'b.part: b']);
  });
});
