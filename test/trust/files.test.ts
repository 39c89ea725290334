import {
  appendFile,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pino from 'pino';
import { UsageError } from '../../src/errors.ts';
import { openReloadable, type ReloadableOptions } from '../../src/trust/files.ts';
import type { Reloadable } from '../../src/trust/reloadable.ts';
import { until } from '../support/until.ts';

/** Milliseconds between looks, so that these tests take no seconds. */
const POLL_MS = 10;

let dir: string;
const open: Reloadable<unknown>[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'passband-files-'));
});
afterEach(async () => {
  for (const value of open.splice(0)) value.close();
  await rm(dir, { recursive: true, force: true });
});
const at = (name: string): string => join(dir, name);

/** Puts a file in place in one step, as certificate managers do. */
async function replace(name: string, content: string): Promise<void> {
  await writeFile(at('.new'), content);
  await rename(at('.new'), at(name));
}

interface Watched<T> {
  readonly value: Reloadable<T>;
  readonly outcomes: boolean[];
  /** Reasons that were logged at level error. */
  readonly errors: string[];
  readonly changes: [now: T, before: T][];
}

async function watch<T>(load: ReloadableOptions<T>['load'], files: readonly string[]): Promise<Watched<T>> {
  const outcomes: boolean[] = [];
  const errors: string[] = [];
  const log = pino(
    { level: 'error' },
    { write: (line: string) => errors.push((JSON.parse(line) as { why: string; msg: string }).why ?? line) },
  );
  const onOutcome = (ok: boolean): void => {
    outcomes.push(ok);
  };
  const value = await openReloadable({ what: 'test', files, load, log, onOutcome, pollMs: POLL_MS });
  open.push(value);
  const changes: [T, T][] = [];
  value.onChange((now, before) => changes.push([now, before]));
  return { value, outcomes, errors, changes };
}

/** A pair of files that only go together when they say the same, as a certificate and its key do. */
async function loadPair(): Promise<string> {
  const [a, b] = await Promise.all([readFile(at('a'), 'utf8'), readFile(at('b'), 'utf8')]);
  if (a === '') throw new UsageError('a is empty; fill it');
  if (a !== b) throw new UsageError(`a and b are no pair; put one there`);
  return a;
}
async function watchPair(): Promise<Watched<string>> {
  await writeFile(at('a'), 'one');
  await writeFile(at('b'), 'one');
  return await watch(loadPair, [at('a'), at('b')]);
}

