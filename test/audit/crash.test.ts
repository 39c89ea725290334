import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, link, readdir, readFile, readlink, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, test } from '@jest/globals';
import pino from 'pino';
import { MAX_LINE_BYTES } from '../../src/audit/line.ts';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import {
  ALLOWED,
  chainBreaksAt,
  FACTS,
  inFolder,
  leave,
  linesOf,
  openIn,
  requestsIn,
  textsOf,
  verified,
} from './journal-under-test.ts';

it('goes on behind whatever beginning of a line a crash left, and owns up to it', () =>
  inFolder(async (folder) => {
    const journal = await openIn(folder);
    leave(journal, 1);
    await journal.close();
    const file = join(folder, 'gateway.jsonl');
    const whole = await readFile(file);
    const lastFrom = whole.lastIndexOf(0x0a, -2) + 1;
    for (let end = lastFrom; end < whole.length; end++) {
      await writeFile(file, whole.subarray(0, end));
      const again = await openIn(folder);
      leave(again, 1, 2);
      await again.close();

      const left = whole.subarray(0, end);
      expect((await readFile(file)).subarray(0, end).equals(left)).toBe(true);
      const isTorn = end > lastFrom && end < whole.length - 1;
      expect(await verified(folder)).toMatchObject({ fault: undefined, recovered: isTorn ? 1 : 0, unfinished: false });
      expect(await requestsIn(folder).catch(() => 'torn')).toEqual(isTorn ? 'torn' : ['request-1', 'request-2']);
    }
  }));

it('goes on behind a crash in the middle of owning up to a crash', () =>
  inFolder(async (folder) => {
    await (await openIn(folder)).close();
    const file = join(folder, 'gateway.jsonl');
    await appendFile(file, '{"time":"20\n{"time":"2026-11-22T05:26:45.562Z","event":"reco');
    const said: unknown[] = [];
    const log = pino({ level: 'warn' }, { write: (line: string) => said.push(JSON.parse(line)) });
    const journal = await openIn(folder, { log });
    leave(journal, 1);
    await journal.close();
    expect(said).toEqual([
      expect.objectContaining({ journal: file, msg: 'the audit journal ended within a line; it goes on behind it' }),
    ]);
    expect(await verified(folder)).toMatchObject({ fault: undefined, recovered: 1, lines: 7 });
  }));

it('goes on behind as many such crashes as there were', () =>
  inFolder(async (folder) => {
    await (await openIn(folder)).close();
    const file = join(folder, 'gateway.jsonl');
    for (let crashes = 0; crashes < 12; crashes++) await appendFile(file, `${crashes === 0 ? '' : '\n'}{"time":"20`);
    await (await openIn(folder)).close();
    expect(await verified(folder)).toMatchObject({ fault: undefined, recovered: 1, lines: 6 });
  }));

it('goes on behind the beginning of a line as long as they get, behind another', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'gateway.jsonl');
    const journal = await openIn(folder);
    // Each character takes six bytes in JSON.
    const text = '\u0001'.repeat(512);
    const shadowed = Array.from({ length: 32 }, () => text.slice(0, 128));
    for (let n = 0; n < 2; n++) {
      journal.decision({ ...FACTS, rpc: text, resource: text }, { ...ALLOWED, reason: text, shadowed });
    }
    await journal.close();
    const lines = await textsOf(file);
    const longBytes = lines[2]?.length ?? 0;
    expect(longBytes).toBeGreaterThan(MAX_LINE_BYTES / 2);
    expect(longBytes).toBeLessThan(MAX_LINE_BYTES);
    await writeFile(file, lines.slice(0, 4).join('\n').slice(0, -2));
    await (await openIn(folder)).close();
    expect(await verified(folder)).toMatchObject({ fault: undefined, recovered: 1, lines: 6 });
  }));

it('goes on when a crash left the full file with both of its names', () =>
  inFolder(async (folder) => {
    await (await openIn(folder)).close();
    await link(join(folder, 'gateway.jsonl'), join(folder, 'gateway.000001.jsonl'));
    expect(await verified(folder)).toMatchObject({ fault: undefined, lines: 3 });
    const journal = await openIn(folder, { maxBytes: 4096 });
    leave(journal, 20);
    await journal.close();
    expect(await verified(folder)).toMatchObject({ fault: undefined, firstFile: 1 });
    expect(await requestsIn(folder)).toHaveLength(20);
  }));

