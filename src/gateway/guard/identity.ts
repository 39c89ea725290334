import { createHash, X509Certificate } from 'node:crypto';
import * as pkijs from 'pkijs';
import { PassbandError } from '../../errors.ts';
import { LatestUsed } from '../../latest-used.ts';
import { datesOf } from '../../pki/certificate-facts.ts';
import { nameFault, printableAscii, textOf } from './certificate-text.ts';
import { identityFromJson, identityToJson } from './identity-json.ts';

export { identityFromJson, identityToJson } from './identity-json.ts';

/** Who a verified certificate says its holder is. Nothing else, no header and no token, is ever an identity. */
export interface Identity {
  /** The one common name: 1 to 64 characters, none of them a control character. */
  readonly cn: string;
  /** O attributes of the subject, in its order. */
  readonly organizations: readonly string[];
  /** OU attributes of the subject, in its order. */
  readonly organizationalUnits: readonly string[];
  /** DNS names among the subject alternative names. */
  readonly dns: readonly string[];
  /** URIs among the subject alternative names. */
  readonly uris: readonly string[];
  /** Email addresses among the subject alternative names. */
  readonly emails: readonly string[];
  /** SHA-256 of the certificate's DER, lower-case hex. */
  readonly sha256: string;
  /** Serial number, lower-case hex. */
  readonly serial: string;
  /** Issuer's name, its attributes in their order and joined by commas. */
  readonly issuer: string;
  /** First moment of validity, milliseconds since 1970. */
  readonly notBeforeMs: number;
  /** Last moment of validity, milliseconds since 1970. */
  readonly notAfterMs: number;
}

const OIDS = { cn: '2.5.4.3', organization: '2.5.4.10', organizationalUnit: '2.5.4.11' } as const;
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/** Tags of GeneralName (RFC 5280 section 4.2.1.6). */
const GENERAL_NAME = { email: 1, dns: 2, uri: 6 } as const;

/** Certificates whose reading is kept, the latest used: about a kilobyte each, and as many as a fleet has callers. */
const MAX_REMEMBERED = 1024;

/**
 * What certificates said, or why they were refused, by SHA-256 of their bytes. A pure function's memory: reading one takes longer
 * than a whole unary call, one with thousands of names a third of a second, and the same few are asked about on every
 * request or connection.
 */
const remembered = new LatestUsed<string, Identity | PassbandError>(MAX_REMEMBERED);

const refusal = (message: string, cause?: unknown): PassbandError =>
  new PassbandError('PERMISSION_DENIED', message, cause === undefined ? {} : { cause });

/**
 * Reads who the holder of a certificate is. The certificate's signature and chain are TLS's business and must have been
 * verified; this refuses what a correct signature may still cover: no CN, more than one, one that is empty, longer than
 * 64 characters, not a plain string or with control characters in it (a NUL that others would end the name at), an
 * extended key usage without clientAuth, and more names than can be passed on (4 KiB).
 *
 * Of O, OU and the alternative names, those that are not readable text are left out: they then match nothing.
 *
 * @param der one certificate, nothing after it.
 * @throws PassbandError PERMISSION_DENIED.
 */
export function identityFromCertificate(der: Uint8Array): Identity {
  const sha256 = createHash('sha256').update(der).digest('hex');
  const known = remembered.get(sha256);
  const found = known ?? readOrRefuse(der, sha256);
  if (known === undefined) remembered.set(sha256, found);
  if (found instanceof PassbandError) throw found;
  return found;
}

function readOrRefuse(der: Uint8Array, sha256: string): Identity | PassbandError {
  try {
    return read(der, sha256);
  } catch (error) {
    if (error instanceof PassbandError) return error;
    throw error;
  }
}

function read(der: Uint8Array, sha256: string): Identity {
  let certificate: pkijs.Certificate;
  let outline: X509Certificate;
  try {
    certificate = pkijs.Certificate.fromBER(Uint8Array.from(der));
    outline = new X509Certificate(der);
  } catch (error) {
    throw refusal('the client certificate cannot be read', error);
  }
  // What was read is what was hashed and verified, with nothing behind it.
  if (!outline.raw.equals(der)) throw refusal('the client certificate cannot be read');
  // Undefined where the name is empty, whatever the type says.
  const issuer: string | undefined = outline.issuer;
  if (issuer === undefined) throw refusal('the client certificate names no issuer');
  requireClientAuth(certificate);
  const dates = datesOf(outline);
  if (Object.values(dates).some(Number.isNaN)) throw refusal('the client certificate has dates that cannot be read');

  const identity: Identity = {
    cn: commonName(certificate.subject),
    organizations: attributes(certificate.subject, OIDS.organization),
    organizationalUnits: attributes(certificate.subject, OIDS.organizationalUnit),
    ...alternativeNames(certificate, outline),
    sha256,
    serial: outline.serialNumber.toLowerCase(),
    issuer: issuer.replaceAll('\n', ','),
    ...dates,
  };
  // Refused here and not half-way through a call: what cannot be passed on is no identity.
  const passedOn = identityToJson(identity);
  try {
    identityFromJson(passedOn);
  } catch (error) {
    throw refusal('the client certificate has a serial number or an issuer that no CA may give', error);
  }
  for (const part of Object.values(identity)) Object.freeze(part);
  return Object.freeze(identity);
}

