import { createHash } from 'node:crypto';
import { identityFromCertificate } from './identity.ts';

/**
 * Whom the connections that show a certificate (DER) are counted under: its common name, so that a renewed certificate
 * brings no second share; the certificate itself where it has no usable name, since its requests are refused one by one
 * while its connections stay.
 */
export function holderOf(certificate: Uint8Array): string {
  try {
    return `cn:${identityFromCertificate(certificate).cn}`;
  } catch {
    return `sha256:${createHash('sha256').update(certificate).digest('hex')}`;
  }
}