it('begins with nothing that crashes can leave of a new file', () =>
  inFolder(async (folder) => {
    await writeFile(join(folder, 'gateway.jsonl.new'), '{"time":"2026');
    await writeFile(join(folder, 'gateway.jsonl'), '');
    const journal = await openIn(folder);
    leave(journal, 1);
    await journal.close();
    expect(await verified(folder)).toMatchObject({ fault: undefined, lines: 4 });
  }));

it('goes on from the last full file when a crash came between it and the next', () =>
  inFolder(async (folder) => {
    const journal = await openIn(folder, { maxBytes: 4096 });
    leave(journal, 20);
    await journal.close();
    const names = (await readdir(folder)).sort();
    const file = join(folder, 'gateway.jsonl');
    const texts = await textsOf(file);
    await rename(file, join(folder, `gateway.${String(names.length).padStart(6, '0')}.jsonl`));
    await (await openIn(folder)).close();
    expect((await linesOf(file))[0]).toMatchObject({
      event: 'file',
      file: names.length + 1,
      prev: JSON.parse(texts.at(-1) ?? '').hash,
    });
    expect(await verified(folder)).toMatchObject({ fault: undefined });
  }));

test.each([
  [
    'a last line that was changed',
    (text: string) => text.replace(/"event":"stop"/, '"event":"stoP"'),
    'ends with a line that was changed',
  ],
  ['a first line that was changed', (text: string) => text.replace('"file":1', '"file":2'), 'does not begin as one'],
  ['nothing but noise', () => 'x'.repeat(300_000), 'does not begin as one'],
  ['noise behind it', (text: string) => `${text}${'x'.repeat(300_000)}`, 'has no whole line near its end'],
])('does not go on behind %s: that is evidence', (_, change, why) =>
  inFolder(async (folder) => {
    await (await openIn(folder)).close();
    const file = join(folder, 'gateway.jsonl');
    const changed = change(await readFile(file, 'utf8'));
    await writeFile(file, changed);
    await expect(openIn(folder)).rejects.toThrow(
      new RegExp(`gateway\\.jsonl ${why}, .* move the file to a safe place`),
    );
    expect(await readFile(file, 'utf8')).toBe(changed);
    // And leaves no lock behind: once the file is away, a new journal begins.
    await writeFile(file, '');
    await (await openIn(folder)).close();
  }),
);

it('does not go on behind a link in its place: that would lead the lines elsewhere', () =>
  inFolder(async (folder) => {
    const [file, elsewhere] = [join(folder, 'gateway.jsonl'), join(folder, 'elsewhere')];
    await (await openIn(folder)).close();
    await rename(file, elsewhere);
    await symlink(elsewhere, file);
    const before = await readFile(elsewhere, 'utf8');
    await expect(openIn(folder)).rejects.toThrow(/^--audit: .*ELOOP/);
    expect(await readFile(elsewhere, 'utf8')).toBe(before);
    expect((await readdir(folder)).sort()).toEqual(['elsewhere', 'gateway.jsonl']);
  }));

it('does not begin anew in the place of what it cannot look into', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'gateway.jsonl');
    await symlink(file, file);
    await expect(openIn(folder)).rejects.toThrow(/^--audit: .*ELOOP/);
    expect(await readlink(file)).toBe(file);
  }));

it('has every line that was settled after kill -9, again and again', () =>
  inFolder(async (folder) => {
    const seen: string[] = [];
    for (let round = 1; round <= 8; round++) {
      const child = spawn(process.execPath, [join(PACKAGE_ROOT, 'test/audit/writer.ts'), folder, `${round}`], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const exited = once(child, 'exit');
      let told = '';
      for await (const chunk of child.stdout) {
        told += chunk;
        if (told.split('\n').length > 10 * round) child.kill('SIGKILL');
      }
      expect((await exited)[1]).toBe('SIGKILL');
      seen.push(...told.split('\n').slice(0, -1));
    }
    const journal = await openIn(folder);
    await journal.close();
    const { fault, files } = await verified(folder);
    expect(fault).toBeUndefined();
    expect(files.length).toBeGreaterThan(2);
    const kept = (await Promise.all(files.map((file) => readFile(file, 'utf8')))).join('');
    expect(seen.length).toBeGreaterThan(300);
    expect(seen.filter((id) => !kept.includes(`"requestId":"${id}"`))).toEqual([]);
    const whole = (await Promise.all(files.map(textsOf))).flat().filter((text) => text.endsWith('"}'));
    expect(chainBreaksAt(whole)).toBeUndefined();
  }));
