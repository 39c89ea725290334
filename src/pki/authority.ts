import { randomBytes } from 'node:crypto';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import { derToPem, encodeTime, pemToDer } from './encoding.ts';
import {
  authorityKeyIdentifier,
  caExtensions,
  type LeafNames,
  leafExtensions,
  type Purpose,
  subjectAltName,
} from './extensions.ts';
import { type KeyAlgorithm, newKey, publicKeyInfo } from './keys.ts';
import { signDer } from './signing.ts';
import { encodeSubject, SUBJECT_OIDS, type SubjectAttribute } from './subject.ts';

export { pemToDer } from './encoding.ts';
export { SUBJECT_OIDS, type SubjectAttribute } from './subject.ts';

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
  /** Kind of the new key; p256 unless told. */
  readonly algorithm?: KeyAlgorithm;
  /** Where the list is that would revoke it; nowhere unless told. */
  readonly crlUrls?: readonly string[];
}

/** What a CA shall be besides its name and validity. */
export interface AuthorityOptions {
  /** Kind of the new key; p256 unless told. */
  readonly algorithm?: KeyAlgorithm;
  /** The CA above it; without one it signs itself. */
  readonly issuer?: IssuedCertificate;
  /** How many CAs may stand between it and a leaf; 0 unless told: it signs leaves only. */
  readonly pathLength?: number;
}

/** A certificate of a key that somebody else holds. */
export interface CertificateBody extends Validity {
  readonly subject: pkijs.RelativeDistinguishedNames;
  readonly publicKey: pkijs.PublicKeyInfo;
  /** What it says besides names and identifiers, given the CA's certificate. */
  readonly extensions: (authority: pkijs.Certificate) => pkijs.Extension[];
}

/** Bytes of a serial number that are random: 128 bits, beyond the 64 that the CA/Browser Forum asks for. */
const RANDOM_SERIAL_BYTES = 16;

const X509_VERSION_3 = 2;

/**
 * Makes a CA: a root that signs itself, or one under another.
 *
 * @throws UsageError when the issuer's key is of a kind that cannot sign here.
 */
export async function createAuthority(
  commonName: string,
  validity: Validity,
  { algorithm = 'p256', issuer, pathLength = 0 }: AuthorityOptions = {},
): Promise<IssuedCertificate> {
  const keyPem = await newKey(algorithm);
  const publicKey = publicKeyInfo(keyPem);
  const certPem = await signCertificate(issuer, keyPem, {
    ...validity,
    subject: encodeSubject([{ type: SUBJECT_OIDS.CN, value: commonName }]),
    publicKey,
    extensions: (authority) => [
      ...caExtensions(publicKey, pathLength),
      ...(issuer === undefined ? [] : [authorityKeyIdentifier(authority)]),
    ],
  });
  return { certPem, keyPem };
}

/**
 * Issues a leaf certificate with a new key.
 *
 * @param issuer the CA that signs; undefined makes the certificate sign itself.
 * @throws UsageError when the CA's key is of a kind that cannot sign here.
 */
export async function issueLeaf(
  issuer: IssuedCertificate | undefined,
  request: LeafRequest,
): Promise<IssuedCertificate> {
  const keyPem = await newKey(request.algorithm ?? 'p256');
  const publicKey = publicKeyInfo(keyPem);
  const altName = subjectAltName(request);
  const certPem = await signCertificate(issuer, keyPem, {
    ...request.validity,
    subject: encodeSubject(request.subject),
    publicKey,
    extensions: (authority) => [
      ...leafExtensions(publicKey, authority, request.purpose, request.crlUrls),
      ...(altName === undefined ? [] : [altName]),
    ],
  });
  return { certPem, keyPem };
}

/**
 * Signs a certificate with a new serial number.
 *
 * @param ownKeyPem signs where there is no issuer.
 */
export async function signCertificate(
  issuer: IssuedCertificate | undefined,
  ownKeyPem: string,
  { subject, publicKey, notBefore, notAfter, extensions }: CertificateBody,
): Promise<string> {
  const certificate = new pkijs.Certificate();
  certificate.version = X509_VERSION_3;
  certificate.serialNumber = newSerial();
  certificate.subject = subject;
  certificate.notBefore = encodeTime(notBefore);
  certificate.notAfter = encodeTime(notAfter);
  certificate.subjectPublicKeyInfo = publicKey;
  const authority = issuer === undefined ? certificate : pkijs.Certificate.fromBER(pemToDer(issuer.certPem));
  certificate.issuer = authority.subject;
  certificate.extensions = extensions(authority);
  return derToPem('CERTIFICATE', await signDer(certificate, issuer?.keyPem ?? ownKeyPem));
}

function newSerial(): asn1js.Integer {
  // The octet in front makes it positive, and as long in every way of writing it, whatever is random behind: 17 octets of
  // the 20 that there may be (RFC 5280 section 4.1.2.2).
  return new asn1js.Integer({ valueHex: Buffer.concat([Uint8Array.of(0x40), randomBytes(RANDOM_SERIAL_BYTES)]) });
}
