import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import pino from 'pino';
import { Registry } from 'prom-client';
import type { Clock } from '../../src/backend/clock.ts';
import type { RunningBackend } from '../../src/backend/server.ts';
import type { StationConfig } from '../../src/backend/stations/station-config.ts';
import { runBackend } from '../../src/cli/run-backend.ts';
import { type RunningGateway, runGateway } from '../../src/cli/run-gateway.ts';
import { type Config, resolveConfig } from '../../src/config.ts';
import { DEV_POLICY } from '../../src/gateway/guard/policy.ts';
import { patientClock } from './patient-clock.ts';
import { makeTestPki, type TestPki } from './pki.ts';

/** A gateway and a backend in this process, on free ports, with a PKI of their own. */
export interface Stack {
  /** `https://localhost:PORT`, without a slash behind. */
  readonly gatewayUrl: string;
  readonly port: number;
  readonly backendPort: number;
  /** Folder with ca.crt, client.crt, client.key and so on. */
  readonly certsDir: string;
  /** The backend's, where it is another: see {@link StackOptions.backendApart}. */
  readonly backendCertsDir: string;
  readonly pki: TestPki;
  readonly gateway: RunningGateway;
  /** The backend as it runs now; undefined while it is stopped. */
  readonly backend: RunningBackend | undefined;
  readonly registry: Registry;
  /** Calls at the backend since it was last started, by its own count. */
  backendCalls(): Promise<{ readonly live: number; readonly total: number }>;
  /** Log lines so far, parsed. */
  readonly logs: readonly Readonly<Record<string, unknown>>[];
  stopBackend(graceMs?: number): Promise<void>;
  /** Starts the backend again on the port it had. */
  startBackend(): Promise<void>;
  close(): Promise<void>;
}

/** What may differ from the defaults. */
export interface StackOptions {
  /** Flags by name, as on the command line. */
  readonly flags?: Readonly<Record<string, string | readonly string[]>>;
  /** YAML; the development policy unless told. */
  readonly policy?: string;
  /** Stations of the backend; those of every backend that was told of no others unless told. */
  readonly stations?: readonly StationConfig[];
  /**
   * True gives the backend a copy of the certs folder that nobody changes: what ends by a change of the folder is then
   * ended by the gateway, and not by the backend, which decides by the same files otherwise.
   */
  readonly backendApart?: boolean;
  /** YAML of the backend's own policy, which is then apart: what is refused or held is so by the gateway alone. */
  readonly backendPolicy?: string;
  /** Time of the backend's radios; the machine's unless told. */
  readonly clock?: Clock;
  /** False leaves the backend out until startBackend is called. */
  readonly backend?: boolean;
}

/** Starts a stack. Close it in afterAll. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const pki = await makeTestPki();
  await writeFile(join(pki.dir, 'policy.yaml'), options.policy ?? DEV_POLICY);
  const flags = {
    port: '0',
    'backend-port': '0',
    'metrics-port': '0',
    certs: pki.dir,
    data: join(pki.dir, 'data'),
    host: '127.0.0.1',
    'backend-host': '127.0.0.1',
    ...options.flags,
  };
  const config: Config = resolveConfig('up', { flags, environment: {}, file: undefined });
  const isApart = options.backendApart === true || options.backendPolicy !== undefined;
  const backendCerts = isApart ? `${config.certs}-of-backend` : config.certs;
  if (isApart) await cp(config.certs, backendCerts, { recursive: true });
  if (options.backendPolicy !== undefined) await writeFile(join(backendCerts, 'policy.yaml'), options.backendPolicy);
  const logs: Record<string, unknown>[] = [];
  const log = pino(
    { level: 'debug' },
    new Writable({
      write: (chunk, _encoding, done) => {
        logs.push(JSON.parse(String(chunk)));
        done();
      },
    }),
  );
  const registry = new Registry();
  let backend: RunningBackend | undefined;
  let backendPort = 0;
  let backendRegistry = new Registry();
  const startBackend = async (): Promise<void> => {
    backendRegistry = new Registry();
    backend = await runBackend(
      { ...config, certs: backendCerts, backendPort },
      log,
      backendRegistry,
      options.stations,
      options.clock ?? patientClock(),
    );
    backendPort = backend.port;
  };
  await startBackend();
  const stopBackend = async (graceMs = 0): Promise<void> => {
    const running = backend;
    backend = undefined;
    await running?.close(graceMs);
  };
  // A port that was just free stays the backend's, also while none runs.
  if (options.backend === false) await stopBackend();
  const gateway = await runGateway({ ...config, backend: `localhost:${backendPort}` }, log, registry);
  return {
    gatewayUrl: `https://localhost:${gateway.port}`,
    port: gateway.port,
    backendPort,
    certsDir: config.certs,
    backendCertsDir: backendCerts,
    pki,
    gateway,
    get backend() {
      return backend;
    },
    registry,
    logs,
    backendCalls: async () => {
      const total = await sumOf(backendRegistry, 'grpc_server_started_total');
      return { live: total - (await sumOf(backendRegistry, 'grpc_server_handled_total')), total };
    },
    stopBackend,
    startBackend,
    close: async () => {
      await gateway.close(1000);
      await stopBackend(500);
      await pki.remove();
      if (isApart) await rm(backendCerts, { recursive: true, force: true });
    },
  };
}

/** Connections that the gateway has open, by its own count. */
export async function connectionsOpen({ registry }: Stack): Promise<number> {
  return sumOf(registry, 'passband_connections_open');
}

async function sumOf(registry: Registry, name: string): Promise<number> {
  const values = (await registry.getSingleMetric(name)?.get())?.values ?? [];
  return values.reduce((sum, { value }) => sum + value, 0);
}
