import type { Registry } from 'prom-client';
import { DEFAULT_STATIONS } from '../backend/default-stations.ts';
import { type RunningBackend, startBackend } from '../backend/server.ts';
import type { StationConfig } from '../backend/stations.ts';
import type { Config } from '../config.ts';
import type { Log } from '../observability/log.ts';
import { type BackendFiles, readBackendFiles } from './proven-files.ts';

/**
 * Builds a backend from its settings and starts it. Opens nothing before all that it reads is proven.
 *
 * @param files what it reads, where the caller has read it already.
 */
export async function runBackend(
  config: Config,
  log: Log,
  registry: Registry,
  stations: readonly StationConfig[] = DEFAULT_STATIONS,
  files?: BackendFiles,
): Promise<RunningBackend> {
  const { policy, tls } = files ?? (await readBackendFiles(config));
  return startBackend({
    host: config.backendHost,
    port: config.backendPort,
    tls,
    policy,
    stations,
    log,
    metrics: registry,
  });
}
