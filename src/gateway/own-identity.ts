import { X509Certificate } from 'node:crypto';
import { PassbandError } from '../errors.ts';
import { identityFromCertificate, identityToJson } from './guard/identity.ts';

/**
 * Identity metadata of a gateway that calls on its own behalf. Undefined for a certificate without one plain name: backends
 * of another make may take it all the same.
 */
export function ownIdentity(certPem: string): string | undefined {
  try {
    return identityToJson(identityFromCertificate(new X509Certificate(certPem).raw));
  } catch (error) {
    if (error instanceof PassbandError) return undefined;
    throw error;
  }
}
