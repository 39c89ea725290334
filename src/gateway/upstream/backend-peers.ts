import { X509Certificate } from 'node:crypto';
import { checkServerIdentity, type DetailedPeerCertificate, type PeerCertificate } from 'node:tls';
import { standingFault } from '../../trust/standing.ts';
import type { PeerChain, Trust } from '../../trust/trust.ts';

/** Certificates of backends that a channel remembers: one for each address behind its name, and their successors. */
const MAX_PEERS = 64;
/** Certificates on the way from a backend's own to a root; no PKI needs more. */
const MAX_DEPTH = 8;

const WHOSE = "the backend's certificate";

/** The certificates that the backends of one channel have shown, judged when they are shown and whenever trust changes. */
export class BackendPeers {
  private readonly chains = new Map<string, PeerChain>();
  private readonly trust: () => Trust;

  constructor(trust: () => Trust) {
    this.trust = trust;
  }

  /** Refuses a certificate for another name, or one that no longer stands; TLS has looked at the rest. */
  readonly check = (host: string, certificate: PeerCertificate): Error | undefined => {
    const otherName = checkServerIdentity(host, certificate);
    if (otherName !== undefined) return otherName;
    const chain = chainOf(certificate);
    const fault = standingFault(this.trust(), chain, Date.now(), WHOSE);
    if (fault !== undefined) return new Error(fault);
    this.chains.delete(chain.leaf.fingerprint256);
    this.chains.set(chain.leaf.fingerprint256, chain);
    const [oldest] = this.chains.keys();
    if (this.chains.size > MAX_PEERS && oldest !== undefined) this.chains.delete(oldest);
    return undefined;
  };

  /** Why the channel must not go on: a certificate that it was opened by does not stand any more. */
  fault(): string | undefined {
    const nowMs = Date.now();
    for (const chain of this.chains.values()) {
      const fault = standingFault(this.trust(), chain, nowMs, WHOSE);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }
}

function chainOf(certificate: PeerCertificate | DetailedPeerCertificate): PeerChain {
  const intermediates: X509Certificate[] = [];
  let at: PeerCertificate | DetailedPeerCertificate = certificate;
  while ('issuerCertificate' in at && at.issuerCertificate !== at && intermediates.length < MAX_DEPTH) {
    at = at.issuerCertificate;
    intermediates.push(new X509Certificate(at.raw));
  }
  return { leaf: new X509Certificate(certificate.raw), intermediates };
}