describe('what is made of files', () => {
  it('is what they were at first, and fails like its first reading', async () => {
    const { value, outcomes } = await watchPair();
    expect(value.current()).toBe('one');
    expect(outcomes).toEqual([true]);
    await replace('b', 'two');
    await expect(watch(loadPair, [at('a'), at('b')])).rejects.toThrow('a and b are no pair');
  });

  it('follows files that are renamed into place, both together', async () => {
    const { value, changes } = await watchPair();
    await replace('a', 'two');
    await replace('b', 'two');
    await until('the second pair is in use', () => value.current() === 'two');
    expect(changes).toEqual([['two', 'one']]);
  });

  it('stays at the last good pair while one of two is replaced, says why once, and takes the pair', async () => {
    const { value, errors, outcomes, changes } = await watchPair();
    await replace('a', 'two');
    await until('the half pair was tried', () => outcomes.includes(false));
    expect(value.current()).toBe('one');
    await replace('b', 'three');
    await until('and once more', () => outcomes.length === 3);
    await replace('b', 'two');
    await until('the pair is in use', () => value.current() === 'two');
    expect(errors).toEqual(['a and b are no pair; put one there']);
    expect(changes).toEqual([['two', 'one']]);
    expect(outcomes).toEqual([true, false, false, true]);
  });

  it('follows a link that Kubernetes turns to another folder', async () => {
    for (const [folder, content] of [
      ['..1', 'one'],
      ['..2', 'two'],
    ] as const) {
      await mkdir(at(folder));
      for (const name of ['a', 'b']) await writeFile(join(at(folder), name), content);
    }
    await symlink('..1', at('..data'));
    for (const name of ['a', 'b']) await symlink(join('..data', name), at(name));
    const { value, changes, errors } = await watch(loadPair, [at('a'), at('b')]);
    await symlink('..2', at('..data_tmp'));
    await rename(at('..data_tmp'), at('..data'));
    await rm(at('..1'), { recursive: true });
    await until('what the link leads to now', () => value.current() === 'two');
    expect(changes).toEqual([['two', 'one']]);
    expect(errors).toEqual([]);
  });

  it('sees bytes that are changed in place behind an old date', async () => {
    const { value } = await watchPair();
    const { atime, mtime } = await stat(at('a'));
    for (const name of ['a', 'b']) {
      await writeFile(at(name), 'two');
      await utimes(at(name), atime, mtime);
    }
    await until('the bytes of the same length and date', () => value.current() === 'two');
  });

  it('keeps the last good state over a partial write', async () => {
    const { value, errors, changes } = await watchPair();
    await truncate(at('a'), 0);
    await until('the empty file was tried', () => errors.length > 0);
    expect(value.current()).toBe('one');
    await appendFile(at('a'), 'on');
    await until('half a file was tried', () => errors.length > 1);
    await appendFile(at('a'), 'e');
    const reloaded = await value.reload();
    expect([reloaded, value.current(), changes.length]).toEqual([true, 'one', 0]);
    expect(errors).toEqual(['a is empty; fill it', 'a and b are no pair; put one there']);
  });

  it('outlives files that vanish for a moment', async () => {
    const { value, errors, outcomes } = await watchPair();
    await rename(at('a'), at('gone'));
    await until('it was missed', () => outcomes.at(-1) === false);
    expect(value.current()).toBe('one');
    expect(errors).toEqual([expect.stringContaining('ENOENT')]);
    await rename(at('gone'), at('a'));
    await until('it is back', () => outcomes.at(-1) === true);
  });

  it('follows a file that need not be there', async () => {
    const load = () => readFile(at('list'), 'utf8').catch(() => 'none');
    const { value } = await watch(load, [at('list')]);
    expect(value.current()).toBe('none');
    await writeFile(at('list'), 'some');
    await until('it appeared', () => value.current() === 'some');
    await rm(at('list'));
    await until('it is gone', () => value.current() === 'none');
  });

  it('never mixes what was read before a change with what was read after it', async () => {
    await writeFile(at('a'), '1');
    await writeFile(at('b'), '1');
    let spoil = false;
    const load = async (): Promise<string> => {
      const a = await readFile(at('a'), 'utf8');
      if (spoil) {
        spoil = false;
        for (const name of ['a', 'b']) await replace(name, '3');
      }
      return `${a}${await readFile(at('b'), 'utf8')}`;
    };
    const { value, changes } = await watch(load, [at('a'), at('b')]);
    spoil = true;
    await replace('a', '2');
    await until('what was written last', () => value.current() === '33');
    expect(changes).toEqual([['33', '11']]);
  });

  it('is given up while the files change under every reading', async () => {
    await writeFile(at('a'), '1');
    let busy = false;
    const load = async (): Promise<string> => {
      if (busy) await appendFile(at('a'), '1');
      return await readFile(at('a'), 'utf8');
    };
    const { value, errors } = await watch(load, [at('a')]);
    busy = true;
    expect(await value.reload()).toBe(false);
    expect([value.current(), ...errors]).toEqual(['1', expect.stringMatching(/a keep changing while they are read/)]);
    busy = false;
    await until('quiet again', () => value.current().length > 1);
  });

  it('says so when the files never stop changing', async () => {
    const { value, errors } = await watchPair();
    let busy = true;
    const writer = (async () => {
      while (busy) await appendFile(at('a'), 'x');
    })();
    await until('somebody was told', () => errors.includes('the files never stop changing'));
    busy = false;
    await writer;
    expect(value.current()).toBe('one');
  });

  it('tries a broken set again though the files look the same, since dates come true', async () => {
    await writeFile(at('a'), '1');
    let isTime = true;
    const load = async (): Promise<string> => {
      if (!isTime) throw new UsageError('a is not valid yet');
      return await readFile(at('a'), 'utf8');
    };
    const { value, outcomes, errors } = await watch(load, [at('a')]);
    isTime = false;
    await replace('a', '2');
    await until('it was refused', () => outcomes.length === 2);
    isTime = true;
    await until('its time came', () => value.current() === '2');
    expect(errors).toEqual(['a is not valid yet']);
    expect(outcomes).toEqual([true, false, true]);
  });

  it('waits twice as long before each further try, and begins anew when the files change', async () => {
    await writeFile(at('a'), '1');
    let isGood = true;
    const triesMs: number[] = [];
    const { value } = await watch(async () => {
      triesMs.push(performance.now());
      if (!isGood) throw new UsageError('a is wrong; mend it');
      return await readFile(at('a'), 'utf8');
    }, [at('a')]);
    isGood = false;
    triesMs.length = 0;
    await replace('a', '2');
    await until('it was tried again and again', () => triesMs.length === 4);
    // After 1, 2 and 4 s; a busy machine makes it longer, never shorter.
    expect((triesMs[3] ?? 0) - (triesMs[0] ?? 0)).toBeGreaterThan(6_500);
    isGood = true;
    await replace('a', '3');
    await until('a change is read at once', () => value.current() === '3');
    expect(triesMs).toHaveLength(5);
  });

  it('replaces what can be used, and is broken for as long as a part cannot', async () => {
    await writeFile(at('a'), '1');
    const { value, outcomes, errors, changes } = await watch(
      async (before: string | undefined, onPartFault) => {
        const now = await readFile(at('a'), 'utf8');
        if (now.endsWith('!')) onPartFault(new UsageError(`${now} has half of it; put the rest there`));
        return now === before ? before : now;
      },
      [at('a')],
    );
    await replace('a', '2!');
    await until('the good part is in use', () => value.current() === '2!');
    await until('and the other was told', () => outcomes.length === 2);
    expect([outcomes, errors]).toEqual([[true, false], ['2! has half of it; put the rest there']]);
    expect(await value.reload()).toBe(false);
    expect([value.current(), changes.length, errors.length]).toEqual(['2!', 1, 1]);
    await replace('a', '3');
    await until('all of it', () => value.current() === '3');
    expect(outcomes.at(-1)).toBe(true);
  });
});

