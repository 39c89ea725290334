import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { UsageError } from '../errors.ts';
import { type KnownMethods, type Policy, parsePolicy } from '../gateway/guard/policy.ts';
import type { MethodTerms } from './known-methods.ts';

/** Where certificates and the policy are unless told. */
const DEFAULT_CERTS = 'certs';

/** What says which policy is meant, and what it may name. */
export interface PolicyFlags {
  readonly certs: string;
  readonly policy?: string;
  readonly proto?: readonly string[];
  readonly protoPath?: readonly string[];
}

/** Reads the terms of given protos, or of Passband's own when there are none; the second are roots of their imports. */
export type LoadTerms = (protos: readonly string[], protoPath: readonly string[]) => Promise<MethodTerms>;

/** A policy that was asked for. */
export interface NamedPolicy {
  readonly file: string;
  readonly policy: Policy;
  readonly terms: MethodTerms;
}

/** Gives a verb the options that say which policy is meant. */
export function addPolicyOptions(command: Command): Command {
  return command
    .option('--certs <dir>', 'folder with policy.yaml', DEFAULT_CERTS)
    .option('--policy <file>', 'policy, YAML, when it is not in that folder')
    .option('--proto <path...>', "protos whose methods the policy may name (default: Passband's own)")
    .option('--proto-path <dir...>', 'further roots for imports in protos');
}

/**
 * Reads the policy that flags and argument name.
 *
 * @throws UsageError naming the file, and for what is in it the line and column.
 */
export async function namedPolicy(
  file: string | undefined,
  flags: PolicyFlags,
  loadTerms: LoadTerms,
): Promise<NamedPolicy> {
  if (file !== undefined && flags.policy !== undefined) {
    throw new UsageError('the policy is named twice; give it as an argument or with --policy');
  }
  const path = file ?? flags.policy ?? join(flags.certs, 'policy.yaml');
  const terms = await loadTerms(flags.proto ?? [], flags.protoPath ?? []);
  return { file: path, policy: await loadPolicy(path, terms), terms };
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
