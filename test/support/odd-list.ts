import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import type { IssuedCertificate } from '../../src/pki/authority.ts';
import { encodeTime, pemToDer } from '../../src/pki/encoding.ts';
import { signDer } from '../../src/pki/signing.ts';

/** An extension, as what it says before it is wrapped. */
type Extension = readonly [oid: string, critical: boolean, value: asn1js.BaseBlock];

/** What is odd about a list. */
export interface OddList {
  readonly extensions?: readonly Extension[];
  /** Of its one entry. */
  readonly entryExtensions?: readonly Extension[];
}

const MINUTE_MS = 60_000;
const inMinutes = (minutes: number): Date => new Date(Date.now() + minutes * MINUTE_MS);

/** DER of a list with whatever extensions, signed properly: what only a list's content can be refused for. It revokes 5. */
export async function oddList(ca: IssuedCertificate, odd: OddList): Promise<Uint8Array> {
  const list = new pkijs.CertificateRevocationList({
    version: 1,
    issuer: pkijs.Certificate.fromBER(pemToDer(ca.certPem)).subject,
    thisUpdate: encodeTime(inMinutes(-1)),
    nextUpdate: encodeTime(inMinutes(60)),
    revokedCertificates: [
      new pkijs.RevokedCertificate({
        userCertificate: new asn1js.Integer({ value: 5 }),
        revocationDate: encodeTime(inMinutes(-5)),
        ...(odd.entryExtensions === undefined ? {} : { crlEntryExtensions: extensionsOf(odd.entryExtensions) }),
      }),
    ],
    ...(odd.extensions === undefined ? {} : { crlExtensions: extensionsOf(odd.extensions) }),
  });
  return await signDer(list, ca.keyPem);
}

function extensionsOf(all: readonly Extension[]): pkijs.Extensions {
  return new pkijs.Extensions({
    extensions: all.map(
      ([extnID, critical, value]) => new pkijs.Extension({ extnID, critical, extnValue: value.toBER() }),
    ),
  });
}

/** An issuing distribution point that says one thing, by the tag of that (RFC 5280 section 5.2.5). */
export function distributionPoint(tag: number): Extension {
  const scope = new asn1js.Constructed({
    idBlock: { tagClass: 3, tagNumber: tag },
    value: [new asn1js.Boolean({ value: true })],
  });
  return ['2.5.29.28', true, new asn1js.Sequence({ value: [scope] })];
}

/** The extension that gives a list its number. */
export function listNumber(value: number): Extension {
  return ['2.5.29.20', false, new asn1js.Integer({ value })];
}

/** The extension of a delta list, which says of which list it tells the changes. */
export function deltaOf(value: number): Extension {
  return ['2.5.29.27', true, new asn1js.Integer({ value })];
}
