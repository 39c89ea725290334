import { setTimeout as sleep } from 'node:timers/promises';
import { Server, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation } from 'grpc-health-check';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { type Audit, noAudit } from '../audit/audit.ts';
import { logged } from '../audit/logged.ts';
import { PassbandError } from '../errors.ts';
import type { Policy } from '../gateway/guard/policy.ts';
import { listenError } from '../listen-error.ts';
import type { Material } from '../trust/material.ts';
import type { Reloadable } from '../trust/reloadable.ts';
import { type Clock, systemClock } from './clock.ts';
import { guardCalls } from './door/call-guard.ts';
import { admitConnections } from './door/connection-admission.ts';
import { Connections } from './door/connections.ts';
import { Door, type OcspQuestion } from './door/door.ts';
import { HTTP2_OPTIONS, takeConnections } from './door/grpc-connections.ts';
import type { LiveCall } from './door/live-call.ts';
import { Rechecks } from './door/rechecks.ts';
import { answeredSampleRates } from './door/sample-rates.ts';
import { openTlsDoor } from './door/tls-door.ts';
import { guardUnknownMethods } from './door/unknown-methods.ts';
import { createMetrics } from './metrics.ts';
import { passEncodedResponses, reflectedDefinition, serviceDefinition } from './protos.ts';
import type { RoomLimits } from './recordings/disk-room.ts';
import { RecordingsFolder } from './recordings/recordings-folder.ts';
import { RtlTcpListeners } from './rtl-tcp-listener/listeners.ts';
import { radioServices } from './services.ts';
import { StationAdmin, type StationChanges } from './stations/station-admin.ts';
import type { StationConfig } from './stations/station-config.ts';
import { openStations } from './stations/stations.ts';

/** Bytes of a request message at most: 4 MiB of samples, the longest batch that a producer may push, and what is beside them. */
const MAX_REQUEST_BYTES = 4160 * 1024;
/** A quiet connection is asked for a sign of life this often, and given up without one. */
const KEEPALIVE_TIME_MS = 30_000;
const KEEPALIVE_TIMEOUT_MS = 10_000;
/** A connection without any call is closed after this. */
const MAX_IDLE_MS = 30 * 60_000;

/**
 * Time between the end of the calls and that of their connections: a peer that sees its connection closed throws away
 * what it has not read yet, the status of its stream included.
 */
const LAST_WORDS_MS = 250;

/** What a backend is started with. */
export interface BackendOptions {
  /** Address to listen on, such as `127.0.0.1` or `::`. */
  readonly host: string;
  /** TCP port; 0 takes a free one. */
  readonly port: number;
  /** Connections at a time; 1024 unless told. */
  readonly maxConnections?: number;
  /** Milliseconds from a call's headers to its request; 30 s unless told. */
  readonly firstMessageMs?: number;
  /** Certificate, key and CA of the server, and by what peers are believed. */
  readonly material: Reloadable<Material<'backend'>>;
  readonly policy: Reloadable<Policy>;
  readonly stations: readonly StationConfig[];
  /** How stations may be changed while it runs; not at all unless told. */
  readonly stationChanges?: StationChanges;
  /** Folder for what the backend makes, such as recordings; without one it makes none. */
  readonly dataDir?: string;
  /** How much recordings may take of its disk; see RecordingsFolder for what holds unless told. */
  readonly recordingLimits?: Partial<RoomLimits>;
  readonly log: Logger;
  /** Who is asked about the certificates of peers; nobody unless told. */
  readonly ocsp?: OcspQuestion | undefined;
  /** The record of decisions and ends of streams; without one none is kept beside the log. */
  readonly audit?: Audit;
  /** Where the metrics go; without one they are not kept. */
  readonly metrics?: Registry;
  /** The machine's clocks unless a test brings its own. */
  readonly clock?: Clock;
}

/** A backend that listens. */
export interface RunningBackend {
  /** The port it listens on. */
  readonly port: number;
  /** Reads certificates, revocation lists and policy again; false when one of them stays as it was, being unusable. */
  reload(): Promise<boolean>;
  /**
   * Stops: accepts nothing more, ends streams with UNAVAILABLE, waits for unary calls, and after `graceMs` cuts what is
   * left. Resolves when all connections are gone.
   */
  close(graceMs: number): Promise<void>;
}

/**
 * Starts the gRPC backend.
 *
 * @throws UsageError when the id of a station is wrong, or the address cannot be listened on.
 */
