import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';

/** What a leaf's key may be used for: its extended key usage, or no such extension. */
export type Purpose = 'client' | 'server' | 'none';

/** The subject alternative names of a leaf. */
export interface LeafNames {
  readonly dns?: readonly string[];
  /** IPv4 or IPv6 addresses in their text form. */
  readonly ips?: readonly string[];
  readonly uris?: readonly string[];
  readonly emails?: readonly string[];
}

const EKU_OIDS = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' } as const;

/** Tags of GeneralName (RFC 5280 section 4.2.1.6). */
const GENERAL_NAME = { email: 1, dns: 2, uri: 6, ip: 7 } as const;

/** Key usage bits from the left (RFC 5280 section 4.2.1.3): digitalSignature is bit 0, keyCertSign 5, cRLSign 6. */
const KEY_USAGE = {
  ca: { byte: 0b0000_0110, unusedBits: 1 },
  leaf: { byte: 0b1000_0000, unusedBits: 7 },
} as const;

/** Extensions of a CA that may sign leaves and CRLs and no further CA. */
export function caExtensions(publicKey: pkijs.PublicKeyInfo): pkijs.Extension[] {
  return [
    basicConstraints(new pkijs.BasicConstraints({ cA: true, pathLenConstraint: 0 })),
    keyUsage(KEY_USAGE.ca),
    subjectKeyIdentifier(publicKey),
  ];
}

/** Extensions of a leaf that `authority` signs: what it may do, whose key it has, who signed it, and its alternative names if any. */
export function leafExtensions(
  publicKey: pkijs.PublicKeyInfo,
  authority: pkijs.Certificate,
  request: LeafNames & { readonly purpose: Purpose },
): pkijs.Extension[] {
  const extensions = [
    basicConstraints(new pkijs.BasicConstraints({ cA: false })),
    // TLS 1.3 and ECDHE only ever sign with the key.
    keyUsage(KEY_USAGE.leaf),
    subjectKeyIdentifier(publicKey),
    authorityKeyIdentifier(authority),
  ];
  if (request.purpose !== 'none') {
    const usage = new pkijs.ExtKeyUsage({ keyPurposes: [EKU_OIDS[request.purpose]] });
    extensions.push(extension(pkijs.id_ExtKeyUsage, false, usage.toSchema().toBER()));
  }
  const names = [
    ...(request.dns ?? []).map((value) => new pkijs.GeneralName({ type: GENERAL_NAME.dns, value })),
    ...(request.ips ?? []).map(
      (ip) =>
        new pkijs.GeneralName({ type: GENERAL_NAME.ip, value: new asn1js.OctetString({ valueHex: ipBytes(ip) }) }),
    ),
    ...(request.uris ?? []).map((value) => new pkijs.GeneralName({ type: GENERAL_NAME.uri, value })),
    ...(request.emails ?? []).map((value) => new pkijs.GeneralName({ type: GENERAL_NAME.email, value })),
  ];
  if (names.length > 0) {
    extensions.push(extension(pkijs.id_SubjectAltName, false, new pkijs.GeneralNames({ names }).toSchema().toBER()));
  }
  return extensions;
}

function extension(extnID: string, critical: boolean, extnValue: ArrayBuffer): pkijs.Extension {
  return new pkijs.Extension({ extnID, critical, extnValue });
}

function basicConstraints(value: pkijs.BasicConstraints): pkijs.Extension {
  return extension(pkijs.id_BasicConstraints, true, value.toSchema().toBER());
}

function keyUsage({ byte, unusedBits }: { readonly byte: number; readonly unusedBits: number }): pkijs.Extension {
  return extension(
    pkijs.id_KeyUsage,
    true,
    new asn1js.BitString({ valueHex: Uint8Array.of(byte), unusedBits }).toBER(),
  );
}

/** RFC 7093 section 2 method 1: the leftmost 160 bits of the SHA-256 of the key's bits. */
function keyIdentifier(publicKey: pkijs.PublicKeyInfo): asn1js.OctetString {
  const digest = createHash('sha256').update(publicKey.subjectPublicKey.valueBlock.valueHexView).digest();
  return new asn1js.OctetString({ valueHex: Uint8Array.from(digest.subarray(0, 20)) });
}

function subjectKeyIdentifier(publicKey: pkijs.PublicKeyInfo): pkijs.Extension {
  return extension(pkijs.id_SubjectKeyIdentifier, false, keyIdentifier(publicKey).toBER());
}

/** The CA's own identifier as its certificate spells it, since verifiers compare the two (RFC 5280 section 4.2.1.1). */
export function authorityKeyIdentifier(authority: pkijs.Certificate): pkijs.Extension {
  const stated = authority.extensions?.find(({ extnID }) => extnID === pkijs.id_SubjectKeyIdentifier)?.parsedValue;
  const identifier = stated instanceof asn1js.OctetString ? stated : keyIdentifier(authority.subjectPublicKeyInfo);
  const value = new pkijs.AuthorityKeyIdentifier({ keyIdentifier: identifier });
  return extension(pkijs.id_AuthorityKeyIdentifier, false, value.toSchema().toBER());
}

/** An address in network byte order: 4 or 16 bytes. */
function ipBytes(address: string): Uint8Array<ArrayBuffer> {
  if (isIP(address) === 4) return Uint8Array.from(address.split('.'), Number);
  if (isIP(address) !== 6) throw new TypeError(`not an IP address: ${address}`);
  const [head = '', tail] = address.split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const [left, right] = [groups(head), groups(tail ?? '')];
  const all = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return Uint8Array.from(all.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]));
}
