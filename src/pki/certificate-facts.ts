import { createHash, type KeyObject, type X509Certificate } from 'node:crypto';
import * as pkijs from 'pkijs';

/** What certificate paths and revocation lists are judged by, read once from a certificate. */
export interface CertificateFacts {
  /** DER of the subject, hexadecimal: names are compared by their bytes. */
  readonly subjectDer: string;
  /** Undefined for one that cannot be read: then it has signed nothing. */
  readonly publicKey: KeyObject | undefined;
  /** SHA-256 of the public key's SubjectPublicKeyInfo, hexadecimal. */
  readonly keyId: string;
  readonly isSelfIssued: boolean;
  /** Whether it may sign certificates (RFC 5280 sections 4.2.1.3 and 4.2.1.9). */
  readonly signsCertificates: boolean;
  /** Whether it may sign revocation lists. */
  readonly signsLists: boolean;
  /** CAs that may follow below it, those with the same name not counted; Infinity where nothing is said. */
  readonly pathLength: number;
  /** Serial number, lower-case hexadecimal without leading zeros. */
  readonly serial: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Bits of KeyUsage from the left (RFC 5280 section 4.2.1.3). */
const KEY_CERT_SIGN = 0b0000_0100;
const CRL_SIGN = 0b0000_0010;

const X509_VERSION_1 = 0;

const remembered = new WeakMap<X509Certificate, CertificateFacts>();

/**
 * The facts of a certificate, remembered as long as it is. One that cannot be read in full signs nothing.
 */
export function certificateFacts(certificate: X509Certificate): CertificateFacts {
  const known = remembered.get(certificate);
  if (known !== undefined) return known;
  const facts = Object.freeze(read(certificate));
  remembered.set(certificate, facts);
  return facts;
}

/** A serial number as lower-case hexadecimal without leading zeros, from the form that Node or OpenSSL prints. */
export function plainSerial(serial: string): string {
  return serial.toLowerCase().replace(/^(-?)0+(?=.)/, '$1');
}

/** An X.500 name as it is written in logs and identities, from the form that Node prints: attributes joined by commas. */
export function plainName(name: string): string {
  return name.replaceAll('\n', ',');
}

/**
 * When a certificate begins and ceases to be valid, milliseconds since 1970; NaN for a time that OpenSSL cannot read, of which
 * Node makes some date or other.
 */
export function datesOf({ validFrom, validFromDate, validTo, validToDate }: X509Certificate): {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
} {
  const msOf = (text: string, date: Date): number => (Number.isNaN(Date.parse(text)) ? Number.NaN : date.getTime());
  return { notBeforeMs: msOf(validFrom, validFromDate), notAfterMs: msOf(validTo, validToDate) };
}

function read(certificate: X509Certificate): CertificateFacts {
  const publicKey = publicKeyOf(certificate);
  const key = publicKey?.export({ type: 'spki', format: 'der' }) ?? certificate.raw;
  return {
    publicKey,
    keyId: createHash('sha256').update(key).digest('hex'),
    serial: plainSerial(certificate.serialNumber),
    ...datesOf(certificate),
    ...authorityFacts(certificate),
  };
}

function publicKeyOf(certificate: X509Certificate): KeyObject | undefined {
  try {
    return certificate.publicKey;
  } catch {
    return undefined;
  }
}

type AuthorityFacts = Pick<
  CertificateFacts,
  'subjectDer' | 'isSelfIssued' | 'signsCertificates' | 'signsLists' | 'pathLength'
>;

function authorityFacts(certificate: X509Certificate): AuthorityFacts {
  let parsed: pkijs.Certificate;
  try {
    parsed = pkijs.Certificate.fromBER(Uint8Array.from(certificate.raw));
  } catch {
    return { subjectDer: '', isSelfIssued: false, signsCertificates: false, signsLists: false, pathLength: 0 };
  }
  const subjectDer = nameDer(parsed.subject);
  const isSelfIssued = subjectDer === nameDer(parsed.issuer);
  const extension = (oid: string): unknown => parsed.extensions?.find(({ extnID }) => extnID === oid)?.parsedValue;
  const constraints = extension(pkijs.id_BasicConstraints);
  const usage = extension(pkijs.id_KeyUsage) as
    | { readonly valueBlock?: { readonly valueHexView?: Uint8Array } }
    | undefined;
  const bits = usage === undefined ? 0xff : (usage.valueBlock?.valueHexView?.[0] ?? 0);
  // Roots from before 1997 have no extensions at all; TLS takes such a root, and nothing else without the word CA.
  const isOldRoot = parsed.version === X509_VERSION_1 && isSelfIssued;
  const isAuthority = isOldRoot || (constraints instanceof pkijs.BasicConstraints && constraints.cA);
  const length = constraints instanceof pkijs.BasicConstraints ? constraints.pathLenConstraint : undefined;
  return {
    subjectDer,
    isSelfIssued,
    signsCertificates: isAuthority && (bits & KEY_CERT_SIGN) !== 0,
    signsLists: isAuthority && (bits & CRL_SIGN) !== 0,
    // One too large for a number is as good as none.
    pathLength: typeof length === 'number' ? length : Number.POSITIVE_INFINITY,
  };
}

/** The bytes of a name as they stand in the certificate (RFC 5280 section 4.1), hexadecimal. */
function nameDer({ valueBeforeDecode }: pkijs.RelativeDistinguishedNames): string {
  return Buffer.from(valueBeforeDecode).toString('hex');
}
