import { createPublicKey, type KeyObject } from 'node:crypto';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import { UsageError } from '../errors.ts';
import { derToPem } from './encoding.ts';
import { GENERAL_NAME, type LeafNames, subjectAltName } from './extensions.ts';
import { publicKeyInfo } from './keys.ts';
import { signDer } from './signing.ts';
import { decodeSubject, encodeSubject, type SubjectAttribute } from './subject.ts';
import { verifySignature } from './verify-signature.ts';

/** PKCS#9's way of asking for extensions (RFC 2985 section 5.4.2). */
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';

const REQUEST_BLOCK =
  /-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----([A-Za-z0-9+/=\s]+)-----END (?:NEW )?CERTIFICATE REQUEST-----/;

/** RSA moduli that are taken, in bits: below, they can be broken; above, every handshake takes many milliseconds. */
const RSA_BITS = { least: 2048, most: 4096 } as const;
const CURVES = ['prime256v1', 'secp384r1', 'secp521r1'];

/** What somebody asks to have certified, proven to be asked by the holder of the key. */
export interface CertificateRequest {
  readonly subject: pkijs.RelativeDistinguishedNames;
  readonly attributes: readonly SubjectAttribute[];
  readonly names: LeafNames;
  readonly publicKey: pkijs.PublicKeyInfo;
  readonly key: KeyObject;
  /** What else is asked for, and not taken from a request: object identifiers, and kinds of alternative names. */
  readonly ignored: readonly string[];
}

/** Makes a certificate request (PKCS#10, RFC 2986) as PEM, signed with the key that it is for. */
export async function buildRequest(
  keyPem: string,
  subject: readonly SubjectAttribute[],
  names: LeafNames,
): Promise<string> {
  const request = new pkijs.CertificationRequest();
  request.version = 0;
  request.subject = encodeSubject(subject);
  request.subjectPublicKeyInfo = publicKeyInfo(keyPem);
  const altName = subjectAltName(names);
  const values = altName === undefined ? [] : [new pkijs.Extensions({ extensions: [altName] }).toSchema()];
  request.attributes = values.length === 0 ? [] : [new pkijs.Attribute({ type: EXTENSION_REQUEST, values })];
  return derToPem('CERTIFICATE REQUEST', await signDer(request, keyPem));
}

/**
 * Reads a certificate request, PEM or DER, and proves that whoever made it has the key.
 *
 * @throws UsageError naming the file and the remedy.
 */
export async function readRequest(bytes: Uint8Array, file: string): Promise<CertificateRequest> {
  const body = REQUEST_BLOCK.exec(Buffer.from(bytes).toString('latin1'))?.[1];
  // 0x30 begins a SEQUENCE.
  if (body === undefined && bytes[0] !== 0x30) {
    throw new UsageError(
      `${file} has no certificate request in it; put PEM (-----BEGIN CERTIFICATE REQUEST-----) there`,
    );
  }
  let request: pkijs.CertificationRequest;
  let key: KeyObject;
  let proven: boolean;
  try {
    request = pkijs.CertificationRequest.fromBER(
      Uint8Array.from(body === undefined ? bytes : Buffer.from(body, 'base64')),
    );
    const spki = Buffer.from(request.subjectPublicKeyInfo.toSchema().toBER());
    key = createPublicKey({ key: spki, type: 'spki', format: 'der' });
    const algorithm = new Uint8Array(request.signatureAlgorithm.toSchema().toBER());
    const signature = request.signatureValue.valueBlock.valueHexView;
    proven = await verifySignature(algorithm, request.tbsView, signature, key);
  } catch (error) {
    throw new UsageError(`${file} has a certificate request that cannot be read; have it made anew`, { cause: error });
  }
  if (!proven) {
    throw new UsageError(
      `${file}: the request is not signed with its own key, by a digest of today; have it made anew`,
    );
  }
  proveKey(key, file);
  return {
    subject: request.subject,
    attributes: decodeSubject(request.subject),
    key,
    publicKey: request.subjectPublicKeyInfo,
    ...asked(request),
  };
}

/**
 * Proves that a key is one that TLS peers take and nobody breaks.
 *
 * @throws UsageError naming where it is from.
 */
function proveKey(key: KeyObject, file: string): void {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  const kind = key.asymmetricKeyType;
  if (kind === 'ed25519' || (kind === 'ec' && CURVES.includes(namedCurve ?? ''))) return;
  if (
    kind === 'rsa' &&
    modulusLength !== undefined &&
    modulusLength >= RSA_BITS.least &&
    modulusLength <= RSA_BITS.most
  ) {
    return;
  }
  throw new UsageError(
    `${file}: a key of ${namedCurve ?? `${kind ?? 'unknown kind'} ${modulusLength ?? ''}`.trim()} is not certified here; ` +
      `use P-256, P-384, P-521, Ed25519 or RSA of ${RSA_BITS.least} to ${RSA_BITS.most} bits`,
  );
}

function asked(request: pkijs.CertificationRequest): {
  readonly names: LeafNames;
  readonly ignored: readonly string[];
} {
  const names = { dns: [] as string[], ips: [] as string[], uris: [] as string[], emails: [] as string[] };
  const ignored: string[] = [];
  for (const attribute of request.attributes ?? []) {
    if (attribute.type !== EXTENSION_REQUEST) continue;
    for (const { extnID, parsedValue } of new pkijs.Extensions({ schema: attribute.values[0] }).extensions) {
      if (extnID !== pkijs.id_SubjectAltName || !(parsedValue instanceof pkijs.AltName)) {
        ignored.push(extensionName(extnID));
        continue;
      }
      for (const { type, value } of parsedValue.altNames) {
        if (type === GENERAL_NAME.dns) names.dns.push(String(value));
        else if (type === GENERAL_NAME.uri) names.uris.push(String(value));
        else if (type === GENERAL_NAME.email) names.emails.push(String(value));
        else if (type === GENERAL_NAME.ip && value instanceof asn1js.OctetString) {
          names.ips.push(addressText(value.valueBlock.valueHexView));
        } else ignored.push('an alternative name that is no DNS name, IP address, URI or email');
      }
    }
  }
  return { names, ignored };
}

const EXTENSION_NAMES: Readonly<Record<string, string>> = {
  [pkijs.id_BasicConstraints]: 'basic constraints',
  [pkijs.id_KeyUsage]: 'key usage',
  [pkijs.id_ExtKeyUsage]: 'extended key usage',
  [pkijs.id_SubjectKeyIdentifier]: 'subject key identifier',
};

function extensionName(oid: string): string {
  return EXTENSION_NAMES[oid] ?? `extension ${oid}`;
}

/** An address from network byte order; of a length that no address has, a text that is none. */
function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return `${bytes.length} bytes`;
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
