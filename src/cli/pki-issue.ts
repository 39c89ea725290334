import { readFile } from 'node:fs/promises';
import { Argument, type Command, Option } from 'commander';
import { UsageError } from '../errors.ts';
import { type Issued, issueInto } from '../pki/issue.ts';
import { PROFILES, type Profile } from '../pki/profiles.ts';
import { renewIn } from '../pki/renew.ts';
import { requestInto, signRequest } from '../pki/sign.ts';
import {
  ALGORITHM_HELP,
  type AlgorithmFlag,
  altNamesOf,
  daysOf,
  given,
  type NameFlags,
  print,
  repeatable,
  subjectOf,
  withAlgorithm,
  withFolder,
  withNames,
} from './pki-options.ts';

const PROFILE_NAMES = Object.keys(PROFILES);

/** What `--crl-url` is. */
const CRL_URL_HELP = 'where you publish the revocation list of the CA, written into the certificate';

/** Browsers refuse server certificates that are good for longer. */
const BROWSER_DAYS = 398;

/** Bytes of a request; one with RSA 4096 and a hundred names has 8 KiB. */
const MAX_REQUEST_BYTES = 64 * 1024;

interface Flags extends NameFlags {
  readonly certs: string;
  readonly name?: string;
  readonly days?: string;
  readonly algorithm?: AlgorithmFlag;
  readonly sameKey?: boolean;
  readonly crlUrl?: readonly string[];
}

/** Adds `issue`, `request`, `sign` and `renew`. */
export function addIssuing(pki: Command): void {
  addIssue(pki);
  addRequest(pki);
  addSign(pki);
  addRenew(pki);
}

function addIssue(pki: Command): void {
  const issue = pki
    .command('issue')
    .description('make a key and a certificate for it')
    .addArgument(new Argument('<profile>', 'what it is for').choices(PROFILE_NAMES))
    .option('--name <name>', 'base name of the files (default: that of the profile, for a client its CN)')
    .option('--days <n>', 'days that it is good for (default: 397, or until the CA ends)')
    .addOption(repeatable('--crl-url <url>', CRL_URL_HELP));
  withFolder(withAlgorithm(withNames(issue)))
    .addHelpText(
      'after',
      `
Profiles: server (the gateway's HTTPS side) and backend (the gRPC side) need --dns or --ip, as clients look at no other name;
client (whoever calls) and gateway (as a client of the backend) need one --cn. Keys are readable by you only.
${ALGORITHM_HELP}

Examples:
  $ passband pki issue client --cn noc-1 --ou O-RAN-DU
  $ passband pki issue client --cn du-7 --uri spiffe://ran.example/du/7 --days 30
  $ passband pki issue server --cn gw.example --dns gw.example --ip 192.0.2.10 --name gw`,
    )
    .action(async function (this: Command, profile: Profile, flags: Flags) {
      const days = daysOf('--days', flags.days);
      const made = await issueInto(flags.certs, {
        profile,
        ...subjectOf(flags),
        ...altNamesOf(flags),
        ...given('name', flags.name),
        ...given('algorithm', flags.algorithm),
        ...given('days', days),
        ...given('crlUrls', flags.crlUrl),
      });
      print(this, [...said(made), ...browserWarning(profile, days)]);
    });
}

function addRequest(pki: Command): void {
  const request = pki
    .command('request')
    .description('make a key and a request for its certificate; the key never leaves this machine')
    .option('--name <name>', 'base name of the files (default: the CN)')
    .option('--same-key', 'ask for NAME.key that is there already, as for a renewal');
  withFolder(withAlgorithm(withNames(request)))
    .addHelpText(
      'after',
      `
Makes NAME.key (readable by you only) and NAME.csr. Send NAME.csr to whoever has the CA; they run \`passband pki sign NAME.csr\`
and send back NAME.crt and ca.crt.
${ALGORITHM_HELP}

Example:
  $ passband pki request --cn du-7 --uri spiffe://ran.example/du/7`,
    )
    .action(async function (this: Command, flags: Flags) {
      const made = await requestInto(flags.certs, {
        ...subjectOf(flags),
        ...altNamesOf(flags),
        ...given('name', flags.name),
        ...given('algorithm', flags.algorithm),
        ...given('sameKey', flags.sameKey),
      });
      const key = flags.sameKey === true ? 'used' : 'made';
      print(this, [`${key} ${made.keyFile}`, `made ${made.requestFile}; send it to whoever has the CA`]);
    });
}

