import { join } from 'node:path';
import type { Registry } from 'prom-client';
import { type Audit, noAudit } from '../audit/audit.ts';
import { Journal } from '../audit/journal.ts';
import type { Config } from '../config.ts';
import { auditMetrics } from '../observability/audit-metrics.ts';
import type { Log } from '../observability/log.ts';

/** What `--audit` is to keep no journal; denials are then in the log alone. */
const OFF = 'off';

/**
 * Opens the journal of a program.
 *
 * @throws UsageError naming --audit when it cannot be kept.
 */
export async function openAudit(
  config: Config,
  program: 'gateway' | 'backend',
  log: Log,
  registry: Registry,
): Promise<Audit> {
  if (config.audit === OFF) return noAudit;
  return Journal.open({
    folder: config.audit ?? join(config.certs, 'audit'),
    program,
    sync: config.auditSync,
    maxBytes: config.auditMaxBytes,
    keep: config.auditKeep,
    whenFull: config.auditFull,
    log,
    metrics: auditMetrics(registry, program),
  });
}
