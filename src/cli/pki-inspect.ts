import type { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { UsageError } from '../errors.ts';
import { plainName } from '../pki/certificate-facts.ts';
import { readCrlFile } from '../pki/crl-file.ts';
import { readBundle } from '../pki/folder.ts';
import { type Listed, listFolder } from '../pki/list.ts';
import { readRequest } from '../pki/requests.ts';
import { parseCertificates, readPem } from '../pki/tls-files.ts';
import { certificateFile, verifyFile } from '../pki/verify.ts';
import { describeCertificate, describeList, describeRequest, listIssuer } from './pki-describe.ts';
import { daysOf, given, print, withFolder } from './pki-options.ts';

/** Adds `list`, `show` and `verify`. */
export function addInspecting(pki: Command): void {
  withFolder(pki.command('list').description('every certificate that this CA has issued, and its status'))
    .option('--json', 'as JSON, for programs')
    .action(async function (this: Command, { certs, json }: { readonly certs: string; readonly json?: boolean }) {
      const listed = await listFolder(certs);
      print(this, json === true ? [JSON.stringify(listed, null, 2)] : table(listed));
    });
  withFolder(
    pki
      .command('show')
      .description('say what a certificate, a chain, a request (CSR) or a revocation list (CRL) says')
      .argument('<file>', 'the file, PEM; requests and lists also DER'),
  ).action(async function (this: Command, file: string, { certs }: { readonly certs: string }) {
    print(this, [await show(file, certs)]);
  });
  addVerify(pki);
}

function addVerify(pki: Command): void {
  const verify = pki
    .command('verify')
    .description('say everything that is wrong with a certificate; exit 1 if anything is')
    .argument('<certificate>', 'its file, or its base name')
    .addOption(
      new Option('--for <side>', 'the side of a connection (default: that of its profile)').choices([
        'client',
        'server',
      ]),
    )
    .option('--host <name>', 'a host name or address that clients call it by')
    .option('--min-days <n>', 'fewer days left than this are a fault');
  withFolder(verify)
    .addHelpText(
      'after',
      `
Looks at the chain to ca.crt, dates, strength, the key beside it (NAME.key: is it its own, can others read it), extended key
usage, alternative names, and crl.pem (revoked, list missing, unsigned or out of date). Certificates of other tools are judged
alike.

Examples:
  $ passband pki verify server --host gw.example --min-days 14
  $ passband pki verify /etc/passband/client.crt --certs /etc/passband`,
    )
    .action(async function (
      this: Command,
      text: string,
      flags: {
        readonly certs: string;
        readonly for?: 'client' | 'server';
        readonly host?: string;
        readonly minDays?: string;
      },
    ) {
      const file = await certificateFile(flags.certs, text);
      if (file === undefined) throw new UsageError(`${text} is no file, and no name in ${flags.certs}`);
      const { certificate, faults, notes } = await verifyFile(flags.certs, file, {
        ...given('side', flags.for),
        ...given('host', flags.host),
        ...given('minDays', daysOf('--min-days', flags.minDays, 0)),
      });
      print(this, [
        `${file}: ${faults.length === 0 ? 'good' : 'NOT GOOD'} (${plainName(certificate.subject)})`,
        ...faults.map((fault) => `  wrong: ${fault}`),
        ...notes.map((note) => `  ${note}`),
      ]);
      if (faults.length > 0) process.exitCode = 1;
    });
}

async function show(file: string, certs: string): Promise<string> {
  const nowMs = Date.now();
  const bytes = await readFile(file).catch(() => undefined);
  const text = bytes?.toString('latin1') ?? '';
  if (bytes !== undefined && /-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----/.test(text)) {
    return describeRequest(await readRequest(bytes, file));
  }
  // 0x30 begins a SEQUENCE: DER.
  const isDer = bytes?.[0] === 0x30;
  if (text.includes('-----BEGIN X509 CRL-----') || (isDer && (await isList(file)))) {
    const bundle = await readBundle(certs).catch((): readonly X509Certificate[] => []);
    const lists = await readCrlFile(file);
    return lists.map((list) => describeList(list, listIssuer(list, bundle), nowMs)).join('\n\n');
  }
  if (isDer && bytes !== undefined) return describeRequest(await readRequest(bytes, file));
  const certificates = parseCertificates(await readPem(file, false), file);
  return certificates.map((certificate) => describeCertificate(certificate, nowMs)).join('\n\n');
}

async function isList(file: string): Promise<boolean> {
  return await readCrlFile(file).then(
    () => true,
    () => false,
  );
}

function table(listed: readonly Listed[]): string[] {
  const head = ['SERIAL', 'CN', 'PROFILE', 'NOT AFTER', 'STATUS', 'FILE'];
  const lines = listed.map(({ serial, cn, profile, notAfter, status, reason, name, known, present }) => [
    serial,
    cn === '' ? '-' : cn,
    profile,
    notAfter.slice(0, 'YYYY-MM-DD'.length),
    reason === undefined || reason === 'unspecified' ? status : `${status} (${reason})`,
    present ? `${name}.crt${known ? '' : " (unknown to this CA's index)"}` : '-',
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...lines].map((line) => (line[column] ?? '').length)));
  return [head, ...lines].map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
