import { type Command, Option } from 'commander';
import { UsageError } from '../errors.ts';

/** An option that may be given several times: its value is the list of all that were given, in their order. */
export class RepeatableOption extends Option {
  constructor(flags: string, help: string) {
    super(flags, help);
    this.argParser((value: string, before: readonly string[] = []) => [...before, value]);
  }
}

/**
 * Has a command, and every one below it, refuse a second value for an option that takes one. commander takes the last
 * and says nothing: of two names one would get the certificate, and nobody be told that the other has none.
 *
 * @returns the command, which throws a UsageError when it parses such a line.
 */
export function refuseSecondValues(command: Command): Command {
  for (const option of command.options) {
    const takesOne = option.required && !option.variadic && !(option instanceof RepeatableOption);
    if (!takesOne) continue;
    let first: string | undefined;
    command.on(`option:${option.name()}`, (value: string) => {
      if (first !== undefined) {
        throw new UsageError(`${option.long ?? option.flags} is given twice ("${first}", "${value}"); give it once`);
      }
      first = value;
    });
  }
  for (const child of command.commands) refuseSecondValues(child);
  return command;
}
