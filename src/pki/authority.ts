import { createPrivateKey, randomBytes, webcrypto } from 'node:crypto';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import { UsageError } from '../errors.ts';
import { derToPem, pemToDer } from './encoding.ts';
import { caExtensions, type LeafNames, leafExtensions, type Purpose } from './extensions.ts';

export { pemToDer } from './encoding.ts';

/** One attribute of a subject, in the order of the name: the OID of its type and its text. */
export interface SubjectAttribute {
  /** Object identifier, such as one of SUBJECT_OIDS. */
  readonly type: string;
  readonly value: string;
  /** ASN.1 string type; 'utf8' unless told, as RFC 5280 section 4.1.2.4 asks of new certificates. */
  readonly encoding?: 'utf8' | 'printable' | 'bmp';
}

/** Object identifiers of the subject attributes that Passband reads and writes (X.520). */
export const SUBJECT_OIDS = { CN: '2.5.4.3', O: '2.5.4.10', OU: '2.5.4.11' } as const;

/** A certificate and its private key, both as PEM; the key as PKCS#8. */
export interface IssuedCertificate {
  readonly certPem: string;
  readonly keyPem: string;
}

/** When a certificate begins and ceases to be valid. */
export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** What a leaf certificate shall say. Nothing is checked, so that tests can have certificates nobody should accept. */
export interface LeafRequest extends LeafNames {
  readonly subject: readonly SubjectAttribute[];
  /** What the key may be used for: the one extended key usage, or none at all. */
  readonly purpose: Purpose;
  readonly validity: Validity;
}

/** Bytes of a serial number: 128 random bits, beyond the 64 that the CA/Browser Forum asks for. */
const SERIAL_BYTES = 16;

const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' };
const HASH = 'SHA-256';
const X509_VERSION_3 = 2;

/** Makes a self-signed CA (ECDSA P-256, SHA-256) that signs leaves and no further CAs. */
export async function createAuthority(commonName: string, validity: Validity): Promise<IssuedCertificate> {
  const pair = await newKeyPair();
  const certificate = await blank([{ type: SUBJECT_OIDS.CN, value: commonName }], validity, pair.publicKey);
  certificate.issuer = certificate.subject;
  certificate.extensions = caExtensions(certificate.subjectPublicKeyInfo);
  await certificate.sign(pair.privateKey, HASH);
  return { certPem: certificateToPem(certificate), keyPem: await keyToPem(pair.privateKey) };
}

/**
 * Issues a leaf certificate with a new ECDSA P-256 key.
 *
 * @param issuer the CA that signs, its key EC or RSA; undefined makes the certificate sign itself.
 * @throws UsageError when the CA's key is of a kind that cannot sign here.
 */
export async function issueLeaf(
  issuer: IssuedCertificate | undefined,
  request: LeafRequest,
): Promise<IssuedCertificate> {
  const pair = await newKeyPair();
  const certificate = await blank(request.subject, request.validity, pair.publicKey);
  const authority = issuer === undefined ? certificate : pkijs.Certificate.fromBER(pemToDer(issuer.certPem));
  const signingKey = issuer === undefined ? pair.privateKey : importSigningKey(issuer.keyPem);
  certificate.issuer = authority.subject;
  certificate.extensions = leafExtensions(certificate.subjectPublicKeyInfo, authority, request);
  await certificate.sign(signingKey, HASH);
  return { certPem: certificateToPem(certificate), keyPem: await keyToPem(pair.privateKey) };
}

async function newKeyPair(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']);
}

async function blank(
  subject: readonly SubjectAttribute[],
  validity: Validity,
  publicKey: webcrypto.CryptoKey,
): Promise<pkijs.Certificate> {
  const certificate = new pkijs.Certificate();
  certificate.version = X509_VERSION_3;
  const serial = randomBytes(SERIAL_BYTES);
  // A serial is a positive integer (RFC 5280 section 4.1.2.2) of full length: the top bit off, the next one on.
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  certificate.serialNumber = new asn1js.Integer({ valueHex: serial });
  certificate.subject = encodeName(subject);
  certificate.notBefore.value = validity.notBefore;
  certificate.notAfter.value = validity.notAfter;
  for (const time of [certificate.notBefore, certificate.notAfter]) {
    // UTCTime ends with 2049 (RFC 5280 section 4.1.2.5).
    time.type = time.value.getUTCFullYear() < 2050 ? pkijs.TimeType.UTCTime : pkijs.TimeType.GeneralizedTime;
  }
  await certificate.subjectPublicKeyInfo.importKey(publicKey);
  return certificate;
}

/** One attribute in each relative name, which pkijs would otherwise put together in a single one. */
function encodeName(subject: readonly SubjectAttribute[]): pkijs.RelativeDistinguishedNames {
  const kinds = { utf8: asn1js.Utf8String, printable: asn1js.PrintableString, bmp: asn1js.BmpString };
  const value = subject.map(({ type, value, encoding = 'utf8' }) => {
    const attribute = new pkijs.AttributeTypeAndValue({ type, value: new kinds[encoding]({ value }) });
    return new asn1js.Set({ value: [attribute.toSchema()] });
  });
  return pkijs.RelativeDistinguishedNames.fromBER(new asn1js.Sequence({ value }).toBER());
}

function importSigningKey(keyPem: string): webcrypto.CryptoKey {
  const key = createPrivateKey(keyPem);
  const curves: Record<string, string> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' };
  const namedCurve = curves[key.asymmetricKeyDetails?.namedCurve ?? ''];
  if (key.asymmetricKeyType === 'ec' && namedCurve !== undefined) {
    return key.toCryptoKey({ name: 'ECDSA', namedCurve }, false, ['sign']);
  }
  if (key.asymmetricKeyType === 'rsa') {
    return key.toCryptoKey({ name: 'RSASSA-PKCS1-v1_5', hash: HASH }, false, ['sign']);
  }
  const kind = key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType ?? 'unknown';
  throw new UsageError(`the CA's key (${kind}) cannot sign here; use P-256, P-384, P-521 or RSA`);
}

function certificateToPem(certificate: pkijs.Certificate): string {
  return derToPem('CERTIFICATE', new Uint8Array(certificate.toSchema(true).toBER()));
}

async function keyToPem(key: webcrypto.CryptoKey): Promise<string> {
  return derToPem('PRIVATE KEY', new Uint8Array(await webcrypto.subtle.exportKey('pkcs8', key)));
}
