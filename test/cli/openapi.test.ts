import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { openapiCommand } from '../../src/cli/openapi.ts';
import { PASSBAND_PROTO } from '../../src/descriptors.ts';
import { UsageError } from '../../src/errors.ts';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { inFolder } from '../openapi/from-proto.ts';

/** Runs the verb in this process. */
async function openapi(...words: readonly string[]): Promise<{ out: string; err: string; code: number }> {
  let out = '';
  let err = '';
  const command = openapiCommand();
  command.exitOverride().configureOutput({
    writeOut: (text) => {
      out += text;
    },
    writeErr: (text) => {
      err += text;
    },
  });
  await command.parseAsync(words, { from: 'user' });
  const code = Number(process.exitCode ?? 0);
  process.exitCode = 0;
  return { out, err, code };
}

const COMMITTED = join(PACKAGE_ROOT, 'openapi', 'passband.yaml');
const PROTO = `syntax = "proto3"; package p; import "google/api/annotations.proto"; import "other/m.proto";
service S { rpc Get(M) returns (M) { option (google.api.http) = { get: "/get" }; } }`;
const IMPORTED = 'syntax = "proto3"; package p; message M { string text = 1; }';

describe('passband openapi', () => {
  afterEach(() => {
    process.exitCode = 0;
  });

  test("prints the description of Passband's own API, as it is committed", async () => {
    expect((await openapi()).out).toBe(await readFile(COMMITTED, 'utf8'));
  });

  test('prints JSON where asked', async () => {
    expect(JSON.parse((await openapi('--json')).out)).toEqual(parse(await readFile(COMMITTED, 'utf8')));
  });

  test('describes other protos, found by --proto-path', async () => {
    await inFolder(async (folder) => {
      const file = join(folder, 'api.proto');
      await mkdir(join(folder, 'roots', 'other'), { recursive: true });
      await writeFile(file, PROTO);
      await writeFile(join(folder, 'roots', 'other', 'm.proto'), IMPORTED);
      const words = [
        '--proto',
        file,
        '--proto-path',
        join(folder, 'roots'),
        '--title',
        'Other',
        '--server',
        'https://x.test',
      ];
      const { out } = await openapi(...words);
      expect(parse(out)).toMatchObject({
        info: { title: 'Other', version: '0.0.0' },
        servers: [{ url: 'https://x.test' }],
        paths: { '/get': { get: { operationId: 'S_Get' } } },
      });
      expect(parse((await openapi(...words, '--api-version', '4.5.6')).out)).toMatchObject({
        info: { version: '4.5.6' },
      });
    });
  });

  test('writes a file, which is then current, and says where it is not', async () => {
    await inFolder(async (folder) => {
      for (const name of ['api.yaml', 'api.json']) {
        const file = join(folder, name);
        expect(await openapi('-o', file)).toEqual({ out: '', err: '', code: 0 });
        expect(await openapi('--check', file)).toEqual({ out: '', err: '', code: 0 });
        const lines = (await readFile(file, 'utf8')).split('\n');
        await writeFile(file, lines.toSpliced(4, 1).join('\n'));
        const stale = await openapi('--check', file);
        expect(stale.code).toBe(1);
        expect(stale.err).toContain(`${file} is out of date from line 5`);
        expect(stale.err).toContain(`passband openapi -o ${file}`);
      }
    });
  });

  test.each([
    ['a proto that is not there', ['--proto', '/nowhere/at-all.proto'], /\/nowhere\/at-all\.proto/],
    ['a file to check that is not there', ['--check', '/nowhere/at-all.yaml'], /--check \/nowhere\/at-all\.yaml/],
    ['a file that cannot be written', ['-o', '/nowhere/at-all.yaml'], /--output \/nowhere\/at-all\.yaml/],
    ['a server that is no URL', ['--server', 'localhost'], /--server localhost/],
    ['a server with a slash behind', ['--server', 'https://x.test/'], /--server https:\/\/x\.test\//],
    ['to write and to check', ['-o', 'a', '--check', 'b'], /--check/],
    ['a folder without protos', ['--proto', join(PASSBAND_PROTO, '..', 'src', 'pki')], /no \.proto file/],
  ] as const)('refuses %s', async (_, words, message) => {
    await expect(openapi(...words)).rejects.toThrow(UsageError);
    await expect(openapi(...words)).rejects.toThrow(message);
  });

  test('names a flag that it does not know', async () => {
    await expect(openapi('--nope')).rejects.toThrow(/--nope/);
  });
});
