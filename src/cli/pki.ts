import type { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { Command } from 'commander';
import { ensureDevPki } from '../pki/dev.ts';
import { parseCertificates, readPem } from '../pki/store.ts';

/** Where certificates are unless told. */
const DEFAULT_CERTS = 'certs';

const DAY_MS = 86_400_000;

/** Extended key usages by their object identifiers (RFC 5280 section 4.2.1.12). */
const PURPOSES: Readonly<Record<string, string>> = {
  '1.3.6.1.5.5.7.3.1': 'serverAuth',
  '1.3.6.1.5.5.7.3.2': 'clientAuth',
  '1.3.6.1.5.5.7.3.3': 'codeSigning',
  '1.3.6.1.5.5.7.3.4': 'emailProtection',
  '1.3.6.1.5.5.7.3.8': 'timeStamping',
  '1.3.6.1.5.5.7.3.9': 'OCSPSigning',
  '2.5.29.37.0': 'any',
};

/** `passband pki`: makes the development certificates and shows what any certificate says. */
export function pkiCommand(): Command {
  const command = new Command('pki').description('certificates: make a development set, look into any');
  command
    .command('init')
    .description('make the certificates that a folder lacks; what is there is never touched')
    .option('--certs <dir>', 'the folder', DEFAULT_CERTS)
    .addHelpText(
      'after',
      `
Makes ca, server (localhost), backend, gateway, client (CN=oran-client) and dashboard (CN=dash-1), each as NAME.crt and
NAME.key (readable by you only), and dashboard.p12 for a browser. Certificates of your own CA under the same names work as
well: put them there first, with the CA's certificate as ca.crt.`,
    )
    .action(async function (this: Command, { certs }: { readonly certs: string }) {
      const { created, p12Password } = await ensureDevPki(certs);
      const lines = created.map((name) => `made ${join(certs, name)}`);
      if (created.includes('dashboard.p12'))
        lines.push(`the password of ${join(certs, 'dashboard.p12')} is: ${p12Password}`);
      print(this, lines.length > 0 ? lines : [`${certs} has everything already; nothing was touched`]);
    });
  command
    .command('show')
    .description('say whose a certificate is, who signed it, what for and until when')
    .argument('<file>', 'certificate or chain, PEM')
    .action(async function (this: Command, file: string) {
      const certificates = parseCertificates(await readPem(file, false), file);
      print(this, [certificates.map((certificate) => describe(certificate, Date.now())).join('\n\n')]);
    });
  return command;
}

function print(command: Command, lines: readonly string[]): void {
  command.configureOutput().writeOut?.(`${lines.join('\n')}\n`);
}

function describe(certificate: X509Certificate, nowMs: number): string {
  const daysLeft = Math.floor((certificate.validToDate.getTime() - nowMs) / DAY_MS);
  const oneLine = (name: string | undefined): string => name?.replaceAll('\n', ', ') ?? '-';
  const rows = {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    'alternative names': certificate.subjectAltName ?? '-',
    // Absent, a certificate is good for every purpose.
    'extended key usage': certificate.keyUsage?.map((oid) => PURPOSES[oid] ?? oid).join(', ') ?? '-',
    CA: certificate.ca ? 'yes' : 'no',
    serial: certificate.serialNumber.toLowerCase(),
    'not before': certificate.validFromDate.toISOString(),
    'not after': `${certificate.validToDate.toISOString()} (${daysLeft < 0 ? 'expired' : `${daysLeft} days left`})`,
    sha256: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
  };
  return Object.entries(rows)
    .map(([name, value]) => `${name.padEnd(20)}${value}`)
    .join('\n');
}
