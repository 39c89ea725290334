import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { UsageError } from '../errors.ts';
import { exportArchive } from '../pki/archive.ts';
import { ensureDevPki } from '../pki/dev.ts';
import { inFolder } from '../pki/folder.ts';
import { ensureAuthorities } from '../pki/init.ts';
import { addInspecting } from './pki-inspect.ts';
import { addIssuing } from './pki-issue.ts';
import { ALGORITHM_HELP, type AlgorithmFlag, daysOf, given, print, withAlgorithm, withFolder } from './pki-options.ts';
import { addRevoking } from './pki-revoke.ts';

/** `passband pki`: a CA in a folder: what it issues, renews and revokes, and what any certificate says. */
export function pkiCommand(): Command {
  const command = new Command('pki')
    .description('certificates: a CA in a folder, what it issues, renews and revokes')
    .addHelpText(
      'after',
      `
A folder (--certs) is one CA and what it has signed; several environments are several folders. \`up\`, \`gateway\` and \`backend\`
take certificates, keys, ca.crt, crl.pem and policy.yaml from it. docs/pki.md tells more.

Examples:
  $ passband pki init                                           a development set, complete
  $ passband pki init --ca-only --issuing --certs /srv/ca       a root, and a CA under it that signs
  $ passband pki issue client --cn noc-1
  $ passband pki revoke noc-1 --reason keyCompromise            its streams end within a second
  $ passband pki verify server --host gw.example`,
    );
  addInit(command);
  addIssuing(command);
  addRevoking(command);
  addInspecting(command);
  addExport(command);
  return command;
}

interface InitFlags {
  readonly certs: string;
  readonly caOnly?: boolean;
  readonly issuing?: boolean;
  readonly cn?: string;
  readonly days?: string;
  readonly algorithm?: AlgorithmFlag;
}

function addInit(pki: Command): void {
  const init = pki
    .command('init')
    .description('make the CA and the certificates that a folder lacks; what is there is never touched')
    .option('--ca-only', 'the CA alone, without the development certificates')
    .option('--issuing', "a CA under the root that signs everything, so that the root's key can be put away")
    .option('--cn <name>', 'name of the CA (default: Passband development CA)')
    .option('--days <n>', 'days that the CA is good for (default: 3653)');
  withFolder(withAlgorithm(init))
    .addHelpText(
      'after',
      `
Makes ca, server (localhost), backend, gateway, client (CN=oran-client) and dashboard (CN=dash-1), each as NAME.crt and
NAME.key (readable by you only), and dashboard.p12 for a browser. Certificates of your own CA under the same names work as
well: put them there first, with the CA's certificate as ca.crt. --cn, --days and --algorithm are the CA's.
${ALGORITHM_HELP}`,
    )
    .action(async function (this: Command, flags: InitFlags) {
      const { certs, caOnly = false, issuing = false } = flags;
      const order = {
        issuing,
        ...given('cn', flags.cn),
        ...given('algorithm', flags.algorithm),
        ...given('days', daysOf('--days', flags.days)),
      };
      const { created, p12Password } = caOnly
        ? { created: await inFolder(certs, async () => await ensureAuthorities(certs, order)), p12Password: '' }
        : await ensureDevPki(certs, order);
      const lines = created.map((name) => `made ${join(certs, name)}`);
      if (created.includes('dashboard.p12'))
        lines.push(`the password of ${join(certs, 'dashboard.p12')} is: ${p12Password}`);
      if (created.includes('issuing.key')) {
        lines.push(
          `sign the first lists with \`passband pki crl\`, then keep ${join(certs, 'ca.key')} elsewhere, offline`,
        );
      }
      print(this, lines.length > 0 ? lines : [`${certs} has everything already; nothing was touched`]);
    });
}

function addExport(pki: Command): void {
  const command = pki
    .command('export')
    .description('pack a certificate and its key for a browser')
    .argument('<name>', 'base name of the pair')
    .requiredOption('--p12', 'as PKCS#12 (.p12, .pfx)')
    .option('--out <file>', 'where to (default: NAME.p12 in the folder)')
    .option('--password-file <file>', 'its first line is the password (default: one is made and printed)');
  withFolder(command)
    .addHelpText(
      'after',
      `
Example:
  $ passband pki export noc-1 --p12
  $ pk12util -d sql:$HOME/.pki/nssdb -i certs/noc-1.p12          into Chromium on Linux`,
    )
    .action(async function (
      this: Command,
      name: string,
      flags: { readonly certs: string; readonly out?: string; readonly passwordFile?: string },
    ) {
      const chosen = flags.passwordFile === undefined ? undefined : await firstLine(flags.passwordFile);
      const { file, password } = await exportArchive(flags.certs, name, {
        ...given('out', flags.out),
        ...given('password', chosen),
      });
      print(this, [`made ${file}`, ...(chosen === undefined ? [`its password is: ${password}`] : [])]);
    });
}

async function firstLine(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new UsageError(`--password-file ${file}: cannot be read`, { cause: error });
  });
  return text.split(/\r?\n/)[0] ?? '';
}
