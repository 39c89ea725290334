import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import {
  appendFile,
  chmod,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, test } from '@jest/globals';
import { UsageError } from '../../src/errors.ts';
import { ensureDevPki } from '../../src/pki/dev.ts';
import { inFolder } from '../../src/pki/folder.ts';
import { withFolderLock } from '../../src/pki/folder-lock.ts';
import { ensureAuthorities } from '../../src/pki/init.ts';
import { issueInto } from '../../src/pki/issue.ts';
import { readLedger } from '../../src/pki/journal.ts';
import { listFolder } from '../../src/pki/list.ts';
import { writeLists } from '../../src/pki/lists.ts';
import { renewIn } from '../../src/pki/renew.ts';
import { revokeIn } from '../../src/pki/revoke.ts';
import { requestInto, signRequest } from '../../src/pki/sign.ts';
import { loadTlsMaterial } from '../../src/pki/tls-files.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'passband-interrupted-'));
  await inFolder(dir, () => ensureAuthorities(dir, {}));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const at = (name: string): string => join(dir, name);
const client = (cn: string): ReturnType<typeof issueInto> => issueInto(dir, { profile: 'client', cn });
const leftovers = async (): Promise<string[]> =>
  (await readdir(dir)).filter((name) => /\.(issued|renewed|tmp)$|^index\.lock/.test(name));

/** A process that has ended, so that nobody has its number. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid ?? 0;
}

describe('the index', () => {
  test.each([
    ['half a line', '{"event":"issued","at":"2026'],
    [
      'a whole line without its end',
      '{"event":"list","at":"2026-01-01T00:00:00Z","authority":"a","number":"9","nextUpdate":""}',
    ],
    ['much of nothing', 'x'.repeat(10_000)],
  ])('loses %s at its end, which speaks of nothing that was handed out', async (_what, torn) => {
    const { certificate } = await client('a');
    const before = await readFile(at('index.jsonl'), 'utf8');
    await appendFile(at('index.jsonl'), torn);
    const serials = [...(await readLedger(dir)).issued.values()].map(({ serial }) => serial);
    expect(serials).toContain(certificate.serialNumber.toLowerCase());
    await client('b');
    const after = await readFile(at('index.jsonl'), 'utf8');
    expect(after.startsWith(before)).toBe(true);
    expect([...(await readLedger(dir)).issued.values()].map(({ name }) => name)).toEqual(['ca', 'a', 'b']);
    expect(after.slice(before.length)).toMatch(/^\{"event":"issued",[^\n]*"name":"b"[^\n]*\}\n$/);
  });

  test.each([
    ['no JSON', 'x'],
    ['another event', '{"event":"other"}'],
    ['a missing member', '{"event":"revoked","at":"x","serial":"1","authority":"a"}'],
    ['a reason that is none', '{"event":"revoked","at":"x","serial":"1","authority":"a","reason":"toString"}'],
    ['a number that is none', '{"event":"list","at":"x","authority":"a","number":"-1","nextUpdate":"x"}'],
    ['null', 'null'],
    ['an empty line', ''],
  ])('with %s in a line is refused, with its place, and nothing is issued', async (_what, line) => {
    await appendFile(at('index.jsonl'), `${line}\n`);
    await expect(listFolder(dir)).rejects.toThrow(/index\.jsonl:2 is not a line of an index; put the file back/);
    await expect(listFolder(dir)).rejects.toBeInstanceOf(UsageError);
  });
});

describe('what the index cannot take is not done', () => {
  /** Everything in the folder but the index, with its content. */
  const contents = async (): Promise<[string, string][]> => {
    const names = (await readdir(dir)).filter((name) => name !== 'index.jsonl');
    return await Promise.all(names.map(async (name) => [name, await readFile(at(name), 'latin1')] as [string, string]));
  };

  test.each<[string, () => Promise<unknown>]>([
    ['issuing', () => client('b')],
    ['renewing', () => renewIn(dir, 'a', {})],
    ['signing', async () => signRequest(dir, await readFile(at('r.csr')), at('r.csr'), { profile: 'client' })],
    ['revoking', async () => revokeIn(dir, await targetOf('a'), 'superseded')],
    ['a list', () => writeLists(dir)],
    ['a CA', async () => inFolder(dir, () => ensureAuthorities(dir, { issuing: true }))],
    ['a development set', () => ensureDevPki(dir)],
  ])('%s', async (_what, work) => {
    await rm(dir, { recursive: true });
    await inFolder(dir, () => ensureAuthorities(dir, { issuing: true }));
    for (const end of ['crt', 'key']) await rm(at(`issuing.${end}`));
    await client('a');
    await writeLists(dir);
    await requestInto(dir, { cn: 'r' });
    await rename(at('index.jsonl'), at('index.away'));
    // A name that leads nowhere: nothing is to be read there, and nothing can be written.
    await symlink(join(dir, 'nowhere', 'index.jsonl'), at('index.jsonl'));
    const before = await contents();
    await expect(work()).rejects.toThrow(/ENOENT/);
    expect(await contents()).toEqual(before);
  });

  const targetOf = async (name: string): Promise<{ serial: string; certificate: X509Certificate }> => {
    const certificate = new X509Certificate(await readFile(at(`${name}.crt`)));
    return { serial: certificate.serialNumber, certificate };
  };
});