function addSign(pki: Command): void {
  const sign = pki
    .command('sign')
    .description('make a certificate of a request that somebody sent')
    .argument('<csr>', 'the request, PEM or DER')
    .addOption(new Option('--profile <profile>', 'what it is for').choices(PROFILE_NAMES).makeOptionMandatory())
    .option('--name <name>', "base name of the certificate's file (default: that of the request)")
    .option('--days <n>', 'days that it is good for (default: 397, or until the CA ends)')
    .addOption(repeatable('--crl-url <url>', CRL_URL_HELP));
  withFolder(withNames(sign))
    .addHelpText(
      'after',
      `
Look at it first: passband pki show du-7.csr. The request must be signed with its own key. Its subject and its alternative
names are taken as they are, unless you give others: --cn (with --o, --ou) replaces the whole subject, and --dns, --ip, --uri
and --email together all alternative names. What else it asks for is not taken: the profile says that.

Example:
  $ passband pki sign du-7.csr --profile client --days 90`,
    )
    .action(async function (this: Command, file: string, flags: Flags & { readonly profile: Profile }) {
      const days = daysOf('--days', flags.days);
      if (flags.cn === undefined && (flags.o ?? flags.ou) !== undefined) {
        throw new UsageError("--o and --ou replace the request's subject together with --cn; give that too");
      }
      const signed = await signRequest(flags.certs, await readRequestFile(file), file, {
        profile: flags.profile,
        ...given('subject', flags.cn === undefined ? undefined : subjectOf(flags)),
        ...given('names', altNamesOf(flags)),
        ...given('name', flags.name),
        ...given('days', days),
        ...given('crlUrls', flags.crlUrl),
      });
      const ignored = signed.ignored.map((what) => `not taken from the request: ${what}`);
      print(this, [...said(signed), ...ignored, ...browserWarning(flags.profile, days)]);
    });
}

function addRenew(pki: Command): void {
  const renew = pki
    .command('renew')
    .description('replace a certificate by one that says the same and lasts anew')
    .argument('<name>', 'base name, or the file')
    .option('--same-key', 'keep the key (default: make a new one of the same kind)')
    .option('--days <n>', 'days that it is good for (default: as many as the old one)');
  withFolder(withAlgorithm(renew))
    .addHelpText(
      'after',
      `
The files are replaced, key first, and programs that watch them take both together. The old certificate stays good until
its end: revoke it by its serial number where that matters, with --reason superseded.

Examples:
  $ passband pki renew server
  $ passband pki renew client --algorithm p384`,
    )
    .action(async function (this: Command, name: string, flags: Flags) {
      if (flags.sameKey === true && flags.algorithm !== undefined) {
        throw new UsageError('--same-key keeps the kind of the key too; leave --algorithm out');
      }
      const made = await renewIn(flags.certs, name, {
        ...given('sameKey', flags.sameKey),
        ...given('algorithm', flags.algorithm),
        ...given('days', daysOf('--days', flags.days)),
      });
      const old = made.old.serialNumber.toLowerCase();
      const until = made.old.validToDate.toISOString();
      print(this, [...said(made), `the old one (serial ${old}) is good until ${until}, or until you revoke it`]);
    });
}

function said({ certificate, certFile, keyFile }: Issued): string[] {
  return [
    `made ${certFile}`,
    ...(keyFile === undefined ? [] : [`made ${keyFile}`]),
    `subject    ${certificate.subject.replaceAll('\n', ', ')}`,
    `names      ${certificate.subjectAltName ?? '-'}`,
    `serial     ${certificate.serialNumber.toLowerCase()}`,
    `not after  ${certificate.validToDate.toISOString()}`,
  ];
}

function browserWarning(profile: Profile, days: number | undefined): string[] {
  if (PROFILES[profile].purpose !== 'server' || days === undefined || days < BROWSER_DAYS) return [];
  return [`browsers refuse server certificates of more than ${BROWSER_DAYS} days`];
}

async function readRequestFile(file: string): Promise<Uint8Array> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw new UsageError(`${file} cannot be read; give the file of a certificate request`, { cause: error });
  });
  if (bytes.length > MAX_REQUEST_BYTES) throw new UsageError(`${file} is larger than ${MAX_REQUEST_BYTES} bytes`);
  return bytes;
}
