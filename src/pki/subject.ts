import type { X509Certificate } from 'node:crypto';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';

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

/** A name: one attribute in each relative name, which pkijs would otherwise put together in a single one. */
export function encodeSubject(subject: readonly SubjectAttribute[]): pkijs.RelativeDistinguishedNames {
  const kinds = { utf8: asn1js.Utf8String, printable: asn1js.PrintableString, bmp: asn1js.BmpString };
  const value = subject.map(({ type, value, encoding = 'utf8' }) => {
    const attribute = new pkijs.AttributeTypeAndValue({ type, value: new kinds[encoding]({ value }) });
    return new asn1js.Set({ value: [attribute.toSchema()] });
  });
  return pkijs.RelativeDistinguishedNames.fromBER(new asn1js.Sequence({ value }).toBER());
}

/** The attributes of a name in their order; what is no text has an empty one. */
export function decodeSubject(name: pkijs.RelativeDistinguishedNames): readonly SubjectAttribute[] {
  return name.typesAndValues.map(({ type, value }) => {
    const text: unknown = value.valueBlock.value;
    return { type, value: typeof text === 'string' ? text : '' };
  });
}

/** Every common name of a certificate's subject; none where it cannot be read. */
export function commonNames(certificate: X509Certificate): readonly string[] {
  try {
    const { subject } = pkijs.Certificate.fromBER(Uint8Array.from(certificate.raw));
    return decodeSubject(subject)
      .filter(({ type }) => type === SUBJECT_OIDS.CN)
      .map(({ value }) => value);
  } catch {
    return [];
  }
}
