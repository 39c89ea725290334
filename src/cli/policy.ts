import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { UsageError } from '../errors.ts';
import { type KnownMethods, type Policy, parsePolicy } from '../gateway/guard/policy.ts';

/** What the options of `passband policy check` say. */
interface PolicyFlags {
  readonly proto?: readonly string[];
  readonly protoPath?: readonly string[];
}

/**
 * Reads and parses a policy file.
 *
 * @throws UsageError naming the file, and for what is in it the line and column.
 */
export async function loadPolicy(file: string, known: KnownMethods): Promise<Policy> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new UsageError(`${file} cannot be read; name a policy file that is there`, { cause: error });
  });
  return parsePolicy(text, file, known);
}

/**
 * `passband policy`: checks a policy file as the gateway would at its start.
 *
 * @param loadKnown the methods of the given protos, or of Passband's own when there are none; the second argument is
 * where their imports are looked for.
 */
export function policyCommand(
  loadKnown: (protos: readonly string[], protoPath: readonly string[]) => Promise<KnownMethods>,
): Command {
  const command = new Command('policy').description('the file that says who may do what');
  command
    .command('check')
    .description('read a policy as the gateway would; a mistake is shown as FILE:LINE:COL and exits with 2')
    .argument('<file>', 'policy, YAML')
    .option('--proto <path...>', "protos whose methods the policy may name (default: Passband's own)")
    .option('--proto-path <dir...>', 'further roots for imports in protos')
    .action(async function (this: Command, file: string, { proto = [], protoPath = [] }: PolicyFlags) {
      const { rules, delegates } = await loadPolicy(file, await loadKnown(proto, protoPath));
      const names = rules.map(({ name, shadow }) => (shadow ? `${name} (shadow)` : name)).join(', ');
      const summary = `${file}: ok; rules: ${names}; delegates: ${delegates.length}`;
      command.configureOutput().writeOut?.(`${summary}\n`);
    });
  return command;
}
