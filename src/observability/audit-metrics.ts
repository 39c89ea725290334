import { Counter, Gauge, type Registry } from 'prom-client';

/** What an audit journal counts. */
export interface AuditMetrics {
  /** Lines that are in the journal's file. */
  written(lines: number): void;
  /** Lines that could not be kept. */
  lost(lines: number): void;
  /** Whether lines cannot be written at the moment. */
  broken(broken: boolean): void;
}

/**
 * Metrics of a journal on a registry, which journals of one process share.
 *
 * @param journal gateway or backend.
 */
export function auditMetrics(registry: Registry, journal: string): AuditMetrics {
  const counter = (name: string, help: string): Counter<'journal'> =>
    (registry.getSingleMetric(name) as Counter<'journal'> | undefined) ??
    new Counter({ name, help, labelNames: ['journal'] as const, registers: [registry] });
  const lines = counter('passband_audit_lines_total', 'Lines written to the audit journal.');
  const lost = counter('passband_audit_lost_lines_total', 'Audit lines that could not be kept.');
  const name = 'passband_audit_broken';
  const broken =
    (registry.getSingleMetric(name) as Gauge<'journal'> | undefined) ??
    new Gauge({
      name,
      help: '1 while the audit journal cannot be written.',
      labelNames: ['journal'] as const,
      registers: [registry],
    });
  broken.set({ journal }, 0);
  return {
    written: (count) => lines.inc({ journal }, count),
    lost: (count) => lost.inc({ journal }, count),
    broken: (isBroken) => broken.set({ journal }, isBroken ? 1 : 0),
  };
}

/** Counts nothing. */
export const noAuditMetrics: AuditMetrics = { written: () => {}, lost: () => {}, broken: () => {} };
