import type { X509Certificate } from 'node:crypto';
import type { Audit } from '../audit/audit.ts';
import type { GatewayMetrics } from '../observability/gateway-metrics.ts';
import type { Log } from '../observability/log.ts';
import { refusedCertificates } from '../refused-certificates.ts';
import type { ListenerEvents } from './edge/listener.ts';
import { type Identity, identityFromCertificate } from './guard/identity.ts';

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
  const certificateRefused = refusedCertificates(log, 'connection refused');
  return (reason, { detail, remote, certificate, isOfCertificate = false }) => {
    metrics.connectionRefused(reason);
    if (reason === 'per_cn') {
      const facts = { requestId: undefined, identity: identityOf(certificate), remote, rpc: '' };
      audit.decision(facts, { outcome: 'deny', code: 'RESOURCE_EXHAUSTED', reason: detail });
    }
    if (isOfCertificate) certificateRefused({ reason, detail, remote });
    else log.debug({ reason, detail, remote }, 'connection refused');
  };
}

function identityOf(certificate: X509Certificate | undefined): Identity | undefined {
  try {
    return certificate === undefined ? undefined : identityFromCertificate(certificate.raw);
  } catch {
    return undefined;
  }
}
