import type { X509Certificate } from 'node:crypto';
import { LatestUsed } from '../latest-used.ts';
import { certificateFacts } from '../pki/certificate-facts.ts';
import type { PeerChain } from './trust.ts';

/** A way from a certificate to a trusted root, the certificate itself first and the root last. */
export type CertificatePath = readonly X509Certificate[];

/** CAs that a path may have above the leaf; in practice there are one to three. */
export const MAX_PATH_DEPTH = 5;
/** Intermediates of a peer that are looked at. */
const MAX_INTERMEDIATES = 10;
/** Ways that are kept where CAs have signed one another. */
const MAX_PATHS = 8;
/** Signatures that are verified for one chain, some 0.1 ms each: what CAs that sign one another in circles may cost. */
const MAX_SIGNATURE_CHECKS = 64;
/** Ways that are followed at one time. */
const MAX_PARTIAL_PATHS = 64;
/** Chains whose paths are remembered for one CA bundle: about as many as there are connections. */
const MAX_REMEMBERED = 4096;

/** Paths by the bundle that they lead to; they depend on nothing else, not even the time. */
const remembered = new WeakMap<readonly X509Certificate[], LatestUsed<string, readonly CertificatePath[]>>();

/** The last bundle that a chain was asked about: the answer without a digest, for the chain of a live connection. */
const latest = new WeakMap<PeerChain, { authorities: readonly X509Certificate[]; paths: readonly CertificatePath[] }>();

/**
 * Every way from a peer's certificate over what it sent and what the bundle holds to a root of the bundle (RFC 5280
 * section 6): each signed by the next, which is a CA that may sign certificates and allows as many CAs below it. A root is
 * self-signed: as in TLS here (OpenSSL without partial chains), an issuing CA in the bundle without its root leads nowhere.
 *
 * Dates and revocation are not looked at. Name constraints are TLS's business at the handshake.
 */
export function pathsToRoot(authorities: readonly X509Certificate[], chain: PeerChain): readonly CertificatePath[] {
  const last = latest.get(chain);
  if (last?.authorities === authorities) return last.paths;
  const ofBundle = remembered.get(authorities) ?? new LatestUsed<string, readonly CertificatePath[]>(MAX_REMEMBERED);
  remembered.set(authorities, ofBundle);
  const intermediates = chain.intermediates.slice(0, MAX_INTERMEDIATES);
  const key = [chain.leaf, ...intermediates].map(({ fingerprint256 }) => fingerprint256).join();
  const known = ofBundle.get(key);
  const paths = known ?? new PathSearch(authorities, intermediates).from(chain.leaf);
  if (known === undefined) ofBundle.set(key, paths);
  latest.set(chain, { authorities, paths });
  return paths;
}

class PathSearch {
  readonly #candidates: readonly X509Certificate[];
  readonly #roots: ReadonlySet<string>;
  readonly #verified = new Map<string, boolean>();
  #checksLeft = MAX_SIGNATURE_CHECKS;

  constructor(authorities: readonly X509Certificate[], intermediates: readonly X509Certificate[]) {
    this.#candidates = [...authorities, ...intermediates];
    this.#roots = new Set(authorities.map(({ fingerprint256 }) => fingerprint256));
  }

  /** The shortest first, so that no maze hides a way that is short. */
  from(leaf: X509Certificate): readonly CertificatePath[] {
    const found: CertificatePath[] = [];
    let partial: CertificatePath[] = [[leaf]];
    for (let depth = 0; depth <= MAX_PATH_DEPTH; depth += 1) {
      found.push(...partial.filter((path) => this.#isComplete(path)).map((path) => Object.freeze(path)));
      if (depth < MAX_PATH_DEPTH && found.length < MAX_PATHS) partial = partial.flatMap((path) => this.#longer(path));
      partial.length = Math.min(partial.length, MAX_PARTIAL_PATHS);
    }
    return Object.freeze(found.slice(0, MAX_PATHS));
  }

  #isComplete(path: CertificatePath): boolean {
    const top = path[path.length - 1];
    return top !== undefined && this.#roots.has(top.fingerprint256) && this.#isSignedBy(top, top);
  }

  #longer(path: CertificatePath): CertificatePath[] {
    const top = path[path.length - 1];
    if (top === undefined || this.#isComplete(path)) return [];
    return this.#candidates
      .filter(
        (issuer) =>
          // One name and key twice in a path are a circle (RFC 5280 section 6.1), whichever certificate says so.
          !path.some((one) => isSameAuthority(one, issuer)) && mayFollow(issuer, path) && this.#isSignedBy(top, issuer),
      )
      .map((issuer) => [...path, issuer]);
  }

  #isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
    if (!certificate.checkIssued(issuer)) return false;
    const { publicKey, keyId } = certificateFacts(issuer);
    const key = `${certificate.fingerprint256} ${keyId}`;
    const known = this.#verified.get(key);
    if (known !== undefined) return known;
    if (this.#checksLeft === 0) return false;
    this.#checksLeft -= 1;
    const verified = publicKey !== undefined && certificate.verify(publicKey);
    this.#verified.set(key, verified);
    return verified;
  }
}

function isSameAuthority(one: X509Certificate, other: X509Certificate): boolean {
  const [a, b] = [certificateFacts(one), certificateFacts(other)];
  return a.keyId === b.keyId && a.subjectDer === b.subjectDer;
}

/** Whether a CA may stand above a path by what it says of itself. The leaf does not count towards the length. */
function mayFollow(issuer: X509Certificate, path: readonly X509Certificate[]): boolean {
  const { signsCertificates, pathLength } = certificateFacts(issuer);
  const below = path.slice(1).filter((one) => !certificateFacts(one).isSelfIssued).length;
  return signsCertificates && below <= pathLength;
}
