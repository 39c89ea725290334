import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import * as pkijs from 'pkijs';

/** Kinds of key that can be made here; the first is the default. */
export const KEY_ALGORITHMS = ['p256', 'p384', 'ed25519', 'rsa2048', 'rsa3072', 'rsa4096'] as const;

/** Name of a kind of key. */
export type KeyAlgorithm = (typeof KEY_ALGORITHMS)[number];

const generate = promisify(generateKeyPair);

/** Makes a private key and gives it as PKCS#8 PEM. */
export async function newKey(algorithm: KeyAlgorithm): Promise<string> {
  const { privateKey } = await newPair(algorithm);
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

async function newPair(algorithm: KeyAlgorithm): Promise<{ readonly privateKey: KeyObject }> {
  switch (algorithm) {
    case 'p256':
      return await generate('ec', { namedCurve: 'P-256' });
    case 'p384':
      return await generate('ec', { namedCurve: 'P-384' });
    case 'ed25519':
      return await generate('ed25519');
    default:
      return await generate('rsa', { modulusLength: Number(algorithm.slice('rsa'.length)) });
  }
}

/** The kind of a key, or undefined where it is one that is not made here. */
export function keyAlgorithm(key: KeyObject): KeyAlgorithm | undefined {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  const curves: Readonly<Record<string, KeyAlgorithm>> = { prime256v1: 'p256', secp384r1: 'p384' };
  if (namedCurve !== undefined) return curves[namedCurve];
  const name = `${key.asymmetricKeyType ?? ''}${modulusLength ?? ''}`;
  return KEY_ALGORITHMS.find((algorithm) => algorithm === name);
}

/** The public half of a private key, as certificates hold it. */
export function publicKeyInfo(keyPem: string): pkijs.PublicKeyInfo {
  return pkijs.PublicKeyInfo.fromBER(
    Uint8Array.from(createPublicKey(keyPem).export({ type: 'spki', format: 'der' })).buffer,
  );
}