describe('a pair', () => {
  it('whose certificate was not written is not there, and its name is free', async () => {
    await client('a');
    await rename(at('a.key'), at('b.key.issued'));
    await rm(at('a.crt'));
    await client('b');
    expect(await leftovers()).toEqual([]);
    await loadTlsMaterial(dir, 'b');
  });

  test.each([
    ['both wait', ['key', 'crt']],
    ['the certificate waits', ['crt']],
  ])('is completed when %s', async (_what, waiting) => {
    await client('a');
    for (const end of waiting) await rename(at(`a.${end}`), at(`a.${end}.issued`));
    await client('b');
    await loadTlsMaterial(dir, 'a');
    expect(await leftovers()).toEqual([]);
  });

  test.each([
    ['both wait', ['key', 'crt']],
    ['the certificate waits', ['crt']],
  ])('is renewed to the end when %s', async (_what, waiting) => {
    const first = await client('a');
    const old = { crt: await readFile(at('a.crt')), key: await readFile(at('a.key')) };
    const second = await renewIn(dir, 'a', {});
    for (const end of ['crt', 'key'] as const) {
      if (!waiting.includes(end)) continue;
      await rename(at(`a.${end}`), at(`a.${end}.renewed`));
      await writeFile(at(`a.${end}`), old[end], { mode: 0o600 });
    }
    await client('b');
    const { certPem } = await loadTlsMaterial(dir, 'a');
    expect(certPem).toContain(second.certificate.toString());
    expect(certPem).not.toContain(first.certificate.toString());
    expect(await leftovers()).toEqual([]);
  });

  it('never replaces what somebody else has put there since', async () => {
    await client('a');
    for (const end of ['key', 'crt']) await rename(at(`a.${end}`), at(`a.${end}.issued`));
    await writeFile(at('a.key'), 'mine');
    await expect(client('b')).rejects.toThrow(/a\.key is there, and .*a\.key\.issued was to become it; remove the one/);
    expect(await readFile(at('a.key'), 'utf8')).toBe('mine');
  });

  test.each(['crt', 'key'])('is not issued where NAME.%s is, and the index does not have it', async (end) => {
    await writeFile(at(`a.${end}`), 'mine');
    await expect(client('a')).rejects.toThrow(new RegExp(`a\\.${end} is there and is never overwritten`));
    expect(await readFile(at(`a.${end}`), 'utf8')).toBe('mine');
    expect((await readLedger(dir)).issued.size).toBe(1);
  });
});

describe('the lock', () => {
  it('lets one at a time into a folder', async () => {
    let inside = 0;
    const seen: number[] = [];
    const enter = (): Promise<void> =>
      withFolderLock(dir, async () => {
        inside += 1;
        seen.push(inside);
        await readdir(dir);
        inside -= 1;
      });
    await Promise.all(Array.from({ length: 12 }, enter));
    expect(seen).toEqual(Array(12).fill(1));
    expect(await leftovers()).toEqual([]);
  });

  /** Name of the lock that this process has while it is in the folder. */
  const ownLock = async (): Promise<string> => {
    const names = await withFolderLock(dir, () => readdir(dir));
    return names.find((name) => name.startsWith('index.lock~')) ?? '';
  };

  it('of a process that was killed holds nobody up, and what it left half written is removed', async () => {
    const pid = await deadPid();
    const own = await ownLock();
    await writeFile(at(own.replace(/~\d+~[0-9a-f]+$/, `~${pid}~00ff`)), '');
    // A process before this one had its number.
    await writeFile(at(own.replace(/[0-9a-f]+$/, '00ff')), '');
    await writeFile(at(`a.key.issued.${pid}-abc.tmp`), 'old');
    await utimes(at(`a.key.issued.${pid}-abc.tmp`), 1, 1);
    await writeFile(at(`b.key.issued.${process.pid}-abc.tmp`), 'at work');
    await utimes(at(`b.key.issued.${process.pid}-abc.tmp`), 1, 1);
    await client('a');
    expect(await leftovers()).toEqual([`b.key.issued.${process.pid}-abc.tmp`]);
  });

  test.each([
    ['with a number that nobody has here', deadPid],
    ['with the number of this process, as all have that are alone in their container', async () => process.pid],
  ])('of another container of the same host name is waited for, %s', async (_what, pidOf) => {
    const own = await ownLock();
    const theirs = own.replace(/\+[0-9a-f]+~\d+~[0-9a-f]+$/, `+0123456789abcdef~${await pidOf()}~00ff`);
    expect(theirs).not.toBe(own);
    await writeFile(at(theirs), '');
    await expect(withFolderLock(dir, () => Promise.resolve(), 50)).rejects.toThrow(/is changing .*; wait for it/);
    expect(await leftovers()).toEqual([theirs]);
    await rm(at(theirs));
    await client('a');
  });

  it('of another machine is waited for, and then named with the remedy', async () => {
    const file = at('index.lock~far.example~7~00ff');
    await writeFile(file, '');
    await expect(withFolderLock(dir, () => Promise.resolve(), 50)).rejects.toThrow(
      `process 7 on far.example is changing ${dir}; wait for it, or, if no such process runs there, remove ${file}`,
    );
    expect(await leftovers()).toEqual(['index.lock~far.example~7~00ff']);
    await rm(file);
    await client('a');
  });

  it('is given back when the work fails', async () => {
    await expect(withFolderLock(dir, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await leftovers()).toEqual([]);
  });
});

it('a key that others may read is not signed with, and the refusal says what to do', async () => {
  await chmod(at('ca.key'), 0o640);
  await expect(client('a')).rejects.toThrow(/ca\.key may be read by others \(mode 0640\); run: chmod 600/);
  expect((await stat(at('index.jsonl'))).size).toBeGreaterThan(0);
  expect((await readLedger(dir)).issued.size).toBe(1);
});
