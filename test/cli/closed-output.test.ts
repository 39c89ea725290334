import { expect, it } from '@jest/globals';
import { CliProcess } from '../support/cli.ts';

it.each([
  ['--help', ['--help']],
  ['the help of a verb', ['gateway', '--help']],
  ['a description', ['openapi', '--json']],
])('%s ends quietly when nobody reads it', async (_name, args) => {
  const program = new CliProcess(args);
  program.child.stdout?.destroy();
  const { code, stderr } = await program.ended();
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});
