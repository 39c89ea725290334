import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import type { IssuedCertificate } from './authority.ts';
import { derToPem, encodeSerial, encodeTime, pemToDer } from './encoding.ts';
import { authorityKeyIdentifier } from './extensions.ts';
import { signParts } from './signing.ts';

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
/** Classes of tags in asn1js, and the tag of a SEQUENCE (X.680). */
const [UNIVERSAL, CONTEXT_SPECIFIC, SEQUENCE] = [1, 3, 16];

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
  const extensions = [
    authorityKeyIdentifier(authority),
    extension(OIDS.crlNumber, asn1js.Integer.fromBigInt(BigInt(number))),
  ];
  // An empty list of entries must be absent (RFC 5280 section 5.1.2.6).
  const entries = revoked.length === 0 ? [] : [encodeEntries(revoked)];
  // pkijs has this structure too, and takes a minute and a gigabyte for 50,000 entries.
  const list = (algorithm: pkijs.AlgorithmIdentifier): asn1js.Sequence =>
    new asn1js.Sequence({
      value: [
        new asn1js.Integer({ value: CRL_VERSION_2 }),
        algorithm.toSchema(),
        authority.subject.toSchema(),
        encodeTime(thisUpdate).toSchema(),
        encodeTime(nextUpdate).toSchema(),
        ...entries,
        new asn1js.Constructed({
          idBlock: { tagClass: CONTEXT_SPECIFIC, tagNumber: 0 },
          value: [new pkijs.Extensions({ extensions }).toSchema()],
        }),
      ],
    });
  return derToPem('X509 CRL', await signParts(list, issuer.keyPem));
}

/** All entries as one SEQUENCE, encoded one by one: much faster than a tree of them all. */
function encodeEntries(revoked: readonly Revocation[]): asn1js.Primitive {
  const extensions = new Map<RevocationReason, asn1js.Primitive>();
  const entries = revoked.map(({ serial, reason, at }) => {
    const parts: asn1js.BaseBlock[] = [encodeSerial(serial), encodeTime(at).toSchema()];
    // "Unspecified" is said by saying nothing (RFC 5280 section 5.3.1).
    if (reason !== 'unspecified') {
      const said = extensions.get(reason) ?? reasonExtensions(reason);
      extensions.set(reason, said);
      parts.push(said);
    }
    return Buffer.from(new asn1js.Sequence({ value: parts }).toBER());
  });
  return sequenceOf(Buffer.concat(entries));
}

/** A SEQUENCE of what is encoded already. */
function sequenceOf(content: Uint8Array): asn1js.Primitive {
  const sequence = new asn1js.Primitive({
    idBlock: { tagClass: UNIVERSAL, tagNumber: SEQUENCE },
    valueHex: Uint8Array.from(content),
  });
  // The constructor takes it for a value without parts, whatever it is told.
  sequence.idBlock.isConstructed = true;
  return sequence;
}

function reasonExtensions(reason: RevocationReason): asn1js.Primitive {
  const code = new asn1js.Enumerated({ value: REVOCATION_REASONS[reason] });
  return sequenceOf(new Uint8Array(extension(OIDS.reasonCode, code).toSchema().toBER()));
}

function extension(extnID: string, value: asn1js.Integer): pkijs.Extension {
  return new pkijs.Extension({ extnID, critical: false, extnValue: value.toBER() });
}
