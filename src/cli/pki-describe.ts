import type { X509Certificate } from 'node:crypto';
import { certificateFacts, plainName } from '../pki/certificate-facts.ts';
import type { ParsedCrl } from '../pki/crl.ts';
import { keyAlgorithm } from '../pki/keys.ts';
import type { CertificateRequest } from '../pki/requests.ts';
import { reasonName } from '../pki/revocation-check.ts';
import { SUBJECT_OIDS } from '../pki/subject.ts';

const DAY_MS = 86_400_000;

/** Revoked certificates that are shown; of more, the rest is counted. */
const SHOWN_ENTRIES = 100;

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

/** What a certificate says, a line for each fact. */
export function describeCertificate(certificate: X509Certificate, nowMs: number): string {
  const daysLeft = Math.floor((certificate.validToDate.getTime() - nowMs) / DAY_MS);
  const oneLine = (name: string | undefined): string => name?.replaceAll('\n', ', ') ?? '-';
  return rows({
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    'alternative names': certificate.subjectAltName ?? '-',
    // Absent, a certificate is good for every purpose.
    'extended key usage': certificate.keyUsage?.map((oid) => PURPOSES[oid] ?? oid).join(', ') ?? '-',
    CA: certificate.ca ? 'yes' : 'no',
    key: kindOf(certificate.publicKey),
    serial: certificate.serialNumber.toLowerCase(),
    'not before': certificate.validFromDate.toISOString(),
    'not after': `${certificate.validToDate.toISOString()} (${daysLeft < 0 ? 'expired' : `${daysLeft} days left`})`,
    sha256: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
  });
}

/** What a certificate request asks for. */
export function describeRequest({ attributes, names, ignored, key }: CertificateRequest): string {
  const types = new Map<string, string>(Object.entries(SUBJECT_OIDS).map(([name, oid]) => [oid, name]));
  const { dns = [], ips = [], uris = [], emails = [] } = names;
  const altNames = [
    ...dns.map((name) => `DNS:${name}`),
    ...ips.map((address) => `IP Address:${address}`),
    ...uris.map((uri) => `URI:${uri}`),
    ...emails.map((address) => `email:${address}`),
  ];
  return rows({
    request: 'signed with its own key',
    subject: attributes.map(({ type, value }) => `${types.get(type) ?? type}=${printable(value)}`).join(', ') || '-',
    'alternative names': altNames.map(printable).join(', ') || '-',
    'also asks for': ignored.length === 0 ? '-' : `${ignored.join(', ')} (not taken)`,
    key: kindOf(key),
  });
}

/** What a revocation list says, and who is on it. */
export function describeList(list: ParsedCrl, issuer: string, nowMs: number): string {
  const next = list.nextUpdateMs;
  const isStale = next !== undefined && next < nowMs;
  const shown = [...list.revoked].slice(0, SHOWN_ENTRIES);
  const more = list.revoked.size - shown.length;
  return [
    rows({
      'revocation list of': issuer,
      number: list.number === undefined ? '-' : String(list.number),
      'this update': new Date(list.thisUpdateMs).toISOString(),
      'next update': next === undefined ? '-' : `${new Date(next).toISOString()}${isStale ? ' (out of date)' : ''}`,
      revoked: String(list.revoked.size),
    }),
    ...shown.map(([serial, { atMs, reason }]) => `  ${serial}  ${new Date(atMs).toISOString()}  ${reasonName(reason)}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ].join('\n');
}

/** Name of the issuer of a list, where a certificate of it is at hand. */
export function listIssuer(list: ParsedCrl, bundle: readonly X509Certificate[]): string {
  const named = bundle.find((one) => certificateFacts(one).subjectDer === list.issuerDer);
  return named === undefined ? `no CA of ca.crt (DER of the name: ${list.issuerDer})` : plainName(named.subject);
}

function kindOf(key: X509Certificate['publicKey']): string {
  return keyAlgorithm(key) ?? key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType ?? 'unknown';
}

/** Whoever made a request chose its text: nothing in it shall move the cursor of whoever looks at it. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`);
}

function rows(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name.padEnd(20)}${value}`)
    .join('\n');
}
