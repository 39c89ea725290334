import type { Registry } from 'prom-client';
import { DEFAULT_STATIONS } from '../backend/default-stations.ts';
import { type RunningBackend, startBackend } from '../backend/server.ts';
import type { StationConfig } from '../backend/stations.ts';
import type { Config } from '../config.ts';
import type { Log } from '../observability/log.ts';
import { loadKnownMethods } from './known-methods.ts';
import { loadPolicy } from './policy.ts';
import { policyFile } from './proven-files.ts';
import { openMaterial, openPolicy } from './reloadables.ts';

/**
 * Builds a backend from its settings and starts it. Opens nothing before all that it reads is proven; what it reads is
 * read again when it changes.
 *
 * @throws UsageError naming the file or the setting, and the remedy.
 */
export async function runBackend(
  config: Config,
  log: Log,
  registry: Registry,
  stations: readonly StationConfig[] = DEFAULT_STATIONS,
): Promise<RunningBackend> {
  const open: { close(): void }[] = [];
  const closing = <T extends { close(): void }>(opened: T): T => {
    open.push(opened);
    return opened;
  };
  const closeAll = (): void => {
    for (const opened of open) opened.close();
  };
  try {
    const known = await loadKnownMethods([]);
    const file = policyFile(config);
    const policy = closing(await openPolicy(file, () => loadPolicy(file, known), log));
    const material = closing(await openMaterial(config, ['backend'], log));
    const { backendHost: host, backendPort: port } = config;
    const backend = await startBackend({ host, port, material, policy, stations, log, metrics: registry });
    return {
      ...backend,
      close: async (graceMs) => {
        await backend.close(graceMs);
        closeAll();
      },
    };
  } catch (error) {
    closeAll();
    throw error;
  }
}
