import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import type { IssuedCertificate } from './authority.ts';
import { derToPem, encodeSerial, encodeTime, pemToDer } from './encoding.ts';
import { authorityKeyIdentifier } from './extensions.ts';
import { signDer } from './signing.ts';

/**
 * Why a certificate is revoked: the names of CRLReason with their numbers (RFC 5280 section 5.3.1; 7 is not used).
 * removeFromCRL ends a certificateHold and is never in a full list.
 */
export const REVOCATION_REASONS = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  removeFromCRL: 8,
  privilegeWithdrawn: 9,
  aACompromise: 10,
} as const;

/** Name of a reason, as RFC 5280 spells it. */
export type RevocationReason = keyof typeof REVOCATION_REASONS;

/** One certificate on a revocation list. */
export interface Revocation {
  /** Serial number in hexadecimal, either case. */
  readonly serial: string;
  readonly reason: RevocationReason;
  /** When it was revoked; whole seconds are kept. */
  readonly at: Date;
}

/** Which list it is, and how long it is to be believed. */
export interface ListEdition {
  /** Larger than that of every list before (RFC 5280 section 5.2.3). */
  readonly number: bigint | number;
  readonly thisUpdate: Date;
  /** When the next one will be there at the latest. */
  readonly nextUpdate: Date;
}

const CRL_VERSION_2 = 1;
const OIDS = { crlNumber: '2.5.29.20', reasonCode: '2.5.29.21' } as const;

/**
 * Makes a full revocation list (RFC 5280 section 5) as PEM, signed by its issuer.
 *
 * @throws UsageError when the issuer's key is of a kind that cannot sign here.
 */
export async function buildCrl(
  issuer: IssuedCertificate,
  revoked: readonly Revocation[],
  { number, thisUpdate, nextUpdate }: ListEdition,
): Promise<string> {
  const authority = pkijs.Certificate.fromBER(pemToDer(issuer.certPem));
  const list = new pkijs.CertificateRevocationList({
    version: CRL_VERSION_2,
    issuer: authority.subject,
    thisUpdate: encodeTime(thisUpdate),
    nextUpdate: encodeTime(nextUpdate),
    crlExtensions: new pkijs.Extensions({
      extensions: [
        authorityKeyIdentifier(authority),
        extension(OIDS.crlNumber, asn1js.Integer.fromBigInt(BigInt(number))),
      ],
    }),
  });
  // An empty list of entries must be absent (RFC 5280 section 5.1.2.6).
  if (revoked.length > 0) list.revokedCertificates = revoked.map(encodeEntry);
  return derToPem('X509 CRL', await signDer(list, issuer.keyPem));
}

function encodeEntry({ serial, reason, at }: Revocation): pkijs.RevokedCertificate {
  const entry = new pkijs.RevokedCertificate({ userCertificate: encodeSerial(serial), revocationDate: encodeTime(at) });
  // "Unspecified" is said by saying nothing (RFC 5280 section 5.3.1).
  if (reason !== 'unspecified') {
    const code = new asn1js.Enumerated({ value: REVOCATION_REASONS[reason] });
    entry.crlEntryExtensions = new pkijs.Extensions({ extensions: [extension(OIDS.reasonCode, code)] });
  }
  return entry;
}

function extension(extnID: string, value: asn1js.Integer): pkijs.Extension {
  return new pkijs.Extension({ extnID, critical: false, extnValue: value.toBER() });
}
