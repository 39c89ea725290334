import { access } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Registry } from 'prom-client';
import { type Clock, systemClock } from '../backend/clock.ts';
import { type RunningBackend, startBackend } from '../backend/server.ts';
import { DEFAULT_STATIONS } from '../backend/stations/default-stations.ts';
import type { StationConfig } from '../backend/stations/station-config.ts';
import { StationsFile } from '../backend/stations/stations-file.ts';
import type { Config } from '../config.ts';
import { UsageError } from '../errors.ts';
import type { Log } from '../observability/log.ts';
import { trustMetrics } from '../observability/trust-metrics.ts';
import { refuseNearlyDead, watchExpiry } from '../trust/expiry-watch.ts';
import { OcspChecker } from '../trust/ocsp.ts';
import { watchOwnRevocation } from '../trust/own-revocation.ts';
import { loadKnownMethods } from './known-methods.ts';
import { openAudit } from './open-audit.ts';
import { loadPolicy } from './policy.ts';
import { BACKEND_PAIRS, policyFile } from './proven-files.ts';
import { openMaterial, openPolicy } from './reloadables.ts';

/** Folder in that of data of the recordings that stations made by calls may play. */
const LIBRARY = 'library';

/** The stations file that was named, which must be there, or the one of the data folder. */
async function stationsFile(config: Config, builtIn: readonly StationConfig[]): Promise<StationsFile> {
  const { stations = join(config.data, 'stations.yaml') } = config;
  if (config.stations !== undefined) {
    await access(stations).catch((cause: unknown) => {
      throw new UsageError(
        `--stations ${stations}: there is no such file; begin with "version: 1" and "stations: []"`,
        { cause },
      );
    });
  }
  return new StationsFile(resolve(stations), builtIn);
}

/**
 * Builds a backend from its settings and starts it. Opens nothing before all that it reads is proven; what it reads is
 * read again when it changes.
 *
 * @param clock the machine's unless a test brings its own.
 * @throws UsageError naming the file or the setting, and the remedy.
 */
export async function runBackend(
  config: Config,
  log: Log,
  registry: Registry,
  stations: readonly StationConfig[] = DEFAULT_STATIONS,
  clock: Clock = systemClock,
): Promise<RunningBackend> {
  /** Closed in the order in which they are here. */
  const open: { close(): unknown }[] = [];
  const closing = <T extends { close(): unknown }>(opened: T): T => {
    open.push(opened);
    return opened;
  };
  const closeAll = async (): Promise<void> => {
    for (const opened of open) await opened.close();
  };
  try {
    const metrics = trustMetrics(registry);
    const known = await loadKnownMethods([]);
    const file = policyFile(config);
    const policy = closing(
      await openPolicy(file, () => loadPolicy(file, known), log, metrics.outcome('backend policy')),
    );
    const material = closing(await openMaterial(config, BACKEND_PAIRS, log, metrics.outcome('backend certificates')));
    refuseNearlyDead(material.current(), config.minDays);
    closing({ close: watchExpiry(material, { log, metrics }) });
    closing({ close: watchOwnRevocation(material, { log, metrics }) });
    const audit = closing(await openAudit(config, 'backend', log, registry));
    const declared = await stationsFile(config, stations);
    const { backendHost: host, backendPort: port } = config;
    const { ocsp: mode, ocspUrl: url, ocspTimeoutMs: timeoutMs } = config;
    const { ocspAnswer: onAnswer } = metrics;
    const backend = await startBackend({
      host,
      port,
      material,
      policy,
      stations: await declared.stations(),
      stationChanges: {
        file: declared,
        reach: { hosts: config.sourceHost, recording: (name) => resolve(config.data, LIBRARY, name) },
      },
      dataDir: config.data,
      recordingLimits: { quotaBytes: config.recordingsQuotaBytes, minFreeBytes: config.recordingsMinFreeBytes },
      clock,
      log,
      audit,
      ocsp: mode === 'off' ? undefined : new OcspChecker({ mode, url, timeoutMs, log, onAnswer }),
      metrics: registry,
    });
    return {
      ...backend,
      close: async (graceMs) => {
        await backend.close(graceMs);
        await closeAll();
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}
