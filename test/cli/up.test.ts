// needs: curl
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { documentText } from '../docs/markdown.ts';
import { runUntil } from '../docs/shell.ts';
import { CliProcess, cli } from '../support/cli.ts';
import { until } from '../support/until.ts';

const FREE_PORTS = ['--port', '0', '--backend-port', '0', '--metrics-port', '0'];

/** What the README says the first command shows: events of a recording's own bytes. */
const FIRST_EVENT =
  /^id: \d+-\d+\ndata: \{"stationId":"adsb",.*"datatype":"cu8","sampleCount":8192,"data":"[A-Za-z0-9+/]{100}/m;

/** Milliseconds that both programs in one process have to start: some ten times what they take on a machine that is not busy. */
const START_MS = 40_000;

/** The line that is printed to be pasted. */
const pasted = (stdout: string): string => /^ {2}(curl .*)$/m.exec(stdout)?.[1] ?? '';

let folder: string;
let certs: string;
let running: ChildProcess;
let banner = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'passband-up-'));
  // A folder such as people have; curl takes what follows a colon in --cert for a password.
  certs = join(folder, "Ann's files: $HOME, 1");
  const where = [
    '--host',
    '127.0.0.1',
    '--backend-host',
    '127.0.0.1',
    '--certs',
    certs,
    '--data',
    join(folder, 'data'),
  ];
  // As a newcomer starts it: npm brings the rest of the command. A group of its own, for npm has a shell between.
  running = spawn('npm', ['start', '--silent', '--', ...FREE_PORTS, ...where], {
    cwd: PACKAGE_ROOT,
    detached: true,
    env: { PATH: process.env.PATH, HOME: process.env.HOME },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  running.stdout?.setEncoding('utf8').on('data', (text: string) => {
    banner += text;
  });
  const isPrinted = (): boolean => pasted(banner) !== '' || running.exitCode !== null;
  await until('npm start prints a command', isPrinted, Boolean, START_MS);
});
afterAll(async () => {
  if (running?.pid !== undefined && running.exitCode === null) {
    process.kill(-running.pid, 'SIGTERM');
    await once(running, 'close');
  }
  await rm(folder, { recursive: true, force: true });
});

it('tells what it made', async () => {
  const made = (await readdir(certs)).filter((name) => /\.(crt|key|p12)$/.test(name)).sort();
  const [, listed = ''] = /^certificates made .*\/: (.+)$/m.exec(banner) ?? [];
  expect(listed.split(', ').sort()).toEqual(made);
  expect(made).toEqual(expect.arrayContaining(['ca.crt', 'client.crt', 'client.key', 'dashboard.p12', 'server.crt']));
});

it('prints a command that, pasted into a shell, shows samples', async () => {
  const { stdout, stderr } = await runUntil(pasted(banner), FIRST_EVENT, { cwd: PACKAGE_ROOT, env: process.env });
  expect(stdout).toMatch(FIRST_EVENT);
  expect(stderr).not.toMatch(/curl: \(/);
});

it('prints one that works wherever the gateway and the backend listen', async () => {
  const where = [
    '--host',
    '127.0.0.2',
    '--backend-host',
    '127.0.0.3',
    '--certs',
    certs,
    '--data',
    join(folder, 'other'),
  ];
  const elsewhere = new CliProcess(['up', ...FREE_PORTS, ...where, '--audit', 'off']);
  try {
    expect(await elsewhere.says(/^gateway +(https:.*?):\d+ /m, START_MS)).toBe('https://127.0.0.2');
    expect(await elsewhere.says(/^backend +(grpcs:.*?):\d+$/m)).toBe('grpcs://127.0.0.3');
    const command = await elsewhere.says(/^ {2}(curl .*)$/m);
    const { stdout } = await runUntil(command, FIRST_EVENT, { cwd: PACKAGE_ROOT, env: process.env });
    expect(stdout).toMatch(FIRST_EVENT);
  } finally {
    elsewhere.child.kill('SIGTERM');
    await elsewhere.ended();
  }
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
