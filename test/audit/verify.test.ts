import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, test } from '@jest/globals';
import { chainsOf } from '../../src/audit/chains.ts';
import { GENESIS, seal } from '../../src/audit/line.ts';
import { verifyChain } from '../../src/audit/verify.ts';
import { until } from '../support/until.ts';
import { inFolder, leave, linesOf, openIn, textsOf, verified } from './journal-under-test.ts';

/** A chain that anybody can make who knows the form. */
function forged(count: number): string[] {
  const texts: string[] = [];
  let before: string = GENESIS;
  for (let seq = 1; seq <= count; seq++) {
    const body =
      seq === 1 ? { event: 'file', v: 1, program: 'gateway', file: 1 } : { event: 'decision', requestId: `${seq}` };
    const { line, hash } = seal(JSON.stringify(body), seq, before);
    texts.push(line.trimEnd());
    before = hash;
  }
  return texts;
}

/** A journal of 10 lines whose lines are then changed. */
async function tampered(change: (texts: string[]) => readonly string[] | string): Promise<unknown> {
  let result: unknown;
  await inFolder(async (folder) => {
    const journal = await openIn(folder);
    leave(journal, 7);
    await journal.close();
    const file = join(folder, 'gateway.jsonl');
    const changed = change(await textsOf(file));
    await writeFile(file, typeof changed === 'string' ? changed : changed.map((text) => `${text}\n`).join(''));
    const { fault, lines } = await verifyChain('gateway', [file]);
    result = fault === undefined ? `ok ${lines}` : `${fault.line}: ${fault.what}`;
  });
  return result;
}

const replaced = (texts: readonly string[], at: number, ...by: readonly string[]): string[] =>
  texts.toSpliced(at - 1, 1, ...by);
const at = (texts: readonly string[], line: number): string => texts[line - 1] ?? '';

