import { describe, expect, it, test } from '@jest/globals';
import { Command } from 'commander';
import { auditCommand } from '../../src/cli/audit.ts';
import { RepeatableOption, refuseSecondValues } from '../../src/cli/given-once.ts';
import { openapiCommand } from '../../src/cli/openapi.ts';
import { pkiCommand } from '../../src/cli/pki.ts';
import { policyCommand } from '../../src/cli/policy.ts';
import { addSettings } from '../../src/cli/program-options.ts';
import { recordCommand } from '../../src/cli/record.ts';
import { UsageError } from '../../src/errors.ts';
import { SETTINGS } from '../../src/settings.ts';
import { cli } from '../support/cli.ts';

const programs = (['up', 'gateway', 'backend'] as const).map((name) => addSettings(new Command(name), name));
const noTerms = (): never => {
  throw new Error('nothing is read');
};
const COMMANDS = [...programs, auditCommand(), openapiCommand(), pkiCommand(), policyCommand(noTerms), recordCommand()];

/** A command and all below it, with their whole names. */
const leaves = (command: Command, above = ''): [name: string, command: Command][] => [
  [`${above}${command.name()}`, command],
  ...command.commands.flatMap((child) => leaves(child, `${above}${command.name()} `)),
];

/** Every option with a value, by what `--help` and the settings say of whether it repeats. */
const OPTIONS = COMMANDS.flatMap((command) => leaves(command)).flatMap(([name, command]) =>
  command.options
    .filter(({ required }) => required)
    .map((option) => {
      const setting = Object.values(SETTINGS).find((one) => `--${one.name}` === option.long);
      const repeats = name.includes(' ')
        ? option.variadic || option.description.endsWith('may be repeated')
        : option.variadic || setting?.repeatable === true;
      return [`${name} ${option.long}`, command, option, repeats] as const;
    }),
);

describe('an option with a value', () => {
  test.each(OPTIONS)('%s given twice', (_name, command, option, repeats) => {
    // A command of its own: what is parsed once has taken its values.
    const one = new Command('one').exitOverride().addOption(option);
    const values = option.argChoices ?? ['first', 'second'];
    const line = values.slice(0, 2).flatMap((value) => [option.long ?? '', value]);
    const parse = (): Record<string, unknown> => refuseSecondValues(one).parse(line, { from: 'user' }).opts();
    expect(command.options).toContain(option);
    if (repeats) expect(parse()[option.attributeName()]).toEqual(['first', 'second']);
    else {
      expect(parse).toThrow(UsageError);
      expect(parse).toThrow(`${option.long} is given twice`);
    }
  });

  it('is looked at in all of them', () => {
    const names = OPTIONS.map(([name]) => name);
    for (const name of [
      'pki issue --cn',
      'pki sign --profile',
      'gateway --min-days',
      'policy explain --cn',
      'audit verify --head',
    ])
      expect(names).toContain(name);
    const repeated = OPTIONS.filter(([, , , repeats]) => repeats).map(([name]) => name);
    for (const name of ['pki issue --ou', 'pki sign --crl-url', 'gateway --proto', 'policy explain --o'])
      expect(repeated).toContain(name);
  });

  it('and those that may repeat, given once', () => {
    const command = new Command().addOption(new RepeatableOption('--o <name>', 'x')).option('--cn <name>', 'y');
    expect(refuseSecondValues(command).parse(['--o', 'a', '--cn', 'b'], { from: 'user' }).opts()).toEqual({
      o: ['a'],
      cn: 'b',
    });
  });
});

describe('the program', () => {
  it.each([
    [['pki', 'issue', 'client', '--cn', 'a', '--cn=b'], '--cn', 'a', 'b'],
    [['pki', 'list', '--certs', 'a', '--certs', 'a'], '--certs', 'a', 'a'],
    [['policy', 'explain', 'x', '--cn', 'a', '--cn', 'b'], '--cn', 'a', 'b'],
    [['gateway', '--port', '1', '--port', '2'], '--port', '1', '2'],
    [['openapi', '-o', 'a', '--output', 'b'], '--output', 'a', 'b'],
  ])('%j is refused', async (args, option, first, second) => {
    const stderr = `passband: ${option} is given twice ("${first}", "${second}"); give it once\n`;
    expect(await cli(args)).toEqual({ code: 2, stdout: '', stderr });
  });
});
