import { type Command, Option } from 'commander';
import { UsageError } from '../errors.ts';
import { requireCa } from '../pki/folder.ts';
import { LIST_DAYS, ROOT_LIST_DAYS, type WrittenLists, writeLists } from '../pki/lists.ts';
import { REVOCATION_REASONS, type RevocationReason } from '../pki/revocation.ts';
import { type RevocationTarget, revokeIn } from '../pki/revoke.ts';
import { parseCertificates, readPem } from '../pki/tls-files.ts';
import { certificateFile } from '../pki/verify.ts';
import { daysOf, print, withFolder } from './pki-options.ts';

const DAYS_HELP = `days until the next list is due (default: ${LIST_DAYS}; of a root above an issuing CA always ${ROOT_LIST_DAYS})`;

/** Adds `revoke` and `crl`. */
export function addRevoking(pki: Command): void {
  addRevoke(pki);
  addCrl(pki);
}

function addRevoke(pki: Command): void {
  const revoke = pki
    .command('revoke')
    .description('revoke a certificate and write crl.pem anew, at once')
    .argument('<certificate>', 'its file, its base name, or its serial number in hexadecimal')
    .addOption(new Option('--reason <reason>', 'why').choices(Object.keys(REVOCATION_REASONS)).default('unspecified'))
    .option('--days <n>', DAYS_HELP)
    .option('--not-in-index', 'revoke a serial number that this folder knows nothing of');
  withFolder(revoke)
    .addHelpText(
      'after',
      `
A gateway and a backend that use this folder end the streams and connections of that certificate within a second. Where they
have a copy of it, copy crl.pem there. certificateHold can be undone with --reason removeFromCRL, or followed by another reason.
Every other is for good: a certificate that is revoked keeps its reason, whatever is given later.

Examples:
  $ passband pki revoke client --reason keyCompromise
  $ passband pki revoke 5f0c31d1a7b84c9e93f2d4a85b1c6e70 --reason cessationOfOperation
  $ passband pki list                                          whose serial is it?`,
    )
    .action(async function (
      this: Command,
      text: string,
      flags: {
        readonly certs: string;
        readonly reason: RevocationReason;
        readonly days?: string;
        readonly notInIndex?: boolean;
      },
    ) {
      await requireCa(flags.certs);
      const target = await targetOf(flags.certs, text, flags.notInIndex === true);
      const result = await revokeIn(flags.certs, target, flags.reason, daysOf('--days', flags.days));
      const { serial, before } = result;
      const isOld = before !== undefined && before.reason !== 'certificateHold';
      const verb = flags.reason === 'removeFromCRL' ? 'taken off hold:' : 'revoked';
      print(this, [
        isOld
          ? `${serial} was revoked already (${before.reason}, ${before.at})`
          : `${verb} ${serial} (${flags.reason})`,
        ...said(result),
      ]);
    });
}

function addCrl(pki: Command): void {
  withFolder(pki.command('crl').description('write crl.pem anew, before the last one is out of date'))
    .option('--days <n>', DAYS_HELP)
    .addHelpText(
      'after',
      `
Programs refuse a list that is past its next update (--crl-stale), so run this well before: nightly from cron is usual. With
an issuing CA, crl.pem has a list of each CA, and the root's is only written where ca.key is.`,
    )
    .action(async function (this: Command, flags: { readonly certs: string; readonly days?: string }) {
      print(this, said(await writeLists(flags.certs, daysOf('--days', flags.days))));
    });
}

async function targetOf(dir: string, text: string, unknownAllowed: boolean): Promise<RevocationTarget> {
  const file = await certificateFile(dir, text);
  if (file !== undefined) {
    const [certificate] = parseCertificates(await readPem(file, false), file);
    return { serial: certificate.serialNumber, certificate };
  }
  const serial = text.replace(/^0x/i, '').replaceAll(':', '').toLowerCase();
  if (!/^[0-9a-f]{1,40}$/.test(serial)) {
    throw new UsageError(`${text} is no file, no name in ${dir}, and no serial number (hexadecimal)`);
  }
  return { serial, unknownAllowed };
}

function said({ file, written, lacking, dropped }: WrittenLists): string[] {
  return [
    ...written.map(
      ({ issuer, number, revoked, nextUpdate }) =>
        `${file}: list ${number} of ${issuer}, ${revoked} revoked, next update by ${nextUpdate.toISOString()}`,
    ),
    ...dropped.map((name) => `${file} had a list in the name of ${name} that it has not signed; it is left out`),
    ...lacking.map((name) => `${file} has no list of ${name}: run \`passband pki crl\` once where its key is`),
  ];
}
