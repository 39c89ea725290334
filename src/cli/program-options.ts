import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { type Config, type Program, resolveConfig } from '../config.ts';
import { UsageError } from '../errors.ts';
import { SETTINGS } from '../settings.ts';
import { RepeatableOption } from './given-once.ts';

/** Bytes of a settings file; a larger one is no settings file. */
const MAX_CONFIG_BYTES = 1024 * 1024;

/** Gives a command the flags of every setting of its program. Values are checked later, all sources alike. */
export function addSettings(command: Command, program: Program): Command {
  for (const setting of Object.values(SETTINGS).filter(({ programs }) => programs.includes(program))) {
    const byDefault = setting.byDefault === undefined ? '' : ` (default: ${setting.byDefault})`;
    const Kind = setting.repeatable === true ? RepeatableOption : Option;
    command.addOption(new Kind(`--${setting.name} <${setting.argument}>`, `${setting.help}${byDefault}`));
  }
  command.option('--config <file>', 'YAML file of settings, one "name: value" a line; names are those of the flags');
  return command.addHelpText(
    'after',
    '\nEvery flag can also be set as an environment variable, PASSBAND_ and its name in upper case (PASSBAND_PORT), or in the\nfile of --config (or PASSBAND_CONFIG). A flag is stronger than the environment, the environment than the file.',
  );
}

/** The proven settings of a command. */
export async function readSettings(
  command: Command,
  program: Program,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Config> {
  const given = command.opts() as Record<string, string | readonly string[] | undefined>;
  const flags = Object.fromEntries(
    Object.values(SETTINGS).map(({ name }) => [
      name,
      given[name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())],
    ]),
  );
  const file = (given.config as string | undefined) ?? environment.PASSBAND_CONFIG;
  return resolveConfig(program, { flags, environment, file: file === undefined ? undefined : await readConfig(file) });
}

async function readConfig(name: string): Promise<{ readonly name: string; readonly text: string }> {
  let text: string;
  try {
    text = await readFile(name, 'utf8');
  } catch (error) {
    throw new UsageError(`--config ${name}: the file cannot be read`, { cause: error });
  }
  if (text.length > MAX_CONFIG_BYTES) throw new UsageError(`--config ${name}: larger than ${MAX_CONFIG_BYTES} bytes`);
  return { name, text };
}
