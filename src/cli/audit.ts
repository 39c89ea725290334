import { Command } from 'commander';
import { chainsOf } from '../audit/chains.ts';
import { type Verified, verifyChain } from '../audit/verify.ts';
import { UsageError } from '../errors.ts';

/** Readings of journals that go on in new files meanwhile. */
const MAX_ATTEMPTS = 3;

/** Exit code for a chain that is broken. */
const EXIT_BROKEN = 1;

/** `passband audit`: looks whether a journal is as it was written. */
export function auditCommand(): Command {
  const command = new Command('audit').description('the record of who was let do what');
  command
    .command('verify')
    .description('follow the hash chain of a journal; where it breaks is shown as FILE:LINE, and the exit code is 1')
    .argument('<path...>', 'folder of the journals, or files of one')
    .option('--head <hash>', 'hash of a line, noted before, that must still be there: shows a cut or rewritten end')
    .option('--json', 'one JSON object a journal')
    .action(async function (this: Command, paths: readonly string[], flags: { head?: string; json?: true }) {
      const { head } = flags;
      if (head !== undefined && !/^[0-9a-f]{64}$/.test(head)) {
        throw new UsageError(`--head: "${head}": must be the hash of a line, 64 of 0-9 a-f`);
      }
      const verified = await verifyAll(paths, head).catch((error: unknown) => {
        throw refusedByFileSystem(error) ?? error;
      });
      // Of several journals one has the line.
      const isHeadMissing = head !== undefined && !verified.some(({ headFound }) => headFound);
      const isBroken = isHeadMissing || verified.some(({ fault }) => fault !== undefined);
      const text = verified.map((chain) => (flags.json === true ? JSON.stringify(chain) : sentences(chain)));
      if (isHeadMissing && flags.json !== true) {
        text.push(`broken: no line has the hash ${head}; the end was cut off, or the chain was made anew`);
      }
      command.configureOutput().writeOut?.(`${text.join('\n')}\n`);
      if (isBroken) process.exitCode = EXIT_BROKEN;
    });
  return command;
}

/** Follows all chains; anew, when their files changed their names meanwhile, as those of a running program may. */
async function verifyAll(paths: readonly string[], head: string | undefined): Promise<Verified[]> {
  for (let attempt = 1; ; attempt++) {
    const chains = await chainsOf(paths);
    const verified: Verified[] = [];
    for (const { program, files } of chains) verified.push(await verifyChain(program, files, head));
    const isAnother = JSON.stringify(chains) !== JSON.stringify(await chainsOf(paths));
    if (!isAnother || attempt === MAX_ATTEMPTS) return verified;
  }
}

/** What cannot be looked at is no broken chain: another exit code, and whoever asked can mend it. */
function refusedByFileSystem(error: unknown): UsageError | undefined {
  const { path, syscall, code = '' } = error as NodeJS.ErrnoException;
  if (!(error instanceof Error) || path === undefined || syscall === undefined) return undefined;
  const why = code === 'ENOENT' ? 'is not there' : `cannot be read (${code})`;
  return new UsageError(`${path} ${why}; name the folder of --audit, or files of a journal`, { cause: error });
}

function sentences(chain: Verified): string {
  const { program, files, lines, first, last, head, firstFile, recovered, unfinished, fault } = chain;
  if (fault !== undefined) {
    return `${program}: broken at ${fault.file}:${fault.line}: this line ${fault.what} (${lines} lines before it are in order)`;
  }
  const told = [`${program}: ok; ${lines} lines in ${files.length} ${files.length === 1 ? 'file' : 'files'}`];
  if (first !== undefined) told.push(`from ${first} to ${last ?? first}`);
  const notes = [
    ...(firstFile > 1 ? [`it begins with file ${firstFile}; those before are not here`] : []),
    ...(recovered > 0 ? [`${recovered} unfinished line(s) left by crashes, each owned up to`] : []),
    ...(unfinished ? ['its end is an unfinished line: it is being written, or a crash ended it'] : []),
  ];
  return [told.join(', '), `head ${head}`, ...notes].join('\n  ');
}
