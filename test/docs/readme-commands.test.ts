// needs: curl, openssl
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Registry } from 'prom-client';
import { type RunningGateway, runGateway } from '../../src/cli/run-gateway.ts';
import { resolveConfig } from '../../src/config.ts';
import { noLog } from '../../src/observability/log.ts';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { blocksOf, documentText, tableAfter } from './markdown.ts';
import { type Meter, startMeter } from './meter.ts';
import { runUntil } from './shell.ts';

const blocks = blocksOf(documentText('README.md'));
const marked = (prefix: string): { readonly rest: string; readonly text: string; readonly line: number }[] =>
  blocks.flatMap(({ mark, text, line }) =>
    mark.startsWith(prefix) ? [{ rest: mark.slice(prefix.length), text, line }] : [],
  );
const commands = marked('runs: ');
const prelude = marked('before every other')
  .map(({ text }) => text)
  .join('');

let stack: Stack;
let meter: Meter;
let meterGateway: RunningGateway;
let folder: string;

beforeAll(async () => {
  stack = await startStack();
  folder = await mkdtemp(join(tmpdir(), 'passband-readme-'));
  await symlink(stack.certsDir, join(folder, 'certs'));
  for (const { rest: name, text } of marked('file: ')) {
    await mkdir(join(folder, dirname(name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  meter = await startMeter(join(folder, 'meter', 'meter.proto'), stack.certsDir);
  const flags = {
    port: '0',
    host: '127.0.0.1',
    certs: stack.certsDir,
    proto: [join(folder, 'meter')],
    policy: join(folder, 'meter', 'policy.yaml'),
    backend: `localhost:${meter.port}`,
    // By its port a journal is its own; here both gateways have a free one.
    audit: 'off',
  };
  const config = resolveConfig('gateway', { flags, environment: {}, file: undefined });
  meterGateway = await runGateway(config, noLog, new Registry());
});
afterAll(async () => {
  await meterGateway?.close(0);
  meter?.close();
  await stack?.close();
  await rm(folder, { recursive: true, force: true });
});

/** The ports of the README to those of this run, and 0 for what a command itself opens. */
function withPortsOfThisRun(text: string): string {
  return text
    .replace(/--(port|metrics-port|backend-port) [0-9]+/g, '--$1 0')
    .replaceAll('localhost:8443', `localhost:${stack.port}`)
    .replaceAll('localhost:8444', `localhost:${meterGateway.port}`)
    .replaceAll('localhost:50051', `localhost:${stack.backendPort}`)
    .replaceAll('localhost:50052', `localhost:${meter.port}`);
}

/** `npx passband` runs what is here and not what was built or installed some time. */
const NPX = `npx() { shift; '${process.execPath}' '${join(PACKAGE_ROOT, 'src', 'cli', 'main.ts')}' "$@"; }\n`;

describe('README.md', () => {
  test('every block of commands is run here, or says why not', () => {
    const unmarked = blocks.filter(
      ({ language, mark }) => language === 'sh' && !/^(runs: .|not run: .|before every other$)/.test(mark),
    );
    expect(unmarked.map(({ line }) => line)).toEqual([]);
    expect(commands.length).toBeGreaterThan(15);
  });

  test.each(commands)('line $line: $text', async ({ rest: pattern, text }) => {
    const env = {
      ...process.env,
      PASSBAND_PORT: '0',
      PASSBAND_BACKEND_PORT: '0',
      PASSBAND_METRICS_PORT: '0',
      PASSBAND_AUDIT: 'off',
    };
    const expected = new RegExp(withPortsOfThisRun(pattern));
    const outcome = await runUntil(NPX + prelude + withPortsOfThisRun(text), expected, { cwd: folder, env });
    expect(outcome.stdout + outcome.stderr).toMatch(expected);
  });
});

describe('docs/operations.md', () => {
  test('has every field of the log lines that these requests left', () => {
    const rows = tableAfter(documentText('docs/operations.md'), '| field |');
    const listed = rows.flatMap(([names = '']) => [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => name));
    const lines = stack.logs.filter(({ msg }) => msg === 'request');
    const fields = new Set(lines.flatMap((line) => Object.keys(line)));
    for (const name of ['level', 'time', 'pid', 'hostname', 'msg']) fields.delete(name);
    expect(lines.length).toBeGreaterThan(10);
    expect(listed).toEqual(expect.arrayContaining([...fields]));
  });
});
