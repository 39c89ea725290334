import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import { UsageError } from '../errors.ts';

/** A way of signing: its object identifier, the digest to make first, if any, and whether parameters are an explicit NULL. */
interface SignatureScheme {
  readonly oid: string;
  /** Null where the algorithm takes the message itself. */
  readonly hash: string | null;
  readonly nullParameters: boolean;
}

/** ECDSA with the digest that is as strong as the curve (RFC 5758 section 3.2, RFC 5480 section 4). */
const ECDSA: Readonly<Record<string, SignatureScheme>> = {
  prime256v1: { oid: '1.2.840.10045.4.3.2', hash: 'sha256', nullParameters: false },
  secp384r1: { oid: '1.2.840.10045.4.3.3', hash: 'sha384', nullParameters: false },
  secp521r1: { oid: '1.2.840.10045.4.3.4', hash: 'sha512', nullParameters: false },
};

/** RSA PKCS#1 v1.5 (RFC 4055 section 5 asks for the NULL), which every TLS peer verifies in certificates. */
const RSA_SHA256: SignatureScheme = { oid: '1.2.840.113549.1.1.11', hash: 'sha256', nullParameters: true };

/** RFC 8410 section 3: no digest of ours, no parameters. */
const ED25519: SignatureScheme = { oid: '1.3.101.112', hash: null, nullParameters: false };

const signAsync = promisify(sign);

/** What is signed in X.509: a certificate or a request, of which pkijs makes the parts. */
interface Signable {
  signature?: pkijs.AlgorithmIdentifier;
  toSchema(encodeFlag: true): asn1js.Sequence;
}

/**
 * Signs a certificate or a request and gives its DER.
 *
 * @throws UsageError when the key is of a kind that cannot sign here.
 */
export async function signDer(signable: Signable, keyPem: string): Promise<Uint8Array> {
  return await signParts((algorithm) => {
    if ('signature' in signable) signable.signature = algorithm;
    // The first part of the whole is what the signature is over.
    return signable.toSchema(true).valueBlock.value[0] ?? new asn1js.Sequence();
  }, keyPem);
}

/**
 * Signs what `toBeSigned` makes, given the algorithm that some of these structures name within, and gives the DER of the
 * three parts that certificates, requests and revocation lists alike consist of: content, algorithm and signature.
 *
 * @throws UsageError when the key is of a kind that cannot sign here.
 */
export async function signParts(
  toBeSigned: (algorithm: pkijs.AlgorithmIdentifier) => asn1js.BaseBlock,
  keyPem: string,
): Promise<Uint8Array> {
  const key = createPrivateKey(keyPem);
  const scheme = schemeOf(key);
  const algorithm = new pkijs.AlgorithmIdentifier({
    algorithmId: scheme.oid,
    ...(scheme.nullParameters ? { algorithmParams: new asn1js.Null() } : {}),
  });
  const content = toBeSigned(algorithm);
  const value = await signAsync(scheme.hash, new Uint8Array(content.toBER()), key);
  const signature = new asn1js.BitString({ valueHex: Uint8Array.from(value) });
  return new Uint8Array(new asn1js.Sequence({ value: [content, algorithm.toSchema(), signature] }).toBER());
}

function schemeOf(key: KeyObject): SignatureScheme {
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (key.asymmetricKeyType === 'ec' && curve !== undefined && ECDSA[curve] !== undefined) return ECDSA[curve];
  if (key.asymmetricKeyType === 'rsa') return RSA_SHA256;
  if (key.asymmetricKeyType === 'ed25519') return ED25519;
  const kind = curve ?? key.asymmetricKeyType ?? 'unknown';
  throw new UsageError(`the CA's key (${kind}) cannot sign here; use P-256, P-384, P-521, Ed25519 or RSA`);
}