/**
 * Refuses an identity outside its certificate's validity, both ends included (RFC 5280 section 4.1.2.5). To be called on
 * every request: a resumed TLS session does not look at the dates again.
 *
 * @throws PassbandError UNAUTHENTICATED.
 */
export function checkValidity(identity: Identity, nowMs: number): void {
  // Written so that a date which could not be read (NaN) refuses.
  if (!(nowMs >= identity.notBeforeMs)) {
    throw new PassbandError('UNAUTHENTICATED', 'the client certificate is not valid yet');
  }
  if (!(nowMs <= identity.notAfterMs)) {
    throw new PassbandError('UNAUTHENTICATED', 'the client certificate has expired');
  }
}

function commonName(subject: pkijs.RelativeDistinguishedNames): string {
  const [attribute, second] = subject.typesAndValues.filter(({ type }) => type === OIDS.cn);
  if (attribute === undefined) throw refusal('the client certificate has no CN');
  if (second !== undefined) throw refusal('the client certificate has more than one CN');
  const cn = textOf(attribute.value);
  if (cn === undefined) throw refusal("the client certificate's CN is not readable text");
  const fault = nameFault(cn);
  if (fault !== undefined) throw refusal(`the client certificate's CN ${fault}`);
  return cn;
}

function attributes(subject: pkijs.RelativeDistinguishedNames, oid: string): string[] {
  return subject.typesAndValues.flatMap(({ type, value }) => {
    const text = type === oid ? textOf(value) : undefined;
    return text === undefined || nameFault(text) !== undefined ? [] : [text];
  });
}

const UNREADABLE_EXTENSION = 'the client certificate has an extension that cannot be read';

/** The parsed value of an extension; RFC 5280 section 4.2 allows each kind once, and which of two counts is a guess. */
function extensionValue(certificate: pkijs.Certificate, oid: string): pkijs.ExtensionParsedValue | undefined {
  const [found, second] = certificate.extensions?.filter(({ extnID }) => extnID === oid) ?? [];
  if (second !== undefined) throw refusal('the client certificate has an extension twice');
  if (found === undefined) return undefined;
  let value: pkijs.ExtensionParsedValue | undefined;
  try {
    // Parses now, and throws where its ASN.1 is broken.
    value = found.parsedValue;
  } catch (error) {
    throw refusal(UNREADABLE_EXTENSION, error);
  }
  if (value === undefined || value === null || 'parsingError' in value) throw refusal(UNREADABLE_EXTENSION);
  return value;
}

function requireClientAuth(certificate: pkijs.Certificate): void {
  const usage = extensionValue(certificate, pkijs.id_ExtKeyUsage);
  if (usage === undefined) return;
  if (!(usage instanceof pkijs.ExtKeyUsage) || !usage.keyPurposes.includes(CLIENT_AUTH)) {
    throw refusal('the client certificate is not for client authentication (extended key usage without clientAuth)');
  }
}

function alternativeNames(
  certificate: pkijs.Certificate,
  outline: X509Certificate,
): Pick<Identity, 'dns' | 'uris' | 'emails'> {
  const names = extensionValue(certificate, pkijs.id_SubjectAltName);
  // What OpenSSL, which is stricter, cannot read may mean something else than what we read.
  if (names !== undefined && outline.subjectAltName === undefined) throw refusal(UNREADABLE_EXTENSION);
  const all = names instanceof pkijs.AltName ? names.altNames : [];
  const ofType = (tag: number): string[] =>
    all.filter(({ type, value }) => type === tag && printableAscii(value)).map(({ value }) => String(value));
  return { dns: ofType(GENERAL_NAME.dns), uris: ofType(GENERAL_NAME.uri), emails: ofType(GENERAL_NAME.email) };
}