export async function startBackend(options: BackendOptions): Promise<RunningBackend> {
  const { log } = options;
  const clock = options.clock ?? systemClock;
  const metrics = createMetrics(options.metrics);
  const stations = await openStations(options.stations, { metrics: metrics.stations, log, clock });
  const admin = new StationAdmin({ stations, log, ...options.stationChanges });
  const { dataDir, recordingLimits: limits } = options;
  const recordings = new RecordingsFolder({ dataDir, limits, stations, clock, log });
  await recordings.openIfThere();
  const services = radioServices({ stations, admin, recordings, clock });
  const definitions = Object.keys(services).map((name) => [name, serviceDefinition(name)] as const);
  const { material, policy } = options;
  const door = new Door({ policy: () => policy.current(), trust: () => material.current().trust, ocsp: options.ocsp });
  const connections = new Connections();
  const audit = logged(options.audit ?? noAudit, log);
  const guard = guardCalls({
    door,
    connections,
    records: { log, metrics: metrics.calls, audit },
    sampleRates: await answeredSampleRates(),
    firstMessageMs: options.firstMessageMs,
  });
  const server = new Server({
    interceptors: [guard.interceptor],
    'grpc.max_receive_message_length': MAX_REQUEST_BYTES,
    'grpc.keepalive_time_ms': KEEPALIVE_TIME_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
    'grpc.max_connection_idle_ms': MAX_IDLE_MS,
    'grpc.enable_channelz': 0,
    ...HTTP2_OPTIONS,
  });
  for (const [name, definition] of definitions) server.addService(definition, services[name] ?? {});
  const platform = {
    addService: (definition: ServiceDefinition, implementation: UntypedServiceImplementation) =>
      server.addService(passEncodedResponses(definition), implementation),
  };
  const health = new HealthImplementation();
  for (const name of ['', ...Object.keys(services)]) health.setStatus(name, 'SERVING');
  health.addToServer(platform);
  new ReflectionService(reflectedDefinition()).addToServer(platform);
  guardUnknownMethods(server);

  const judged = { door, connections, policy, material, log, metrics: metrics.connections };
  const rechecks = new Rechecks({ ...judged, calls: guard.liveCalls });
  const admit = admitConnections({ ...judged, rechecks });
  const onSecure = takeConnections(server, admit);
  const { host } = options;
  const settings = { who: 'the backend', host, hostSetting: 'backend-host', portSetting: 'backend-port' };
  const cannotListen = (error: Error): Error => listenError(error, { ...settings, port: options.port });
  const tls = await openTlsDoor({ ...options, metrics: metrics.connections, onSecure, cannotListen }).catch(
    async (error: unknown) => {
      rechecks.close();
      await recordings.close();
      stations.close(new PassbandError('UNAVAILABLE', 'the server could not be started'));
      throw error;
    },
  );
  const { port } = tls;
  const listeners = new RtlTcpListeners({ clock, log, material, admit, guard, metrics: metrics.connections });
  const forgetStations = stations.observe(listeners);
  log.info({ host, port, stations: stations.all().map(({ id }) => id) }, 'backend listens');

  return {
    port,
    reload: async () => (await Promise.all([material.reload(), policy.reload()])).every(Boolean),
    close: async (graceMs) => {
      tls.stopAccepting();
      forgetStations();
      listeners.close();
      for (const name of ['', ...Object.keys(services)]) health.setStatus(name, 'NOT_SERVING');
      const endsAtMs = performance.now() + graceMs;
      const live = endStreams(guard.liveCalls);
      await recordings.close();
      stations.close(new PassbandError('UNAVAILABLE', 'the server is shutting down'));
      if (live > 0) await sleep(Math.min(LAST_WORDS_MS, graceMs / 2));
      await shutDown(server, Math.max(0, endsAtMs - performance.now()));
      tls.cutAll();
      rechecks.close();
      log.info({ port }, 'backend is closed');
    },
  };
}

/** Ends every streaming call with UNAVAILABLE; returns how many calls there were, of which others may end by themselves now. */
function endStreams(calls: ReadonlySet<LiveCall>): number {
  const reason = new PassbandError('UNAVAILABLE', 'the server is shutting down');
  const { size } = calls;
  for (const call of [...calls].filter(({ streaming }) => streaming)) call.end(reason);
  return size;
}

function shutDown(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, graceMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
