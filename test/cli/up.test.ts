import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { documentText } from '../docs/markdown.ts';
import { CliProcess, cli } from '../support/cli.ts';

const FREE_PORTS = ['--port', '0', '--backend-port', '0', '--metrics-port', '0'];
const ON_LOOPBACK = ['--host', '127.0.0.1', '--backend-host', '127.0.0.1'];

let certs: string;
let running: CliProcess;
beforeAll(async () => {
  certs = await mkdtemp(join(tmpdir(), 'passband-up-'));
  running = new CliProcess(['up', ...FREE_PORTS, ...ON_LOOPBACK, '--certs', certs]);
  await running.says(/gateway +https:/);
});
afterAll(async () => {
  running?.child.kill('SIGTERM');
  await running?.ended();
  await rm(certs, { recursive: true, force: true });
});

/** The schemas that the documents tell an editor to read. */
const named = [...documentText('docs/policy.md').matchAll(/^ *# yaml-language-server: \$schema=(\S+)$/gm)].map(
  ([, name = '']) => name,
);

it('puts the schema beside the policy, and names it where editors look', async () => {
  const [first] = (await readFile(join(certs, 'policy.yaml'), 'utf8')).split('\n');
  const [, named = ''] = /^# yaml-language-server: \$schema=(.+)$/.exec(first ?? '') ?? [];
  const schema = await readFile(join(certs, named), 'utf8');
  expect(schema).toBe(await readFile(join(PACKAGE_ROOT, 'docs', 'policy.schema.json'), 'utf8'));
});

it('puts every schema there that the documents tell an editor to read', async () => {
  expect(named.sort()).toEqual(['policy-expectations.schema.json', 'policy.schema.json']);
  for (const name of named) {
    expect(await readFile(join(certs, name), 'utf8')).toBe(await readFile(join(PACKAGE_ROOT, 'docs', name), 'utf8'));
  }
});

it('makes a policy that the check finds good', async () => {
  expect(await cli(['policy', 'check', join(certs, 'policy.yaml')])).toMatchObject({ code: 0, stderr: '' });
});

it('is shipped with what it copies', async () => {
  const { files } = JSON.parse(await readFile(join(PACKAGE_ROOT, 'package.json'), 'utf8'));
  const [copy = ''] = (await readFile(join(PACKAGE_ROOT, 'Dockerfile'), 'utf8')).match(/^COPY docs\/.* docs\/$/m) ?? [];
  const context = (await readFile(join(PACKAGE_ROOT, '.dockerignore'), 'utf8')).split('\n');
  for (const name of named) {
    expect(files).toContain(`docs/${name}`);
    expect(copy.split(' ')).toContain(`docs/${name}`);
    expect(context).toContain(`!docs/${name}`);
  }
});
