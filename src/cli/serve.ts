import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Config } from '../config.ts';
import { createLog, type Log } from '../observability/log.ts';
import { startProbes } from '../observability/probes.ts';

/** A part of the program that runs until it is closed. */
export interface Running {
  close(graceMs: number): Promise<void>;
}

/** What a program starts: its parts, in the order in which they are closed. */
export interface Started {
  readonly parts: readonly Running[];
  readonly ready: () => Promise<boolean>;
}

/** Where a program reports to people, and how it learns that it shall stop. */
export interface Rim {
  readonly say: (text: string) => void;
  /** Resolves when the program is asked to stop. */
  readonly stop: Promise<string>;
}

/** Extra milliseconds after the grace period before the process ends whatever is left. */
const HARD_STOP_MS = 1_000;

/** Runs a program: starts it, waits to be stopped, and shuts down in the order of its parts. */
export async function serve(
  config: Config,
  rim: Rim,
  start: (log: Log, registry: Registry, probesUrl: string) => Promise<Started>,
): Promise<void> {
  const log = createLog(config.logLevel);
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  let ready: () => Promise<boolean> = async () => false;
  const probes = await startProbes({
    host: config.metricsHost,
    port: config.metricsPort,
    registry,
    ready: () => ready(),
  });
  let parts: readonly Running[] = [];
  try {
    const started = await start(log, registry, `http://${config.metricsHost}:${probes.port}/metrics`);
    parts = started.parts;
    ready = started.ready;
  } catch (error) {
    await probes.close();
    throw error;
  }
  const why = await rim.stop;
  ready = async () => false;
  log.info({ why, graceMs: config.shutdownMs }, 'shutting down');
  // Not taken back when all parts are closed: whatever else might keep the process is cut by it, too.
  setTimeout(() => {
    log.error('shutdown took too long; leaving');
    process.exit(1);
  }, config.shutdownMs + HARD_STOP_MS).unref();
  const until = Date.now() + config.shutdownMs;
  for (const part of parts) await part.close(Math.max(0, until - Date.now()));
  await probes.close();
  log.flush();
}
