import { constants, type KeyObject, verify } from 'node:crypto';
import * as pkijs from 'pkijs';

/** Signature algorithms by object identifier: the digest (null: the algorithm's own) and the keys that go with it. */
const SCHEMES: Readonly<Record<string, { readonly hash: string | null; readonly keys: readonly string[] }>> = {
  '1.2.840.10045.4.3.2': { hash: 'sha256', keys: ['ec'] },
  '1.2.840.10045.4.3.3': { hash: 'sha384', keys: ['ec'] },
  '1.2.840.10045.4.3.4': { hash: 'sha512', keys: ['ec'] },
  '1.2.840.113549.1.1.11': { hash: 'sha256', keys: ['rsa'] },
  '1.2.840.113549.1.1.12': { hash: 'sha384', keys: ['rsa'] },
  '1.2.840.113549.1.1.13': { hash: 'sha512', keys: ['rsa'] },
  '1.3.101.112': { hash: null, keys: ['ed25519'] },
  '1.3.101.113': { hash: null, keys: ['ed448'] },
};
const RSA_PSS = '1.2.840.113549.1.1.10';
const HASHES: Readonly<Record<string, string>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

/**
 * Whether a signature as X.509 has it (a certificate's, a revocation list's, an OCSP response's) is that of a key over
 * some bytes. An algorithm that does not go with the key, or is not taken (SHA-1, MD5, DSA), is no signature.
 *
 * @param algorithmDer the AlgorithmIdentifier.
 */
export function verifySignature(
  algorithmDer: Uint8Array,
  data: Uint8Array,
  signature: Uint8Array,
  key: KeyObject,
): boolean {
  try {
    const { algorithmId, algorithmParams } = pkijs.AlgorithmIdentifier.fromBER(Uint8Array.from(algorithmDer));
    if (algorithmId === RSA_PSS) return verifyPss(algorithmParams, data, signature, key);
    const scheme = SCHEMES[algorithmId];
    if (scheme?.keys.includes(key.asymmetricKeyType ?? '') !== true) return false;
    return verify(scheme.hash, data, key, signature);
  } catch {
    // Parameters that cannot be read, or that the key cannot be used with.
    return false;
  }
}

/** RSASSA-PSS (RFC 4055 section 3.1), with one digest for message and mask, as everybody signs. */
function verifyPss(parameters: unknown, data: Uint8Array, signature: Uint8Array, key: KeyObject): boolean {
  if (key.asymmetricKeyType !== 'rsa' && key.asymmetricKeyType !== 'rsa-pss') return false;
  const { hashAlgorithm, maskGenAlgorithm, saltLength } = new pkijs.RSASSAPSSParams({ schema: parameters });
  const hash = HASHES[hashAlgorithm.algorithmId];
  const mask = new pkijs.AlgorithmIdentifier({ schema: maskGenAlgorithm.algorithmParams });
  if (hash === undefined || HASHES[mask.algorithmId] !== hash) return false;
  const input = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
  return verify(hash, data, input, signature);
}