test.each<[what: string, change: (texts: string[]) => readonly string[] | string, result: RegExp]>([
  ['nothing', (texts) => texts, /^ok 10$/],
  ['a letter', (texts) => replaced(texts, 5, at(texts, 5).replace('sim-1', 'sim-2')), /^5: was altered/],
  [
    'a digit of its hash',
    (texts) =>
      replaced(
        texts,
        5,
        at(texts, 5).replace(/.("\})$/, (_, end) => `x${end}`),
      ),
    /^5: /,
  ],
  [
    'a denial into an allowance',
    (texts) => replaced(texts, 4, at(texts, 4).replace('"allow"', '"deny"')),
    /^4: was alt/,
  ],
  ['white space', (texts) => replaced(texts, 4, `${at(texts, 4)} `), /^4: is no line/],
  ['a carriage return', (texts) => replaced(texts, 4, `${at(texts, 4)}\r`), /^4: is no line/],
  [
    'the order of members',
    (texts) => replaced(texts, 4, at(texts, 4).replace(/("event":"\w+"),(.*?),/, '$2,$1,')),
    /^4: was/,
  ],
  ['a line away', (texts) => texts.toSpliced(4, 1), /^5: has number 6 where 5 belongs: lines before it were removed$/],
  ['three lines away', (texts) => texts.toSpliced(4, 3), /^5: has number 8 where 5 belongs/],
  ['the first line away', (texts) => texts.slice(1), /^1: does not begin a file/],
  [
    'two lines about',
    (texts) => replaced(replaced(texts, 5, at(texts, 6)), 6, at(texts, 5)),
    /^5: has number 6 where 5/,
  ],
  [
    'a line twice',
    (texts) => texts.toSpliced(5, 0, at(texts, 5)),
    /^6: has number 5 where 6 .*: it was inserted, repeated/,
  ],
  ['a line of another chain in its place', (texts) => replaced(texts, 5, at(forged(10), 5)), /^5: does not follow/],
  [
    'a line made for its place',
    (texts) => {
      const { prev } = JSON.parse(at(texts, 5)) as { prev: string };
      return replaced(texts, 5, seal('{"event":"decision"}', 5, prev).line.trimEnd());
    },
    /^6: does not follow the line before it: one of the two was replaced$/,
  ],
  ['half a line away', (texts) => replaced(texts, 5, at(texts, 5).slice(0, 99)), /^5: is no line/],
  [
    'the line feed between two',
    (texts) => texts.join('\n').replace(`${at(texts, 5)}\n`, at(texts, 5)),
    /^5: was altered/,
  ],
  ['an empty line in', (texts) => texts.toSpliced(5, 0, ''), /^6: is no line/],
  ['words in', (texts) => texts.toSpliced(5, 0, 'nothing happened here'), /^6: is no line/],
  ['words behind', (texts) => [...texts, 'nothing happened here'], /^11: is no line/],
  ['a megabyte in', (texts) => texts.toSpliced(5, 0, 'x'.repeat(1 << 20)), /^6: is no line/],
  [
    'a line that owns up to nothing in',
    (texts) => {
      const { hash } = JSON.parse(at(texts, 10)) as { hash: string };
      return [...texts, seal('{"event":"recovered","tornBytes":9,"tornSha256":"x"}', 11, hash).line.trimEnd()];
    },
    /^11: tells of the beginning of a line, and that was removed/,
  ],
  [
    'what comes before its first line',
    (texts) =>
      replaced(texts, 1, seal('{"event":"file","v":1,"program":"gateway","file":1}', 5, GENESIS).line.trimEnd()),
    /^1: begins file 1 and follows lines that are not there$/,
  ],
  [
    'what its first line follows',
    (texts) =>
      replaced(texts, 1, seal('{"event":"file","v":1,"program":"gateway","file":1}', 1, 'a'.repeat(64)).line.trimEnd()),
    /^1: begins file 1 and follows lines that are not there$/,
  ],
  ['all of it', () => forged(3), /^ok 3$/],
  ['its end away', (texts) => texts.slice(0, 6), /^ok 6$/],
  ['everything away', () => '', /^1: is not there: the file is empty/],
])('shows who changes %s', async (_, change, result) => {
  expect(await tampered(change)).toMatch(result);
});

it('shows a cut or rewritten end to those who noted a hash', () =>
  inFolder(async (folder) => {
    const journal = await openIn(folder);
    leave(journal, 7);
    await journal.close();
    const file = join(folder, 'gateway.jsonl');
    const { head } = await verified(folder);
    const more = await openIn(folder);
    leave(more, 3);
    await more.close();
    expect(await verified(folder, head)).toMatchObject({ fault: undefined, headFound: true });

    const texts = await textsOf(file);
    await writeFile(
      file,
      texts
        .slice(0, 9)
        .map((text) => `${text}\n`)
        .join(''),
    );
    expect(await verified(folder, head)).toMatchObject({ fault: undefined, headFound: false });
    await writeFile(
      file,
      forged(20)
        .map((text) => `${text}\n`)
        .join(''),
    );
    expect(await verified(folder, head)).toMatchObject({ fault: undefined, headFound: false });
  }));

it('names every flipped bit, wherever it is', () =>
  inFolder(async (folder) => {
    const journal = await openIn(folder);
    leave(journal, 1);
    await journal.close();
    const file = join(folder, 'gateway.jsonl');
    const bytes = await readFile(file);
    const unseen: number[] = [];
    for (let offset = 0; offset < bytes.length; offset++) {
      const flipped = Buffer.from(bytes);
      flipped[offset] = (bytes[offset] ?? 0) ^ (1 << (offset % 7));
      await writeFile(file, flipped);
      const { fault, lines, unfinished } = await verifyChain('gateway', [file]);
      const line = bytes.subarray(0, offset).toString().split('\n').length;
      // A changed last line feed leaves what a crash leaves: a last line that is not ended, and is seen to be.
      const isSeen = fault === undefined ? unfinished && lines === 3 && line === 4 : fault.line <= line + 1;
      if (!isSeen) unseen.push(offset);
    }
    expect(unseen).toEqual([]);
  }));

it('shows a file that is missing among others, and says which are there', () =>
  inFolder(async (folder) => {
    const journal = await openIn(folder, { maxBytes: 4096 });
    leave(journal, 40);
    await journal.close();
    const [chain] = await chainsOf([folder]);
    const files = chain?.files ?? [];
    expect(files.length).toBeGreaterThan(4);
    expect(await verifyChain('gateway', files.toReversed())).toMatchObject({ fault: { file: files.at(-2), line: 1 } });
    // Whatever the order in which they are named, their first lines say where they belong.
    const [sorted] = await chainsOf(files.toReversed());
    expect(sorted?.files).toEqual(files);

    await rm(files[0] ?? '');
    expect(await verified(folder)).toMatchObject({ fault: undefined, firstFile: 2 });
    await rm(files[2] ?? '');
    expect((await verified(folder)).fault).toEqual({
      file: files[3],
      line: 1,
      what: 'begins file 4 where file 3 belongs: files are missing or repeated',
    });
  }));

it('shows what was put behind a full file, or changed of what a crash left in one', () =>
  inFolder(async (folder) => {
    await (await openIn(folder)).close();
    const file = join(folder, 'gateway.jsonl');
    await appendFile(file, '{"time":"2026-');
    const journal = await openIn(folder, { maxBytes: 4096 });
    leave(journal, 20);
    await journal.close();
    const first = join(folder, 'gateway.000001.jsonl');
    const whole = await readFile(first, 'utf8');
    expect(await verified(folder)).toMatchObject({ fault: undefined, recovered: 1 });
    const torn = /\n(\{"time":"2026-)\n/;
    for (const [changed, line] of [
      [whole.replace(torn, '\n{"time":"2027-\n'), 4],
      [whole.replace(torn, '\n{"time":"202-\n'), 4],
      [`${whole}{"time":"2026-`, whole.split('\n').length],
    ] as const) {
      expect(changed).not.toBe(whole);
      await writeFile(first, changed);
      expect((await verified(folder)).fault).toEqual({ file: first, line, what: expect.stringMatching(/^is no line/) });
    }
  }));

it('says from when to when it is', () =>
  inFolder(async (folder) => {
    const journal = await openIn(folder);
    const startedMs = Date.now();
    leave(journal, 2);
    await until('some time has passed', () => Date.now() > startedMs);
    await journal.close();
    const times = (await linesOf(join(folder, 'gateway.jsonl'))).map(({ time }) => time);
    expect(times[0]).not.toBe(times.at(-1));
    expect(await verified(folder)).toMatchObject({ first: times[0], last: times.at(-1) });
  }));

it('tells the journals of a folder apart', () =>
  inFolder(async (folder) => {
    for (const program of ['gateway', 'backend']) {
      const journal = await openIn(folder, { program });
      leave(journal, 2);
      await journal.close();
    }
    const chains = await chainsOf([folder]);
    expect(chains.map(({ program }) => program).sort()).toEqual(['backend', 'gateway']);
    for (const { program, files } of chains) {
      expect(await verifyChain(program, files)).toMatchObject({ lines: 5, fault: undefined });
    }
  }));

it('takes a file that is being written for what it is', () =>
  inFolder(async (folder) => {
    const journal = await openIn(folder);
    await journal.close();
    await appendFile(join(folder, 'gateway.jsonl'), '{"time":"2026-');
    expect(await verified(folder)).toMatchObject({ fault: undefined, lines: 3, unfinished: true });
  }));
