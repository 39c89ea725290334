import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { FACTS, inFolder, leave, linesOf, openIn, textsOf } from '../audit/journal-under-test.ts';
import { run } from '../support/run.ts';
import { documentText, tableAfter } from './markdown.ts';

const text = documentText('docs/audit.md');
/** Members by the event whose lines have them; `all` for every one. */
const members = tableAfter(text, '## Lines').flatMap(([names = '', events = '']) =>
  [...names.matchAll(/`(\w+)`/g)].map(([, name = '']) => ({
    name,
    events: events === 'all' ? ['all'] : [...events.matchAll(/`(\w+)`/g)].map(([, event = '']) => event),
  })),
);
const membersOf = (event: string): string[] =>
  members.filter(({ events }) => events.includes(event) || events.includes('all')).map(({ name }) => name);

it('lists every member of every line, and the events that there are', () =>
  inFolder(async (folder) => {
    const journal = await openIn(folder);
    const facts = { ...FACTS, peerCn: 'passband-gateway' };
    journal.decision(facts, { outcome: 'allow', code: 'OK', rule: 'a', reason: 'b', shadowed: ['c'] });
    journal.streamEnd(facts, { code: 'OK', rule: 'a', reason: 'b', bytes: 1, frames: 1, durationMs: 1 });
    await journal.close();
    const lines = await linesOf(join(folder, 'gateway.jsonl'));
    expect(lines.map(({ event }) => event)).toEqual(['file', 'start', 'decision', 'end', 'stop']);
    for (const line of lines) expect(Object.keys(line).sort()).toEqual(membersOf(String(line.event)).sort());
    const events = tableAfter(text, '## What leaves a line').flatMap(([names = '']) =>
      [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name),
    );
    expect(events).toEqual(['decision', 'end', 'file', 'start', 'stop', 'recovered', 'outage']);
  }));

it('has a check that needs nothing of the program, and that agrees with it', () =>
  inFolder(async (folder) => {
    const [, script = ''] = /<!-- oracle -->\n```sh\n([\s\S]*?)```/.exec(text) ?? [];
    const journal = await openIn(folder);
    journal.decision(
      { ...FACTS, resource: '/v1/Zürich/"x"\\n' },
      { outcome: 'deny', code: 'OK', reason: '%s $(id) `id`' },
    );
    leave(journal, 5);
    await journal.close();
    const file = join(folder, 'gateway.jsonl');
    const texts = await textsOf(file);
    const { hash } = JSON.parse(texts.at(-1) ?? '') as { hash: string };
    const check = async (lines: readonly string[]): Promise<string> => {
      await writeFile(file, lines.map((line) => `${line}\n`).join(''));
      const { stdout } = await run('sh', ['-c', script], lines.map((line) => `${line}\n`).join(''));
      return stdout;
    };
    expect(await check(texts)).toBe(`ok, head ${hash}\n`);
    expect(await check(texts.toSpliced(4, 1))).toMatch(/^does not follow: /);
    expect(await check(texts.with(4, (texts[4] ?? '').replace('allow', 'deny')))).toMatch(/^altered: /);
  }));
