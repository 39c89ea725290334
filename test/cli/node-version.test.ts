import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, test } from '@jest/globals';
import { nodeFault } from '../../src/cli/node-version.ts';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { cli } from '../support/cli.ts';

test.each([
  ['v22.15.0', true],
  ['v22.15.1', true],
  ['v22.20.0', true],
  ['v23.0.0', true],
  ['v24.21.0', true],
  ['v100.0.0', true],
  ['v22.14.0', false],
  ['v22.9.0', false],
  ['v20.99.0', false],
  ['v9.22.0', false],
])('Node %s will do: %s', (version, willDo) => {
  expect(nodeFault(version) === undefined).toBe(willDo);
});

/** A preload that calls this Node another, and says at the end what was loaded beside what Node itself has. */
const preload = (version: string): string =>
  `data:text/javascript,${encodeURIComponent(`
    import { registerHooks } from 'node:module';
    Object.defineProperty(process, 'version', { value: '${version}' });
    const loaded = [];
    registerHooks({ load: (url, context, next) => (url.startsWith('file:') && loaded.push(url), next(url, context)) });
    process.on('exit', () => process.stdout.write(loaded.map((url) => url.replace(/.*[/]/, '')).join(' ')));
  `)}`;

it.each([['pki', 'revoke', 'client'], ['gateway'], ['--help'], []])(
  'says so of a Node that is too old, with the remedy, and loads nothing else: %j',
  async (...args) => {
    const { engines } = JSON.parse(await readFile(join(PACKAGE_ROOT, 'package.json'), 'utf8'));
    const needed = /^>=(\d+\.\d+)\.0$/.exec(engines.node)?.[1];
    const ended = await cli(args, { NODE_OPTIONS: `--import=${preload('v20.20.2')}` });
    expect(ended).toEqual({
      code: 2,
      stdout: 'main.js heap-flags.js node-version.js',
      stderr:
        `passband needs Node ${needed} or later; this is v20.20.2. Install a newer one, or, in a folder ` +
        'where `npm ci` was run, use `npx passband`, which runs on the Node that comes with it\n',
    });
  },
);

it('goes on where it is new enough', async () => {
  const ended = await cli(['--version'], { NODE_OPTIONS: `--import=${preload('v22.15.0')}` });
  expect(ended).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n.*program\.js/) });
});
