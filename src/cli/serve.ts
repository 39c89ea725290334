import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Config } from '../config.ts';
import { createLog, type Log } from '../observability/log.ts';
import { startProbes } from '../observability/probes.ts';

/** A part of the program that runs until it is closed. */
export interface Running {
  /** Reads the files again that may change while it runs; false when something of them cannot be used. */
  reload?(): Promise<boolean>;
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
  /** Names what is called whenever the program is asked to read its files again. */
  readonly onReload: (reload: () => void) => void;
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
  rim.onReload(() => void reload(parts, log));
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

/** Reads all files again. Whatever comes of it, the program goes on with the last good ones. */
async function reload(parts: readonly Running[], log: Log): Promise<void> {
  log.info('reading the files again');
  const outcomes = await Promise.allSettled(parts.map(async (part) => part.reload?.() ?? true));
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') log.error({ err: outcome.reason }, 'reading the files again failed');
  }
  const isGood = outcomes.every((outcome) => outcome.status === 'fulfilled' && outcome.value);
  if (isGood) log.info('all files are in use');
  else log.error('some files cannot be used; what was in use before stays');
}
