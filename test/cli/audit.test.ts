import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { inFolder, leave, openIn, textsOf } from '../audit/journal-under-test.ts';
import { cli } from '../support/cli.ts';

/** Two journals in a folder; gives the last hash of the gateway's. */
async function journalsIn(folder: string): Promise<string> {
  for (const program of ['gateway', 'backend']) {
    const journal = await openIn(folder, { program, maxBytes: 4096 });
    leave(journal, 20);
    await journal.close();
  }
  return JSON.parse((await textsOf(join(folder, 'gateway.jsonl'))).at(-1) ?? '').hash;
}

it('says of each journal in a folder that it is in order', () =>
  inFolder(async (folder) => {
    const head = await journalsIn(folder);
    const { code, stdout, stderr } = await cli(['audit', 'verify', folder]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^gateway: ok; \d+ lines in [3-9] files, from \d{4}-\S+Z to \d{4}-\S+Z$/m);
    expect(stdout).toMatch(/^backend: ok; /m);
    expect(stdout).toContain(`head ${head}\n`);
  }));

it('names the line at which a chain breaks, and ends with 1', () =>
  inFolder(async (folder) => {
    await journalsIn(folder);
    const file = join(folder, 'gateway.000002.jsonl');
    const texts = await textsOf(file);
    await writeFile(
      file,
      texts
        .toSpliced(3, 1)
        .map((text) => `${text}\n`)
        .join(''),
    );
    const { code, stdout } = await cli(['audit', 'verify', folder]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^backend: ok; /m);
    expect(stdout).toContain(`gateway: broken at ${file}:4: this line has number`);
    const json = await cli(['audit', 'verify', '--json', folder]);
    expect(json.code).toBe(1);
    const verdicts = json.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(verdicts.map(({ program, fault }) => [program, fault?.line]).sort()).toEqual([
      ['backend', undefined],
      ['gateway', 4],
    ]);
  }));

it('with --head, shows that the end is not what it was', () =>
  inFolder(async (folder) => {
    const head = await journalsIn(folder);
    const file = join(folder, 'gateway.jsonl');
    expect((await cli(['audit', 'verify', '--head', head, folder])).code).toBe(0);
    const texts = await textsOf(file);
    await writeFile(
      file,
      texts
        .slice(0, -1)
        .map((text) => `${text}\n`)
        .join(''),
    );
    expect((await cli(['audit', 'verify', folder])).code).toBe(0);
    const { code, stdout } = await cli(['audit', 'verify', '--head', head, folder]);
    expect([code, stdout]).toEqual([1, expect.stringContaining(`broken: no line has the hash ${head}`)]);
  }));

it('tells what is unusual and no fault', () =>
  inFolder(async (folder) => {
    await journalsIn(folder);
    await rm(join(folder, 'gateway.000001.jsonl'));
    await appendFile(join(folder, 'gateway.jsonl'), '{"time":');
    await (await openIn(folder)).close();
    await appendFile(join(folder, 'gateway.jsonl'), '{"ti');
    const { code, stdout } = await cli(['audit', 'verify', folder]);
    expect(code).toBe(0);
    expect(stdout).toContain('it begins with file 2; those before are not here');
    expect(stdout).toContain('1 unfinished line(s) left by crashes');
    expect(stdout).toContain('its end is an unfinished line');
  }));

it('says of an emptied file, the one that is written to or a full one, that its lines are gone', () =>
  inFolder(async (folder) => {
    await journalsIn(folder);
    for (const name of ['gateway.jsonl', 'gateway.000001.jsonl']) {
      const file = join(folder, name);
      const before = await readFile(file);
      await writeFile(file, '');
      for (const path of [folder, file]) {
        const { code, stdout } = await cli(['audit', 'verify', path]);
        expect([code, stdout]).toEqual([
          1,
          expect.stringContaining(`broken at ${file}:1: this line is not there: the`),
        ]);
      }
      await writeFile(file, before);
      expect((await cli(['audit', 'verify', folder])).code).toBe(0);
    }
  }));

it('refuses a path that is not there, which is no broken chain', () =>
  inFolder(async (folder) => {
    await journalsIn(folder);
    const missing = join(folder, 'nothere');
    const says = `passband: ${missing} is not there; name the folder of --audit, or files of a journal\n`;
    for (const paths of [[missing], [folder, missing]]) {
      expect(await cli(['audit', 'verify', ...paths])).toEqual({ code: 2, stdout: '', stderr: says });
    }
  }));

it.each([
  ['a folder without journals', [], /has no audit journal; name the folder of --audit/],
  ['a hash that is none', ['--head', 'abc'], /--head: "abc": must be the hash of a line/],
])('refuses %s', (_, flags, says) =>
  inFolder(async (folder) => {
    const { code, stderr } = await cli(['audit', 'verify', ...flags, folder]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(says)]);
  }),
);

it('says of a file that is no journal at its first line that it is none', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'notes.txt');
    await writeFile(file, 'bread\nbutter\n');
    const { code, stdout } = await cli(['audit', 'verify', file]);
    expect([code, stdout]).toEqual([1, expect.stringContaining(`${file}:1: this line is no line of a journal`)]);
    expect(await readFile(file, 'utf8')).toBe('bread\nbutter\n');
  }));
