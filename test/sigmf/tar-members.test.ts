import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { UsageError } from '../../src/errors.ts';
import { type TarFile, tarMembers } from '../../src/sigmf/tar-members.ts';

const LONG = `${'long/'.repeat(40)}name.sigmf-data`;
const FILES: Readonly<Record<string, Buffer>> = {
  'a.sigmf-meta': Buffer.from('{"the": "metadata"}'),
  'a.sigmf-data': Buffer.from(Array.from({ length: 1500 }, (_, i) => i & 0xff)),
  'empty.txt': Buffer.alloc(0),
  [LONG]: Buffer.from('under a long name'),
};

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'passband-tar-'));
  execFileSync('mkdir', ['-p', join(dir, LONG, '..')]);
  for (const [name, bytes] of Object.entries(FILES)) writeFileSync(join(dir, name), bytes);
});
afterAll(() => rmSync(dir, { recursive: true }));

const membersOf = (archive: Buffer): Promise<readonly TarFile[]> =>
  tarMembers(async (offset, bytes) => archive.subarray(offset, offset + bytes), archive.length, 'x.sigmf');

function tar(...options: readonly string[]): Buffer {
  execFileSync('tar', ['-cf', join(dir, 'x.tar'), '-C', dir, ...options, ...Object.keys(FILES)]);
  return readFileSync(join(dir, 'x.tar'));
}

describe('the members of an archive', () => {
  it.each([['ustar'], ['pax'], ['gnu']])('of GNU tar, --format=%s, are found with their bytes', async (format) => {
    const archive = tar(`--format=${format}`);
    const members = await membersOf(archive);
    expect(members.map(({ name }) => name)).toEqual(Object.keys(FILES));
    for (const { name, offset, bytes } of members) {
      expect(archive.subarray(offset, offset + bytes).equals(FILES[name] ?? Buffer.of(1))).toBe(true);
    }
  });

  it('are found where names begin with ./ and folders are among them', async () => {
    execFileSync('tar', ['-cf', join(dir, 'y.tar'), '-C', dir, './a.sigmf-meta', './long']);
    const members = await membersOf(readFileSync(join(dir, 'y.tar')));
    expect(members.map(({ name }) => name)).toEqual(['a.sigmf-meta', LONG]);
  });

  it('may have sizes that octal digits cannot state', async () => {
    const archive = tar('--format=gnu');
    const [{ offset: at = 0 } = {}] = await membersOf(archive);
    const header = at - 512;
    // The same size in binary, and the sum anew.
    archive.fill(0, header + 124, header + 136);
    archive[header + 124] = 0x80;
    archive.writeUIntBE(FILES['a.sigmf-meta']?.length ?? 0, header + 130, 6);
    archive.fill(' ', header + 148, header + 156);
    const sum = archive.subarray(header, header + 512).reduce((total, byte) => total + byte, 0);
    archive.write(`${sum.toString(8).padStart(6, '0')}\0 `, header + 148, 'latin1');
    const [first] = await membersOf(archive);
    expect(first).toMatchObject({ name: 'a.sigmf-meta', bytes: 19 });
  });

  /** A member of each name, and the archive's end, as GNU tar appends them. */
  function appended(...members: readonly string[]): Buffer {
    const file = join(dir, 'twice.tar');
    rmSync(file, { force: true });
    for (const member of members) execFileSync('tar', ['-rf', file, '-C', dir, '-P', ...member.split(' ')]);
    return readFileSync(file);
  }

  it.each([
    ['twice', ['a.sigmf-data', 'a.sigmf-meta', 'a.sigmf-data'], 'a.sigmf-data'],
    ['under another spelling', ['a.sigmf-data', './/a.sigmf-data'], '/a.sigmf-data'],
    [
      'behind a slash more',
      ['--transform=s,^,b/, a.sigmf-data', '--transform=s,^,b//, a.sigmf-data'],
      'b//a.sigmf-data',
    ],
    ['from the root', ['a.sigmf-data', '--transform=s,^,/, a.sigmf-data'], '/a.sigmf-data'],
    ['as a link', ['a.sigmf-data', '--transform=s,link,a.sigmf-data,rS link'], 'a.sigmf-data'],
  ])('are refused when one is there %s: which of them counts nobody knows', async (_name, members, told) => {
    if (!existsSync(join(dir, 'link'))) symlinkSync('/etc/hostname', join(dir, 'link'));
    await expect(membersOf(appended(...members))).rejects.toThrow(UsageError);
    await expect(membersOf(appended(...members))).rejects.toThrow(
      `x.sigmf: holds two files of the name ${told}; make it again with one of them`,
    );
  });

  it('may lie in one folder that is there twice', async () => {
    const members = await membersOf(appended('--no-recursion ./long', '--no-recursion ./long', 'a.sigmf-meta'));
    expect(members.map(({ name }) => name)).toEqual(['a.sigmf-meta']);
  });

  const changed = (at: number, value: number): Buffer => {
    const archive = tar('--format=ustar');
    archive[at] = value;
    return archive;
  };
  it.each([
    ['no archive at all', () => Buffer.from('P'.repeat(2000)), /is no tar archive/],
    ['an empty file', () => Buffer.alloc(0), /is no tar archive/],
    ['a header that was changed', () => changed(3, 0x7a), /is no tar archive/],
    ['a later header that was changed', () => changed(1027, 0x7a), /is damaged: there is no tar header at byte 1024/],
    ['an archive that was cut', () => tar('--format=ustar').subarray(0, 2500), /is cut short/],
    ['a sparse file', () => sparse(), /holds a sparse file/],
  ])('are refused: %s', async (_name, make, message) => {
    const members = membersOf(make());
    await expect(members).rejects.toThrow(UsageError);
    await expect(members).rejects.toThrow(message);
    await expect(members).rejects.toThrow(/^x\.sigmf: /);
  });

  function sparse(): Buffer {
    execFileSync('truncate', ['-s', '1M', join(dir, 'holes')]);
    execFileSync('tar', ['--sparse', '--format=gnu', '-cf', join(dir, 'z.tar'), '-C', dir, 'holes']);
    return readFileSync(join(dir, 'z.tar'));
  }
});
