import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { loadKnownMethods } from '../../src/cli/known-methods.ts';
import { policyCommand } from '../../src/cli/policy.ts';
import { UsageError } from '../../src/errors.ts';
import { DEV_POLICY } from '../../src/gateway/guard/policy.ts';
import { knownMethods } from '../gateway/guard/known-methods.ts';
import { inFolderWith } from '../support/protos.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'passband-policy-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const check = async (
  text: string | undefined,
  ...args: readonly string[]
): Promise<{ out: string; protos: readonly string[]; roots: readonly string[] }> => {
  const file = join(dir, 'policy.yaml');
  if (text === undefined) await rm(file, { force: true });
  else await writeFile(file, text);
  let [out, asked, roots]: [string, readonly string[], readonly string[]] = ['', [], []];
  const command = policyCommand(async (protos, protoPath) => {
    [asked, roots] = [protos, protoPath];
    return { ...knownMethods, request: () => ({}) };
  });
  for (const each of [command, ...command.commands]) each.configureOutput({ writeOut: (line) => (out += line) });
  await command.parseAsync(['check', file, ...args], { from: 'user' });
  return { out, protos: asked, roots };
};

it('says that a good policy is good, and which rules it has', async () => {
  expect(await check(DEV_POLICY)).toEqual({
    out: `${join(dir, 'policy.yaml')}: ok; rules: developer, dashboards; delegates: 1\n`,
    protos: [],
    roots: [],
  });
});

it('asks for the methods of the given protos', async () => {
  expect((await check(DEV_POLICY, '--proto', 'a.proto', '--proto', 'dir')).protos).toEqual(['a.proto', 'dir']);
});

it('looks for their imports where the gateway would', async () => {
  expect((await check(DEV_POLICY, '--proto', 'a.proto', '--proto-path', 'x', '--proto-path', 'y')).roots).toEqual([
    'x',
    'y',
  ]);
  const protos = {
    'api/shelf.proto':
      'syntax = "proto3"; package shelf; import "book.proto"; service Shelf { rpc Get(book.Book) returns (book.Book); }',
    'roots/book.proto': 'syntax = "proto3"; package book; message Book { string name = 1; }',
  };
  await inFolderWith(protos, async (folder) => {
    const known = await loadKnownMethods([join(folder, 'api')], [join(folder, 'roots')]);
    expect(known.names()).toContain('shelf.Shelf/Get');
    expect(known.field('shelf.Shelf/Get', 'name')).toEqual({ kind: 'text', presence: false });
  });
});

it('refuses a bad one with file, line and column, which the program turns into exit code 2', async () => {
  const error: unknown = await check('version: 1\nrules: []\n').catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UsageError);
  expect(error).toHaveProperty(
    'message',
    expect.stringContaining(`${join(dir, 'policy.yaml')}:2:8: rules is an empty list; `),
  );
  await expect(check(undefined)).rejects.toThrow(/policy\.yaml cannot be read; name a policy file/);
});
