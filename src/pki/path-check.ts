import type { X509Certificate } from 'node:crypto';
import * as pkijs from 'pkijs';
import { certificateFacts, plainName } from './certificate-facts.ts';

/** The way from a leaf to the root that it leads to. */
export interface Path {
  /** Leaf first; as far as it leads. */
  readonly certificates: readonly X509Certificate[];
  /** Why it does not lead to a root of ca.crt; undefined where it does. */
  readonly fault: string | undefined;
}

/** Digests that can be forged (SHA-1, MD5), by the signature algorithms that use them. */
const BROKEN: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.4': 'MD5',
  '1.2.840.113549.1.1.5': 'SHA-1',
  '1.2.840.10045.4.1': 'SHA-1',
};

/** OpenSSL's security level 2, bits of RSA. */
const LEAST_RSA_BITS = 2048;

/**
 * Leads a certificate to a root as OpenSSL does (RFC 5280 section 6): who is trusted is in the bundle, who is sent along
 * only fills gaps.
 */
export function pathOf(
  leaf: X509Certificate,
  sent: readonly X509Certificate[],
  bundle: readonly X509Certificate[],
): Path {
  const certificates = [leaf];
  let at = leaf;
  for (;;) {
    const below = at;
    const weak = weakness(below);
    if (weak !== undefined) return { certificates, fault: weak };
    const isTrusted = bundle.some((one) => one.fingerprint256 === below.fingerprint256);
    if (certificateFacts(below).isSelfIssued && below.verify(below.publicKey)) {
      if (isTrusted) return { certificates, fault: undefined };
      return { certificates, fault: `it leads to ${plainName(below.subject)}, which is not in ca.crt` };
    }
    const issuer = [...bundle, ...sent].find(
      (one) => below.checkIssued(one) && below.verify(one.publicKey) && !certificates.includes(one),
    );
    if (issuer === undefined) return { certificates, fault: dangling(below, isTrusted, [...bundle, ...sent]) };
    const fault = authorityFault(issuer, certificates.length - 1);
    certificates.push(issuer);
    if (fault !== undefined) return { certificates, fault };
    at = issuer;
  }
}

function dangling(certificate: X509Certificate, isTrusted: boolean, others: readonly X509Certificate[]): string {
  const [name, issuer] = [plainName(certificate.subject), plainName(certificate.issuer)];
  if (isTrusted) return `ca.crt has ${name} but not its root ${issuer}`;
  const named = others.filter(({ subject }) => subject === certificate.issuer);
  if (named.some((one) => certificate.verify(one.publicKey))) {
    return `${issuer} has signed ${name}, and is no CA that may`;
  }
  return named.length > 0
    ? `${name} says that ${issuer} has signed it, and the CA of that name in ca.crt has not`
    : `${name} was signed by ${issuer}, and no such CA is in ca.crt`;
}

/** @param below how many CAs are under it on this path. */
function authorityFault(issuer: X509Certificate, below: number): string | undefined {
  const { signsCertificates, pathLength } = certificateFacts(issuer);
  const name = plainName(issuer.subject);
  if (!signsCertificates) return `${name} has signed on the way to the root, and is no CA`;
  if (below > pathLength) return `${name} allows ${pathLength} CAs below it, and ${below} are`;
  return undefined;
}

function weakness(certificate: X509Certificate): string | undefined {
  const name = plainName(certificate.subject);
  const { signatureAlgorithm } = pkijs.Certificate.fromBER(Uint8Array.from(certificate.raw));
  const digest = BROKEN[signatureAlgorithm.algorithmId];
  // Nobody relies on the signature that a root makes over itself.
  if (digest !== undefined && !certificateFacts(certificate).isSelfIssued) {
    return `${name} is signed with ${digest}, which can be forged`;
  }
  const bits = certificate.publicKey.asymmetricKeyDetails?.modulusLength;
  if (bits !== undefined && bits < LEAST_RSA_BITS) return `${name} has an RSA key of ${bits} bits, which can be broken`;
  return undefined;
}