describe('reload', () => {
  it('reads though nothing changed, and tells nobody where nothing is new', async () => {
    let loads = 0;
    const { value, changes } = await watch(
      async (before: { n: number } | undefined) => {
        loads += 1;
        return before ?? { n: loads };
      },
      [at('a')],
    );
    expect(await Promise.all([value.reload(), value.reload()])).toEqual([true, true]);
    expect([loads, changes.length]).toEqual([3, 0]);
  });

  it('says false and why when the files cannot be used', async () => {
    const { value, errors, outcomes } = await watchPair();
    await rm(at('b'));
    expect(await value.reload()).toBe(false);
    expect(value.current()).toBe('one');
    expect([errors.length, outcomes.at(-1)]).toEqual([1, false]);
  });
});

describe('listeners', () => {
  it('are told in order, with what was before, and none is kept from it by another', async () => {
    const { value } = await watchPair();
    const seen: string[] = [];
    value.onChange(() => {
      throw new Error('one that fails');
    });
    const stop = value.onChange((now) => seen.push(`first ${now}`));
    value.onChange((now, before) => seen.push(`second ${now} for ${before}, in use: ${value.current()}`));
    for (const name of ['a', 'b']) await replace(name, 'two');
    await until('the second pair is in use', () => seen.length === 2);
    expect(seen).toEqual(['first two', 'second two for one, in use: two']);
    stop();
    for (const name of ['a', 'b']) await replace(name, 'three');
    await until('the third pair is in use', () => seen.length === 3);
    expect(seen[2]).toBe('second three for two, in use: three');
  });

  it('hear nothing after close, and nothing is read', async () => {
    const { value, changes } = await watchPair();
    const other = await watch(loadPair, [at('a'), at('b')]);
    value.close();
    for (const text of ['two', 'three']) {
      for (const name of ['a', 'b']) await replace(name, text);
      await until('another one saw it', () => other.value.current() === text);
    }
    expect([value.current(), changes.length]).toEqual(['one', 0]);
    expect(await value.reload()).toBe(false);
  });
});
