import { Command } from 'commander';
import { UsageError } from '../errors.ts';
import { explain, findingsForAnyone } from '../gateway/guard/explain.ts';
import { momentMs } from '../gateway/guard/policy-when.ts';
import { readExpectations, testPolicy } from './policy-expectations.ts';
import { addPolicyOptions, type LoadTerms, namedPolicy, type PolicyFlags } from './policy-file-option.ts';
import { explanationLines, policyWarnings, whoCanLines } from './policy-report.ts';
import { addWhoOptions, callerOf, type WhoFlags } from './policy-who.ts';

export { loadPolicy } from './policy-file-option.ts';

/** Flags of the verbs that ask about a call. */
interface CallFlags {
  readonly request?: string;
  readonly at?: string;
}

/** Exit code of `policy test` when an expectation is not met. */
const EXIT_MISS = 1;

/**
 * `passband policy`: looks at a policy as the gateway would at its start, and asks it without one.
 *
 * @param loadTerms the methods of the given protos, or of Passband's own when there are none.
 */
export function policyCommand(loadTerms: LoadTerms): Command {
  const command = new Command('policy').description('the file that says who may do what');
  addCheck(command, loadTerms);
  addExplain(command, loadTerms);
  addTest(command, loadTerms);
  addWhoCan(command, loadTerms);
  return command;
}

function addCheck(parent: Command, loadTerms: LoadTerms): void {
  const command = parent
    .command('check')
    .description('read a policy as the gateway would; a mistake is shown as FILE:LINE:COL and exits with 2')
    .argument('[file]', 'policy, YAML');
  addPolicyOptions(command).action(async (given: string | undefined, flags: PolicyFlags) => {
    const { file, policy } = await namedPolicy(given, flags, loadTerms);
    const names = policy.rules.map(({ name, shadow }) => (shadow ? `${name} (shadow)` : name)).join(', ');
    const warnings = policyWarnings(file, policy).map((warning) => `warning: ${warning}`);
    print(command, [...warnings, `${file}: ok; rules: ${names}; delegates: ${policy.delegates.length}`]);
  });
}

function addExplain(parent: Command, loadTerms: LoadTerms): void {
  const command = parent
    .command('explain')
    .description('say whether a call would be allowed, by which rule, and of every rule why or why not')
    .argument('[file]', 'policy, YAML')
    .requiredOption('--method <name>', 'package.Service/Method');
  addCallOptions(addWhoOptions(addPolicyOptions(command))).action(
    async (given: string | undefined, flags: PolicyFlags & WhoFlags & CallFlags & { readonly method: string }) => {
      const identity = await callerOf(whoFlags(flags));
      const named = await namedPolicy(given, flags, loadTerms);
      const { request, nowMs } = callOf(flags.method, flags, named.terms);
      print(command, explanationLines(named.file, explain(named.policy, identity, flags.method, request, nowMs)));
    },
  );
}

function addTest(parent: Command, loadTerms: LoadTerms): void {
  const command = parent
    .command('test')
    .description('hold a policy against a table of expectations; one that is not met exits with 1')
    .argument('<files...>', '[policy] and table of expectations, YAML');
  addPolicyOptions(command).action(async (files: readonly string[], flags: PolicyFlags) => {
    const table = files.at(-1);
    if (table === undefined || files.length > 2) {
      throw new UsageError(
        'policy test takes a policy and a table of expectations; name these two, or the table alone',
      );
    }
    const named = await namedPolicy(files.length === 2 ? files[0] : undefined, flags, loadTerms);
    const outcomes = testPolicy(named, await readExpectations(table, named), Date.now());
    const misses = outcomes.filter(({ miss }) => miss !== undefined);
    print(command, [
      ...outcomes.map(({ expectation: { name, line }, miss }) =>
        miss === undefined ? `ok    ${name}` : `MISS  ${name} (${table}:${line}): ${miss}`,
      ),
      `${outcomes.length - misses.length} of ${outcomes.length} as expected`,
    ]);
    if (misses.length > 0) process.exitCode = EXIT_MISS;
  });
}

function addWhoCan(parent: Command, loadTerms: LoadTerms): void {
  const command = parent
    .command('who-can')
    .description('list the rules that allow a method, and whom they mean')
    .argument('<method>', 'package.Service/Method');
  addCallOptions(addPolicyOptions(command)).action(async (method: string, flags: PolicyFlags & CallFlags) => {
    const { file, policy, terms } = await namedPolicy(undefined, flags, loadTerms);
    const { request, nowMs } = callOf(method, flags, terms);
    print(command, whoCanLines(file, findingsForAnyone(policy, method, request, nowMs)));
  });
}

function addCallOptions(command: Command): Command {
  return command
    .option('--request <json>', 'the request, in the JSON that the method takes')
    .option('--at <time>', 'moment of the call, ISO 8601 with its offset (default: now)');
}

/** The call that flags ask about. */
function callOf(
  method: string,
  { request, at }: CallFlags,
  terms: Awaited<ReturnType<LoadTerms>>,
): { readonly request: Readonly<Record<string, unknown>> | undefined; readonly nowMs: number } {
  if (![...terms.names()].includes(method)) {
    throw new UsageError(
      `"${method}" is no known method; write package.Service/Method, and name its protos with --proto`,
    );
  }
  const nowMs = at === undefined ? Date.now() : momentMs(at);
  if (nowMs === undefined) {
    throw new UsageError(`--at: "${at}" is no moment; write ISO 8601 with its offset, as in 2026-03-01T08:00:00Z`);
  }
  return { request: request === undefined ? undefined : terms.request(method, request), nowMs };
}

function whoFlags({ cn, o, ou, dns, uri, email, sha256, cert }: WhoFlags): WhoFlags {
  const all = { cn, o, ou, dns, uri, email, sha256, cert };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function print(command: Command, lines: readonly string[]): void {
  command.configureOutput().writeOut?.(`${lines.join('\n')}\n`);
}
