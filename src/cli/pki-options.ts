import { type Command, Option } from 'commander';
import { UsageError } from '../errors.ts';
import { KEY_ALGORITHMS, type KeyAlgorithm } from '../pki/keys.ts';
import { MAX_DAYS } from '../pki/profiles.ts';
import { RepeatableOption } from './given-once.ts';

/** Where certificates are unless told. */
export const DEFAULT_CERTS = 'certs';

/** Flags that name whom a certificate is for. */
export interface NameFlags {
  readonly cn?: string;
  readonly o?: readonly string[];
  readonly ou?: readonly string[];
  readonly dns?: readonly string[];
  readonly ip?: readonly string[];
  readonly uri?: readonly string[];
  readonly email?: readonly string[];
}

/** Adds `--certs`, the folder that every verb works in. */
export function withFolder(command: Command): Command {
  return command.option('--certs <dir>', 'the folder: one CA, and what it has signed', DEFAULT_CERTS);
}

/** An option that may be given several times. */
export function repeatable(flags: string, help: string): Option {
  return new RepeatableOption(flags, `${help}; may be repeated`);
}

/** Adds the flags of NameFlags. */
export function withNames(command: Command): Command {
  return command
    .option('--cn <name>', 'common name: by which policies know a client')
    .addOption(repeatable('--o <name>', 'organization'))
    .addOption(repeatable('--ou <name>', 'organizational unit'))
    .addOption(repeatable('--dns <name>', 'DNS name (alternative name)'))
    .addOption(repeatable('--ip <address>', 'IPv4 or IPv6 address (alternative name)'))
    .addOption(repeatable('--uri <uri>', 'URI, such as a SPIFFE ID (alternative name)'))
    .addOption(repeatable('--email <address>', 'email address (alternative name)'));
}

/** Adds `--algorithm`. */
export function withAlgorithm(command: Command): Command {
  return command.addOption(
    new Option('--algorithm <kind>', 'kind of the key (default: p256; see below)').choices([...KEY_ALGORITHMS]),
  );
}

/** What `--algorithm` means to peers, for the end of a help text. */
export const ALGORITHM_HELP = `
Kinds of key: p256 (ECDSA, taken by all), p384 (ECDSA), rsa2048, rsa3072, rsa4096 (slower handshakes, for old peers), ed25519
(taken by OpenSSL, curl, Go, grpc and Node; refused by browsers: Chromium, Firefox, Safari).`;

/**
 * The number of a flag that counts days.
 *
 * @throws UsageError when it is none, or out of its range.
 */
export function daysOf(flag: string, text: string | undefined, least = 1): number | undefined {
  if (text === undefined) return undefined;
  const days = Number(text);
  if (!/^\d{1,6}$/.test(text) || days < least || days > MAX_DAYS) {
    throw new UsageError(`${flag} ${text}: give a number of days from ${least} to ${MAX_DAYS}`);
  }
  return days;
}

/** The alternative names of the flags, or undefined where none is given. */
export function altNamesOf(
  flags: NameFlags,
): { dns: readonly string[]; ips: readonly string[]; uris: readonly string[]; emails: readonly string[] } | undefined {
  const { dns = [], ip = [], uri = [], email = [] } = flags;
  if (dns.length + ip.length + uri.length + email.length === 0) return undefined;
  return { dns, ips: ip, uris: uri, emails: email };
}

/**
 * The subject of the flags.
 *
 * @throws UsageError when there is no CN.
 */
export function subjectOf({ cn, o = [], ou = [] }: NameFlags): {
  cn: string;
  o: readonly string[];
  ou: readonly string[];
} {
  if (cn === undefined) throw new UsageError('give the common name with --cn');
  return { cn, o, ou };
}

/** `{ [key]: value }`, or nothing for undefined: optional members are absent and not undefined. */
export function given<Key extends string, Value>(key: Key, value: Value | undefined): { readonly [K in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [K in Key]?: Value });
}

/** The kind of key as the flag has it. */
export type AlgorithmFlag = KeyAlgorithm | undefined;

/** Writes lines to standard output. */
export function print(command: Command, lines: readonly string[]): void {
  command.configureOutput().writeOut?.(`${lines.join('\n')}\n`);
}
