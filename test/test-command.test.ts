import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PACKAGE_ROOT } from '../src/package-root.ts';
import { run } from './support/run.ts';

// `npm test` in a project of three test files, on a machine without rotctld; jest, npm and apt-get are stand-ins that take
// down what they are told.

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'passband-test-command-'));
  await cp(join(PACKAGE_ROOT, 'scripts'), join(root, 'scripts'), { recursive: true });
  await put('test/plain.test.ts', '');
  await put('test/rotor.test.ts', '// needs: rotctld\n');
  await put('test/slow/long.test.ts', '');
  await mkdir(join(root, 'node_modules', '.bin'), { recursive: true });
  await symlink(process.execPath, join(root, 'node_modules', '.bin', 'node'));
  await put(
    'node_modules/.bin/jest',
    `const { appendFileSync, writeFileSync } = require('node:fs');
    const args = process.argv.slice(2);
    appendFileSync(${JSON.stringify(join(root, 'jest.txt'))}, args.join('\\n') + '\\n');
    const file = args.find((arg) => arg.startsWith('--outputFile=')).slice('--outputFile='.length);
    writeFileSync(file, JSON.stringify({ numPassedTests: 3, numFailedTests: Number(process.env.FAILING ?? 0) }));
    process.exit(process.env.FAILING ? 1 : 0);`,
  );
  await program('npm', `echo "$*" >>"${root}/npm.txt"; test "$*" != "run --silent $FAILING_SCRIPT"`);
  await program(
    'apt-get',
    `echo "$*" >>"${root}/apt-get.txt"
    test "$1$BROKEN_APT" = install || exit 0
    printf '#!/bin/sh\\n' >"${root}/bin/rotctld"
    /bin/chmod +x "${root}/bin/rotctld"`,
  );
  await symlink('/bin/sh', join(root, 'bin', 'sh'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function put(name: string, text: string): Promise<string> {
  const file = join(root, name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  return file;
}

async function program(name: string, commands: string): Promise<void> {
  await chmod(await put(`bin/${name}`, `#!/bin/sh\n${commands}\n`), 0o755);
}

const told = (name: string): Promise<string> => readFile(join(root, `${name}.txt`), 'utf8').catch(() => '');

interface Machine {
  readonly isRoot: boolean;
  readonly isDebian: boolean;
}
const DEBIAN_AS_ROOT: Machine = { isRoot: true, isDebian: true };
const DEBIAN_AS_USER: Machine = { isRoot: false, isDebian: true };
const OTHER_AS_ROOT: Machine = { isRoot: true, isDebian: false };

/** Runs the command on a machine, whatever this one is. */
async function npmTest(
  { isRoot, isDebian }: Machine,
  environment: Readonly<Record<string, string>> = {},
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string; readonly jest: string }> {
  const machine = await put(
    'machine.mjs',
    `import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    const { existsSync } = fs;
    const ofDebian = ['/etc/debian_version', '/usr/bin/apt-get'];
    fs.existsSync = (path) => (ofDebian.includes(path) ? ${isDebian} : existsSync(path));
    process.getuid = () => ${isRoot ? 0 : 1000};
    syncBuiltinESMExports();`,
  );
  const variables = Object.entries({ PATH: join(root, 'bin'), ...environment }).map(
    ([name, value]) => `${name}=${value}`,
  );
  const command = [process.execPath, '--import', machine, join(root, 'scripts', 'test.mjs'), ...args];
  return { ...(await run('/usr/bin/env', ['-i', ...variables, ...command])), jest: await told('jest') };
}

const LEFT_OUT = 'test/rotor\\.test\\.ts$';

describe('npm test', () => {
  it('installs as root on Debian what is missing, and runs everything but what is slow', async () => {
    const { code, stdout, jest } = await npmTest(DEBIAN_AS_ROOT);
    expect((await told('apt-get')).trim().split('\n')).toEqual([
      expect.stringMatching(/^update\b/),
      expect.stringMatching(/^install .*\blibhamlib-utils$/),
    ]);
    expect(jest).not.toContain(LEFT_OUT);
    expect(jest).toContain(`${join(root, 'test', 'slow').replaceAll('.', '\\.')}/`);
    expect(stdout).toContain('3 passed, 0 failed');
    expect(stdout).not.toContain('Not run');
    expect(code).toBe(0);
  });

  it.each([
    ['a user on Debian', DEBIAN_AS_USER],
    ['root elsewhere', OTHER_AS_ROOT],
  ])('installs nothing for %s, leaves out what needs it, and ends with what was left out', async (_who, machine) => {
    const { code, stdout, jest } = await npmTest(machine);
    expect(await told('apt-get')).toBe('');
    expect(jest).toContain(LEFT_OUT);
    expect(stdout).toMatch(
      /Not run.*\n {2}test\/rotor\.test\.ts {2}\(rotctld\)\n.*\n {2}sudo apt-get install libhamlib-utils\n$/,
    );
    expect(code).toBe(0);
  });

  it('leaves out, too, what could not be installed', async () => {
    const { code, stdout, jest } = await npmTest(DEBIAN_AS_ROOT, { BROKEN_APT: '!' });
    expect(await told('apt-get')).toContain('install');
    expect(jest).toContain(LEFT_OUT);
    expect(stdout).toContain('test/rotor.test.ts');
    expect(code).toBe(0);
  });

  it.each([
    ['for a user', DEBIAN_AS_USER, {}],
    ['when it could not be installed', DEBIAN_AS_ROOT, { BROKEN_APT: '!' }],
  ])('fails under CI where something is missing, %s', async (_when, machine, environment) => {
    const { code, stderr, jest } = await npmTest(machine, { CI: 'true', ...environment });
    expect(stderr).toContain('missing for the tests: libhamlib-utils');
    expect(jest).toBe('');
    expect(code).toBe(1);
  });

  it('leaves out, under CI too, what lacks no program but the right to mount, and says so', async () => {
    await put('test/rotor.test.ts', '// needs: tmpfs\n');
    const { code, stdout, jest } = await npmTest(DEBIAN_AS_ROOT, { CI: 'true' });
    expect(jest).toContain(LEFT_OUT);
    expect(stdout).toContain('test/rotor.test.ts  (tmpfs)');
    expect(code).toBe(0);
  });

  it('runs everything under CI when it could be installed', async () => {
    expect(await npmTest(DEBIAN_AS_ROOT, { CI: 'true' })).toMatchObject({
      code: 0,
      jest: expect.not.stringContaining(LEFT_OUT),
    });
  });

  it('builds and checks, unless it is told what to run', async () => {
    await npmTest(DEBIAN_AS_USER);
    expect((await told('npm')).trim().split('\n').sort()).toEqual(['run --silent build', 'run --silent check']);
    const { jest } = await npmTest(DEBIAN_AS_USER, {}, 'test/pki');
    expect(jest.split('\n')).toContain('test/pki');
    expect((await told('npm')).trim().split('\n')).toHaveLength(2);
  });

  it('fails when a test fails, and when a check does', async () => {
    expect(await npmTest(DEBIAN_AS_USER, { FAILING: '2' })).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('3 passed, 2 failed'),
    });
    for (const script of ['build', 'check']) {
      expect((await npmTest(DEBIAN_AS_USER, { FAILING_SCRIPT: script })).code).toBe(1);
    }
  });

  it('refuses a test file that needs what it does not know', async () => {
    await put('test/rotor.test.ts', '// needs: a-telescope\n');
    const { code, stderr } = await npmTest(DEBIAN_AS_USER);
    expect(stderr).toMatch(/rotor\.test\.ts: "needs: a-telescope" is not known/);
    expect(code).toBe(1);
  });
});

describe('npm run test:slow', () => {
  it('runs what is slow, and nothing else', async () => {
    const { code, stdout, jest } = await npmTest(DEBIAN_AS_USER, {}, '--slow');
    expect(jest.split('\n')).toContain('test/slow/');
    expect(jest).not.toContain(LEFT_OUT);
    expect(stdout).not.toContain('Not run');
    expect(await told('npm')).toBe('run --silent build\n');
    expect(code).toBe(0);
  });
});
