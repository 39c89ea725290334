import type { X509Certificate } from 'node:crypto';
import { LatestUsed } from '../latest-used.ts';
import type { Log } from '../observability/log.ts';
import { certificateFacts, plainName } from '../pki/certificate-facts.ts';
import { type OcspAnswer, ocspNonce, ocspRequest, readOcspResponse } from '../pki/ocsp.ts';
import { fetchOcsp, type OcspFetch } from './ocsp-fetch.ts';
import { pathsToRoot } from './paths.ts';
import type { PeerChain, Trust } from './trust.ts';

/** Milliseconds that an answer is believed at the least, though its responder has something newer. */
const MIN_LIFETIME_MS = 10_000;
/** Milliseconds after which a responder is asked again at the latest: so long may a revocation stay unknown. */
const MAX_LIFETIME_MS = 5 * 60_000;
/** Milliseconds until a responder that did not answer is asked again about the same certificate. */
const RETRY_MS = 5_000;
/** Answers that are remembered, the latest used: as many as a fleet has callers. */
const MAX_REMEMBERED = 4096;
/** Questions that wait for an answer at one time. */
const MAX_FLIGHTS = 64;

/** What is asked of OCSP. */
export interface OcspOptions {
  /** `prefer` lets pass where there is no answer, `require` refuses then. */
  readonly mode: 'prefer' | 'require';
  /** The responder; undefined means the one that the certificate names (Authority Information Access), http only. */
  readonly url: string | undefined;
  readonly timeoutMs: number;
  readonly log: Log;
  /** Is told of every question that was put to a responder. */
  readonly onAnswer?: (answer: OcspAnswer['status'] | 'none') => void;
  /** How responders are asked; over HTTP unless told. */
  readonly fetch?: OcspFetch;
}

interface Remembered {
  readonly fault: string | undefined;
  readonly endsMs: number;
}

/**
 * Asks OCSP responders whether client certificates have been revoked (RFC 6960). Answers are kept until their next update,
 * ten seconds at least and five minutes at most; a responder is asked about one certificate once at a time.
 */
export class OcspChecker {
  private readonly remembered = new LatestUsed<string, Remembered>(MAX_REMEMBERED);
  private readonly flights = new Map<string, Promise<Remembered>>();
  private readonly options: OcspOptions;

  constructor(options: OcspOptions) {
    this.options = options;
  }

  /**
   * What is wrong with a certificate as its responder says, safe to show to the peer; undefined when nothing is.
   * Never throws: that there is no answer is a fault or none, by the mode. To be asked of a chain in good standing.
   */
  async fault(chain: PeerChain, trust: Trust, nowMs: number): Promise<string | undefined> {
    const issuer = pathsToRoot(trust.authorities, chain)[0]?.[1];
    if (issuer === undefined) return this.unanswered();
    const key = `${chain.leaf.fingerprint256} ${certificateFacts(issuer).keyId}`;
    const known = this.remembered.get(key);
    if (known !== undefined && nowMs < known.endsMs) return known.fault;
    const flight = this.flights.get(key);
    if (flight !== undefined) return (await flight).fault;
    if (this.flights.size >= MAX_FLIGHTS) return this.unanswered();
    const asked = this.ask(chain.leaf, issuer, trust);
    this.flights.set(key, asked);
    try {
      const answer = await asked;
      this.remembered.set(key, answer);
      return answer.fault;
    } finally {
      this.flights.delete(key);
    }
  }

  private async ask(certificate: X509Certificate, issuer: X509Certificate, trust: Trust): Promise<Remembered> {
    const { log, timeoutMs, onAnswer, fetch = fetchOcsp } = this.options;
    const url = this.options.url ?? responderOf(certificate);
    try {
      if (url === undefined) throw new Error('the certificate names no responder, and --ocsp-url is not set');
      const subject = { certificate, issuer };
      const nonce = ocspNonce();
      const response = await fetch(url, ocspRequest(subject, nonce), timeoutMs);
      const nowMs = Date.now();
      const lists = trust.revocations.by(certificateFacts(issuer).subjectDer);
      const isRevoked = (one: X509Certificate): boolean =>
        lists.some(({ revoked }) => revoked.has(certificateFacts(one).serial));
      const { status, nextUpdateMs = 0 } = readOcspResponse(response, subject, nowMs, { nonce, isRevoked });
      onAnswer?.(status);
      const endsMs = Math.min(Math.max(nextUpdateMs, nowMs + MIN_LIFETIME_MS), nowMs + MAX_LIFETIME_MS);
      return { fault: FAULTS[status], endsMs };
    } catch (error) {
      onAnswer?.('none');
      const facts = { subject: plainName(certificate.subject), serial: certificate.serialNumber, url };
      const why = error instanceof Error ? error.message : String(error);
      const cause = error instanceof Error && error.cause !== undefined ? String(error.cause) : undefined;
      log.warn({ ...facts, mode: this.options.mode, why, cause }, 'no answer from the OCSP responder');
      return { fault: this.unanswered(), endsMs: Date.now() + RETRY_MS };
    }
  }

  private unanswered(): string | undefined {
    if (this.options.mode === 'prefer') return undefined;
    return 'nobody can say at present whether the client certificate has been revoked';
  }
}

/** That a responder does not know a certificate of its issuer is an answer, and not a good one. */
const FAULTS: Readonly<Record<OcspAnswer['status'], string | undefined>> = {
  good: undefined,
  revoked: 'the client certificate has been revoked',
  unknown: 'the client certificate is not known to its OCSP responder',
};

/** The first OCSP responder over http that a certificate names (RFC 5280 section 4.2.2.1). */
function responderOf(certificate: X509Certificate): string | undefined {
  const lines = certificate.infoAccess?.split('\n') ?? [];
  return lines.map((line) => /^OCSP - URI:(http:\/\/[\x21-\x7e]+)$/.exec(line)?.[1]).find((url) => url !== undefined);
}
