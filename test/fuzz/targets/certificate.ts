import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { type Identity, identityFromCertificate } from '../../../src/gateway/guard/identity.ts';
import { identityFromJson, identityToJson } from '../../../src/gateway/guard/identity-json.ts';
import { PACKAGE_ROOT } from '../../../src/package-root.ts';
import { mutatedDer } from '../der.ts';
import { mutatedBytes } from '../mutation.ts';
import { type FuzzTarget, orRefusal, same } from '../target.ts';

/** Certificates of every kind that the tests know, made by this project and by openssl; nobody has their keys. */
const CORPUS: readonly string[] = JSON.parse(
  readFileSync(join(PACKAGE_ROOT, 'test', 'fuzz', 'corpus', 'certificates.json'), 'utf8'),
);
/** OIDs of CN, OU, extended key usage, alternative names, clientAuth; strings of every type. */
const TOKENS = [
  '0603550403',
  '060355040b',
  '0603551d25',
  '0603551d11',
  '06082b06010505070302',
  '0c00',
  '1300',
  '1e020061',
  '3000',
  '3080',
  '0000',
  '02010100',
  '8200',
];

const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/** What OpenSSL, which verified the certificate, understood of its subject. */
function openSslNames(der: Buffer): Readonly<Record<'CN' | 'O' | 'OU', readonly string[]>> {
  const { subject } = new X509Certificate(der).toLegacyObject() as unknown as {
    readonly subject?: Readonly<Record<string, string | readonly string[] | undefined>>;
  };
  const all = (name: string): readonly string[] => [subject?.[name] ?? []].flat();
  return { CN: all('CN'), O: all('O'), OU: all('OU') };
}

/** Whether Node can read the certificate's key: without it no handshake ends, and toLegacyObject() crashes the process. */
function hasReadableKey(der: Buffer): boolean {
  try {
    return new X509Certificate(der).publicKey !== undefined;
  } catch {
    return false;
  }
}

/** How Node writes a name that could be taken for two. */
const quoted = (name: string): string => JSON.stringify(name).replaceAll(',', '\\u002c');

/** What no name may hold, written a second time: what some readers end a text at, and what no reader sees. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

function checkNames({ cn, organizations, organizationalUnits, dns, uris, emails }: Identity): void {
  for (const name of [cn, ...organizations, ...organizationalUnits, ...dns, ...uris, ...emails]) {
    if (name.trim() === '' || UNSEEN.test(name)) throw new Error(`no name to anybody: ${JSON.stringify(name)}`);
  }
  if ([...cn].length > 64) throw new Error('the CN is too long');
}

function compare(identity: Identity, der: Buffer): void {
  const { CN, O, OU } = openSslNames(der);
  same('the CN', [identity.cn], CN);
  // What is not readable text is left out here, so ours are some of theirs.
  for (const name of identity.organizations) if (!O.includes(name)) throw new Error(`OpenSSL knows no O ${name}`);
  for (const name of identity.organizationalUnits)
    if (!OU.includes(name)) throw new Error(`OpenSSL knows no OU ${name}`);
  const outline = new X509Certificate(der);
  const alternatives = outline.subjectAltName ?? '';
  const has = (kind: string, name: string): boolean =>
    alternatives.includes(`${kind}:${name}`) || alternatives.includes(`${kind}:${quoted(name)}`);
  for (const name of identity.dns) if (!has('DNS', name)) throw new Error(`OpenSSL knows no DNS name ${name}`);
  for (const name of identity.uris) if (!has('URI', name)) throw new Error(`OpenSSL knows no URI ${name}`);
  for (const name of identity.emails) if (!has('email', name)) throw new Error(`OpenSSL knows no address ${name}`);
  same('the fingerprint', identity.sha256, outline.fingerprint256.replaceAll(':', '').toLowerCase());
  same('the fingerprint', identity.sha256, createHash('sha256').update(der).digest('hex'));
  same('the serial', identity.serial, outline.serialNumber.toLowerCase());
  same('the dates', [identity.notBeforeMs, identity.notAfterMs], [outline.validFrom, outline.validTo].map(Date.parse));
  const purposes: readonly string[] | undefined = outline.keyUsage;
  if (purposes?.includes(CLIENT_AUTH) === false) throw new Error('OpenSSL knows no client authentication');
}

/** Certificates: nobody, or who OpenSSL takes the holder for; and the same identity again at the backend. */
export async function certificateTarget(): Promise<FuzzTarget<string>> {
  return {
    inputs: fc.oneof(
      { weight: 3, arbitrary: mutatedDer(CORPUS) },
      { weight: 1, arbitrary: mutatedBytes(CORPUS, TOKENS) },
    ),
    check: (hex) => {
      const der = Buffer.from(hex, 'hex');
      const identity = orRefusal(() => identityFromCertificate(der));
      if (identity === undefined) return;
      checkNames(identity);
      if (hasReadableKey(der)) compare(identity, der);
      const passedOn = identityToJson(identity);
      if (!/^[\x20-\x7e]*$/.test(passedOn)) throw new Error('a header cannot hold what is passed on');
      same('what is passed on', identityFromJson(passedOn), identity);
    },
  };
}
