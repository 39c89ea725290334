import { X509Certificate } from 'node:crypto';
import { checkServerIdentity, type DetailedPeerCertificate, type PeerCertificate, type TLSSocket } from 'node:tls';
import { afterMoment } from '../../expiry.ts';
import { standingFault } from '../../trust/standing.ts';
import type { PeerChain, Trust } from '../../trust/trust.ts';

/** Certificates on the way from a backend's own to a root; no PKI needs more. */
const MAX_DEPTH = 8;

const WHOSE = "the backend's certificate";

/**
 * The backends that one channel is connected to: judged by the certificate that each connection was made with, when it is
 * made, and for as long as it is open.
 */
export class BackendPeers {
  /** As many as there are addresses behind the name, and those that still carry calls of before. */
  private readonly chains = new Map<TLSSocket, PeerChain>();
  private readonly trust: () => Trust;
  private readonly onExpiry: () => void;

  /** @param onExpiry called when a certificate of a connection that is open has run out. */
  constructor(trust: () => Trust, onExpiry: () => void) {
    this.trust = trust;
    this.onExpiry = onExpiry;
  }

  /** Refuses a certificate for another name, or one that no longer stands; TLS has looked at the rest. */
  readonly check = (host: string, certificate: PeerCertificate): Error | undefined => {
    const otherName = checkServerIdentity(host, certificate);
    if (otherName !== undefined) return otherName;
    const fault = standingFault(this.trust(), chainOf(certificate), Date.now(), WHOSE);
    return fault === undefined ? undefined : new Error(fault);
  };

  /** Notes a connection whose certificate was found good. */
  readonly connected = (socket: TLSSocket): void => {
    if (socket.destroyed) return;
    const chain = chainOf(socket.getPeerCertificate(true));
    this.chains.set(socket, chain);
    const disarms = [chain.leaf, ...chain.intermediates].map(({ validToDate }) =>
      afterMoment(validToDate.getTime(), this.onExpiry),
    );
    socket.once('close', () => {
      for (const disarm of disarms) disarm();
      this.chains.delete(socket);
    });
  };

  /** Cuts the connections whose certificates do not stand any more, with the calls on them; gives the reasons. */
  judge(): readonly string[] {
    const nowMs = Date.now();
    const faults: string[] = [];
    for (const [socket, chain] of [...this.chains]) {
      const fault = standingFault(this.trust(), chain, nowMs, WHOSE);
      if (fault === undefined) continue;
      faults.push(fault);
      this.chains.delete(socket);
      socket.destroy();
    }
    return faults;
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
