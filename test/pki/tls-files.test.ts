import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, test } from '@jest/globals';
import { UsageError } from '../../src/errors.ts';
import { loadTlsMaterial } from '../../src/pki/tls-files.ts';
import { makeTestPki, type TestPki } from '../support/pki.ts';

let pki: TestPki;
let dir: string;
beforeAll(async () => {
  pki = await makeTestPki();
});
afterAll(() => pki.remove());
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'passband-tls-files-'));
  for (const name of ['ca.crt', 'server.crt', 'server.key']) await copyFile(join(pki.dir, name), join(dir, name));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const at = (name: string): string => join(dir, name);
const failure = async (work: Promise<unknown>): Promise<string> => {
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UsageError);
  return error instanceof UsageError ? error.message : '';
};

describe('loadTlsMaterial', () => {
  it('gives texts and files of a good set', async () => {
    expect(await loadTlsMaterial(dir, 'server')).toEqual({
      certPem: await readFile(at('server.crt'), 'utf8'),
      keyPem: await readFile(at('server.key'), 'utf8'),
      caPem: await readFile(at('ca.crt'), 'utf8'),
      certFile: at('server.crt'),
      keyFile: at('server.key'),
      caFile: at('ca.crt'),
    });
  });

  it('takes a chain, text around the blocks, Windows line ends and one live CA among expired ones', async () => {
    const old = await pki.issue({ notAfter: new Date(Date.now() - 1000) });
    await writeFile(at('server.crt'), `Subject: x\n${await readFile(at('server.crt'), 'utf8')}${pki.caPem}`);
    await writeFile(at('ca.crt'), `${old.certPem}${pki.caPem}`.replaceAll('\n', '\r\n'));
    await expect(loadTlsMaterial(dir, 'server')).resolves.toMatchObject({ certFile: at('server.crt') });
  });

  const put = (name: string, content: string) => async (): Promise<void> => writeFile(at(name), content);
  const issue = (days: readonly [from: number, to: number]) => async (): Promise<void> => {
    const [notBefore, notAfter] = days.map((day) => new Date(Date.now() + day * 86_400_000));
    if (notBefore === undefined || notAfter === undefined) throw new TypeError('two days');
    const made = await pki.issue({ notBefore, notAfter });
    await writeFile(at('server.crt'), made.certPem);
    await writeFile(at('server.key'), made.keyPem);
  };
  test.each<[string, () => Promise<void>, string, RegExp]>([
    ['no CA', () => rm(at('ca.crt')), 'ca.crt', /is missing; put it there/],
    ['an empty CA', put('ca.crt', ''), 'ca.crt', /has no certificate in it/],
    ['a CA that is text', put('ca.crt', 'trust everybody\n'), 'ca.crt', /has no certificate in it/],
    ['a key as CA', async () => copyFile(at('server.key'), at('ca.crt')), 'ca.crt', /has no certificate in it/],
    [
      'a CA with a broken block',
      put('ca.crt', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'),
      'ca.crt',
      /cannot be parsed/,
    ],
    ['a CA cut short', () => truncate(at('ca.crt'), 300), 'ca.crt', /is cut short or damaged/],
    // Taken as it is, it would shut out everybody of the other CA.
    [
      'a bundle whose second CA is half written',
      async () => writeFile(at('ca.crt'), `${pki.caPem}${pki.caPem.slice(0, 300)}`),
      'ca.crt',
      /is cut short or damaged/,
    ],
    [
      'a chain whose issuing CA is half written',
      async () => writeFile(at('server.crt'), `${(await pki.pair('server')).certPem}${pki.caPem.slice(0, 28)}`),
      'server.crt',
      /is cut short or damaged/,
    ],
    [
      'a bundle that has lost its beginning',
      async () => writeFile(at('ca.crt'), `${pki.caPem.slice(300)}${pki.caPem}`),
      'ca.crt',
      /is cut short or damaged/,
    ],
    [
      'an expired CA',
      async () => writeFile(at('ca.crt'), (await pki.issue({ notAfter: new Date(1_700_000_000_000) })).certPem),
      'ca.crt',
      /expired \(notAfter 2023-11-14T22:13:20.000Z\)/,
    ],
    ['no certificate', () => rm(at('server.crt')), 'server.crt', /is missing; put it there/],
    [
      'a folder as certificate',
      async () => {
        await rm(at('server.crt'));
        await mkdir(at('server.crt'));
      },
      'server.crt',
      /not a regular file/,
    ],
    [
      'a certificate without end',
      put('server.crt', 'x'.repeat(1024 * 1024 + 1)),
      'server.crt',
      /larger than 1048576 bytes/,
    ],
    ['an expired certificate', issue([-2, -1]), 'server.crt', /has expired \(notAfter 20..-/],
    ['a certificate not valid yet', issue([1, 2]), 'server.crt', /not valid yet \(notBefore 20..-/],
    ['no key', () => rm(at('server.key')), 'server.key', /is missing; put it there/],
    ['an empty key', put('server.key', ''), 'server.key', /no private key that can be parsed/],
    [
      'a certificate as key',
      async () => writeFile(at('server.key'), pki.caPem),
      'server.key',
      /no private key that can be parsed/,
    ],
    [
      'the key of another certificate',
      async () => writeFile(at('server.key'), (await pki.pair('client')).keyPem),
      'server.key',
      /is not the key of .*server\.crt/,
    ],
    [
      'a key with a passphrase',
      put('server.key', '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n'),
      'server.key',
      /passphrase.*openssl pkey -in/,
    ],
  ])('refuses %s', async (_what, spoil, file, says) => {
    await spoil();
    const message = await failure(loadTlsMaterial(dir, 'server'));
    expect(message.startsWith(at(file))).toBe(true);
    expect(message).toMatch(says);
  });

  test.each([0o640, 0o604, 0o620, 0o601, 0o644])('refuses a key of mode %o', async (mode) => {
    await chmod(at('server.key'), mode);
    const message = await failure(loadTlsMaterial(dir, 'server'));
    expect(message).toContain(`(mode 0${mode.toString(8)}); run: chmod 600 ${at('server.key')}`);
  });

  it('looks at the mode of the file that a link leads to', async () => {
    await chmod(at('server.key'), 0o644);
    await symlink(at('server.key'), at('other.key'));
    await copyFile(at('server.crt'), at('other.crt'));
    expect(await failure(loadTlsMaterial(dir, 'other'))).toContain('chmod 600');
    await chmod(at('server.key'), 0o400);
    await expect(loadTlsMaterial(dir, 'other')).resolves.toMatchObject({ keyFile: at('other.key') });
  });
});
