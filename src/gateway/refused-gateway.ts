import { X509Certificate } from 'node:crypto';
import type { GatewayMetrics } from '../observability/gateway-metrics.ts';
import type { Log } from '../observability/log.ts';
import { plainName, plainSerial } from '../pki/certificate-facts.ts';
import type { TlsMaterial } from '../pki/tls-files.ts';
import type { OwnFaults } from './upstream/call.ts';

/** Milliseconds between two lines that the backend does not accept this gateway: every call would have one. */
const PAUSE_MS = 60_000;

/** Where it is told of. */
interface Observers {
  readonly log: Log;
  readonly metrics: GatewayMetrics;
}

/**
 * Takes down that the backend does not accept this gateway: each call in the metrics, and in the log at level error the first
 * with a certificate and one a minute from then on, with how many went `unsaid` before. A certificate that has run out is
 * refused in the handshake, where nobody says why: it is then known by its date.
 *
 * @param own what the gateway shows to the backend.
 */
export function refusedGateway({ log, metrics }: Observers, own: TlsMaterial): OwnFaults {
  const { subject, serialNumber, validToDate } = new X509Certificate(own.certPem);
  const whose = { file: own.certFile, subject: plainName(subject), serial: plainSerial(serialNumber) };
  let saidAtMs = Number.NEGATIVE_INFINITY;
  let unsaid = 0;
  const refused = (reason: string): void => {
    metrics.gatewayRefused();
    const nowMs = performance.now();
    if (nowMs - saidAtMs < PAUSE_MS) {
      unsaid++;
      return;
    }
    log.error({ ...whose, reason, unsaid: unsaid || undefined }, 'the backend does not accept this gateway');
    [saidAtMs, unsaid] = [nowMs, 0];
  };
  const unconnected = (): void => {
    if (Date.now() <= validToDate.getTime()) return;
    const since = validToDate.toISOString();
    refused(`no connection comes about, and the client certificate has expired (notAfter ${since})`);
  };
  return { refused, unconnected };
}
