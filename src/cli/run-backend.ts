import { join } from 'node:path';
import type { Registry } from 'prom-client';
import { DEFAULT_STATIONS } from '../backend/default-stations.ts';
import { type RunningBackend, startBackend } from '../backend/server.ts';
import type { StationConfig } from '../backend/stations.ts';
import type { Config } from '../config.ts';
import type { Log } from '../observability/log.ts';
import { loadTlsMaterial } from '../pki/store.ts';
import { loadKnownMethods } from './known-methods.ts';
import { loadPolicy } from './policy.ts';

/** Builds a backend from its settings and starts it. */
export async function runBackend(
  config: Config,
  log: Log,
  registry: Registry,
  stations: readonly StationConfig[] = DEFAULT_STATIONS,
): Promise<RunningBackend> {
  const policy = await loadPolicy(config.policy ?? join(config.certs, 'policy.yaml'), await loadKnownMethods([]));
  const tls = await loadTlsMaterial(config.certs, 'backend');
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
