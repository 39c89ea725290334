import type { Log } from './observability/log.ts';

/** Lines at level warn for refused certificates within a second: anybody can have one refused as often as they like. */
const MAX_REFUSED_CERTIFICATE_LINES = 10;
const SECOND_MS = 1_000;

/**
 * Says that TLS has refused a certificate, at level warn while it is no flood, and how many went `unsaid` before. The rest
 * is at level debug.
 */
export function refusedCertificates(log: Log, message: string): (facts: Readonly<Record<string, unknown>>) => void {
  let sinceMs = Number.NEGATIVE_INFINITY;
  let lines = 0;
  let unsaid = 0;
  return (facts) => {
    const nowMs = performance.now();
    if (nowMs - sinceMs >= SECOND_MS) [sinceMs, lines] = [nowMs, 0];
    lines++;
    if (lines > MAX_REFUSED_CERTIFICATE_LINES) {
      unsaid++;
      log.debug(facts, message);
      return;
    }
    log.warn({ ...facts, unsaid: unsaid || undefined }, message);
    unsaid = 0;
  };
}
