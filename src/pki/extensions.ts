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

/** Kind of a public key (RFC 8017). */
const RSA_ENCRYPTION = '1.2.840.113549.1.1.1';

/** Tags of GeneralName (RFC 5280 section 4.2.1.6). */
export const GENERAL_NAME = { email: 1, dns: 2, uri: 6, ip: 7 } as const;

/** Key usage bits from the left (RFC 5280 section 4.2.1.3): digitalSignature is bit 0, keyEncipherment 2, keyCertSign 5, cRLSign 6. */
const KEY_USAGE = {
  ca: { byte: 0b0000_0110, unusedBits: 1 },
  leaf: { byte: 0b1000_0000, unusedBits: 7 },
  rsaServer: { byte: 0b1010_0000, unusedBits: 5 },
} as const;

/** Extensions of a CA that may sign leaves, CRLs and, under it, as many CAs in a row as the path length says. */
export function caExtensions(publicKey: pkijs.PublicKeyInfo, pathLength: number): pkijs.Extension[] {
  return [
    basicConstraints(new pkijs.BasicConstraints({ cA: true, pathLenConstraint: pathLength })),
    keyUsage(KEY_USAGE.ca),
    subjectKeyIdentifier(publicKey),
  ];
}

/**
 * Extensions of a leaf that `authority` signs, but for its alternative names: what it may do, whose key it has, who signed it,
 * and the addresses, if any, where the list is that would revoke it.
 */
export function leafExtensions(
  publicKey: pkijs.PublicKeyInfo,
  authority: pkijs.Certificate,
  purpose: Purpose,
  crlUrls: readonly string[] = [],
): pkijs.Extension[] {
  const isRsa = publicKey.algorithm.algorithmId === RSA_ENCRYPTION;
  const extensions = [
    basicConstraints(new pkijs.BasicConstraints({ cA: false })),
    // TLS 1.3 and ECDHE only ever sign with the key; TLS 1.2 peers without ECDHE encrypt to a server's RSA key, and some
    // refuse a server's RSA certificate that does not allow that, whatever they agree on.
    keyUsage(isRsa && purpose === 'server' ? KEY_USAGE.rsaServer : KEY_USAGE.leaf),
    subjectKeyIdentifier(publicKey),
    authorityKeyIdentifier(authority),
  ];
  if (purpose !== 'none') {
    const usage = new pkijs.ExtKeyUsage({ keyPurposes: [EKU_OIDS[purpose]] });
    extensions.push(extension(pkijs.id_ExtKeyUsage, false, usage.toSchema().toBER()));
  }
  if (crlUrls.length > 0) extensions.push(crlDistributionPoints(crlUrls));
  return extensions;
}

/** One point with all addresses: they are places of the same list (RFC 5280 section 4.2.1.13). */
function crlDistributionPoints(urls: readonly string[]): pkijs.Extension {
  const names = urls.map((value) => new pkijs.GeneralName({ type: GENERAL_NAME.uri, value }));
  const point = new pkijs.DistributionPoint({ distributionPoint: names });
  const points = new pkijs.CRLDistributionPoints({ distributionPoints: [point] });
  return extension(pkijs.id_CRLDistributionPoints, false, points.toSchema().toBER());
}

/** The extension of a leaf's alternative names, or undefined where there are none. */
export function subjectAltName({ dns = [], ips = [], uris = [], emails = [] }: LeafNames): pkijs.Extension | undefined {
  const names = [
    ...dns.map((value) => new pkijs.GeneralName({ type: GENERAL_NAME.dns, value })),
    ...ips.map(
      (ip) =>
        new pkijs.GeneralName({ type: GENERAL_NAME.ip, value: new asn1js.OctetString({ valueHex: ipBytes(ip) }) }),
    ),
    ...uris.map((value) => new pkijs.GeneralName({ type: GENERAL_NAME.uri, value })),
    ...emails.map((value) => new pkijs.GeneralName({ type: GENERAL_NAME.email, value })),
  ];
  if (names.length === 0) return undefined;
  return extension(pkijs.id_SubjectAltName, false, new pkijs.GeneralNames({ names }).toSchema().toBER());
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
  // The URL parser writes an address that ends in dotted decimals as groups of hexadecimals, and refuses a zone.
  if (!URL.canParse(`http://[${address}]`)) throw new TypeError(`not an address of one machine: ${address}`);
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const [left, right] = [groups(head), groups(tail ?? '')];
  const all = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return Uint8Array.from(all.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]));
}
