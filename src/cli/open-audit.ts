import { join } from 'node:path';
import type { Registry } from 'prom-client';
import { type Audit, noAudit } from '../audit/audit.ts';
import { Journal } from '../audit/journal.ts';
import type { Config } from '../config.ts';
import { auditMetrics } from '../observability/audit-metrics.ts';
import type { Log } from '../observability/log.ts';

/** What `--audit` is to keep no journal; denials are then in the log alone. */
const OFF = 'off';

/** Programs that share a certs folder differ in their ports, and so in the names of their journals. */
function journalName(config: Config, program: 'gateway' | 'backend'): string {
  const port = program === 'gateway' ? config.port : config.backendPort;
  return port === 0 ? program : `${program}-${port}`;
}

/**
 * Opens the journal of a program: `gateway-8443.jsonl` by its port, `gateway.jsonl` where any free one is taken.
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
    program: journalName(config, program),
    sync: config.auditSync,
    maxBytes: config.auditMaxBytes,
    keep: config.auditKeep,
    whenFull: config.auditFull,
    log,
    metrics: auditMetrics(registry, program),
  });
}
