import type { AuditMetrics } from '../observability/audit-metrics.ts';
import type { Log } from '../observability/log.ts';
import type { OpenAppendFile } from './append-file.ts';

/** How a journal is kept. */
export interface JournalOptions {
  readonly folder: string;
  /** Names the files and stands in their first lines: gateway or backend. */
  readonly program: string;
  readonly sync: 'always' | 'interval' | 'never';
  /** Size at which a new file is begun. */
  readonly maxBytes: number;
  /** Files that are kept, the one in use included; 0 for all. */
  readonly keep: number;
  /** What becomes of new requests while lines cannot be written. */
  readonly whenFull: 'stop' | 'warn';
  readonly log: Log;
  readonly metrics: AuditMetrics;
  /** The file system's unless a test brings its own. */
  readonly openFile?: OpenAppendFile;
  /** Milliseconds between two attempts and two syncs; a second unless told. */
  readonly beatMs?: number;
}
