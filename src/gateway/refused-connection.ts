import type { X509Certificate } from 'node:crypto';
import type { Audit } from '../audit/audit.ts';
import type { GatewayMetrics } from '../observability/gateway-metrics.ts';
import type { Log } from '../observability/log.ts';
import type { ListenerEvents } from './edge/listener.ts';
import { type Identity, identityFromCertificate } from './guard/identity.ts';

/** Lines at level warn for refused certificates within a second: anybody can have one refused as often as they like. */
const MAX_REFUSED_CERTIFICATE_LINES = 10;
const SECOND_MS = 1_000;

/** Where refused connections are told of. */
interface Observers {
  readonly log: Log;
  readonly metrics: GatewayMetrics;
  readonly audit: Audit;
}

/**
 * Takes down connections that were refused before any request: all in the metrics, certificates that TLS refused in the log,
 * and in the audit journal those of somebody who is known and has too many.
 */
export function refusedConnection({ log, metrics, audit }: Observers): ListenerEvents['refused'] {
  let sinceMs = Number.NEGATIVE_INFINITY;
  let lines = 0;
  let unsaid = 0;
  const mayWarn = (): boolean => {
    const nowMs = performance.now();
    if (nowMs - sinceMs >= SECOND_MS) [sinceMs, lines] = [nowMs, 0];
    lines++;
    return lines <= MAX_REFUSED_CERTIFICATE_LINES;
  };
  return (reason, { detail, remote, certificate, isOfCertificate = false }) => {
    metrics.connectionRefused(reason);
    if (reason === 'per_cn') {
      const facts = { requestId: undefined, identity: identityOf(certificate), remote, rpc: '' };
      audit.decision(facts, { outcome: 'deny', code: 'RESOURCE_EXHAUSTED', reason: detail });
    }
    if (isOfCertificate && mayWarn()) {
      log.warn({ reason, detail, remote, unsaid: unsaid || undefined }, 'connection refused');
      unsaid = 0;
    } else {
      if (isOfCertificate) unsaid++;
      log.debug({ reason, detail, remote }, 'connection refused');
    }
  };
}

function identityOf(certificate: X509Certificate | undefined): Identity | undefined {
  try {
    return certificate === undefined ? undefined : identityFromCertificate(certificate.raw);
  } catch {
    return undefined;
  }
}
