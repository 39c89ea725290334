import { createServer, type Socket, type Server as TcpServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ConnectionInjector,
  Server,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation } from 'grpc-health-check';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { PassbandError } from '../errors.ts';
import type { Policy } from '../gateway/guard/policy.ts';
import { listenAddress } from '../listen-address.ts';
import { listenError } from '../listen-error.ts';
import type { TlsMaterial } from '../pki/store.ts';
import { antennaService } from './antenna-service.ts';
import { type Clock, systemClock } from './clock.ts';
import { MutualTlsCredentials } from './credentials.ts';
import { Door } from './door.ts';
import { guardCalls, type LiveCall } from './guarded-call.ts';
import { iqStreamService } from './iq/service.ts';
import { createMetrics } from './metrics.ts';
import { packageDefinition, passEncodedResponses, serviceDefinition } from './protos.ts';
import { spectrumMonitorService } from './spectrum/service.ts';
import { stationService } from './station-service.ts';
import { openStations, type StationConfig } from './stations.ts';

/** Bytes of a request message at most; the longest of the fleet is a batch of some thousand samples. */
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
/** Calls on one connection at a time. A gateway carries all of its clients over a few connections. */
const MAX_STREAMS_PER_CONNECTION = 1024;
/** Connections at a time; each costs some 100 KiB of TLS state. */
const MAX_CONNECTIONS = 1024;
/** Bytes a peer may send on one stream ahead of us: 64 KiB would slow a pushing producer down to a third. */
const STREAM_WINDOW_BYTES = 8 * 1024 * 1024;
/** A quiet connection is asked for a sign of life this often, and given up without one. */
const KEEPALIVE_TIME_MS = 30_000;
const KEEPALIVE_TIMEOUT_MS = 10_000;
/** A connection without any call is closed after this. */
const MAX_IDLE_MS = 30 * 60_000;

/**
 * Time between the end of the streams and that of their connections: a peer that sees its connection closed throws away
 * what it has not read yet, the status of its stream included.
 */
const LAST_WORDS_MS = 250;

/** What a backend is started with. */
export interface BackendOptions {
  /** Address to listen on, such as `127.0.0.1` or `::`. */
  readonly host: string;
  /** TCP port; 0 takes a free one. */
  readonly port: number;
  readonly tls: TlsMaterial;
  readonly policy: Policy;
  readonly stations: readonly StationConfig[];
  readonly log: Logger;
  /** Where the metrics go; without one they are not kept. */
  readonly metrics?: Registry;
  /** The machine's clocks unless a test brings its own. */
  readonly clock?: Clock;
}

/** A backend that listens. */
export interface RunningBackend {
  /** The port it listens on. */
  readonly port: number;
  /**
   * Stops: accepts nothing more, ends streams with UNAVAILABLE, waits for unary calls, and after `graceMs` cuts what is
   * left. Resolves when all connections are gone.
   */
  close(graceMs: number): Promise<void>;
}

/**
 * Starts the gRPC backend.
 *
 * @throws UsageError when a station or its recording is wrong, or the address cannot be listened on.
 */
export async function startBackend(options: BackendOptions): Promise<RunningBackend> {
  const { log } = options;
  const clock = options.clock ?? systemClock;
  const metrics = createMetrics(options.metrics);
  const stations = await openStations(options.stations, metrics, clock);
  const services: Readonly<Record<string, UntypedServiceImplementation>> = {
    'sdr.oran.IQStreamService': iqStreamService(stations, clock),
    'sdr.oran.SpectrumMonitorService': spectrumMonitorService(stations),
    'sdr.oran.StationService': stationService(stations),
    'sdr.oran.AntennaControlService': antennaService(),
  };
  const definitions = Object.keys(services).map((name) => [name, serviceDefinition(name)] as const);
  const guard = guardCalls(new Door(options.policy), log, metrics.calls);
  const server = new Server({
    interceptors: [guard.interceptor],
    'grpc.max_receive_message_length': MAX_REQUEST_BYTES,
    'grpc.keepalive_time_ms': KEEPALIVE_TIME_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
    'grpc.max_connection_idle_ms': MAX_IDLE_MS,
    'grpc.enable_channelz': 0,
  });
  for (const [name, definition] of definitions) server.addService(definition, services[name] ?? {});
  const platform = {
    addService: (definition: ServiceDefinition, implementation: UntypedServiceImplementation) =>
      server.addService(passEncodedResponses(definition), implementation),
  };
  const health = new HealthImplementation();
  for (const name of ['', ...Object.keys(services)]) health.setStatus(name, 'SERVING');
  health.addToServer(platform);
  new ReflectionService(packageDefinition).addToServer(platform);

  const settings = { initialWindowSize: STREAM_WINDOW_BYTES, maxConcurrentStreams: MAX_STREAMS_PER_CONNECTION };
  const injector = server.createConnectionInjector(new MutualTlsCredentials(options.tls, { settings }));
  const { tcp, sockets } = await listen(options, injector);
  const address = tcp.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  log.info({ host: options.host, port, stations: stations.all().map(({ id }) => id) }, 'backend listens');

  return {
    port,
    close: async (graceMs) => {
      tcp.close();
      for (const name of ['', ...Object.keys(services)]) health.setStatus(name, 'NOT_SERVING');
      const endsAtMs = performance.now() + graceMs;
      const ended = endStreams(guard.liveCalls);
      for (const station of stations.all()) station.stop();
      if (ended > 0) await sleep(Math.min(LAST_WORDS_MS, graceMs / 2));
      await shutDown(server, Math.max(0, endsAtMs - performance.now()));
      for (const socket of sockets) socket.destroy();
      log.info({ port }, 'backend is closed');
    },
  };
}

interface Listener {
  readonly tcp: TcpServer;
  /** Every connection, those included whose TLS handshake is not over and of which gRPC knows nothing yet. */
  readonly sockets: ReadonlySet<Socket>;
}

/**
 * A TCP listener of our own in front of gRPC's HTTP/2 server: grpc-js has no limit on connections, and would resolve the
 * host anew and listen on all that it finds.
 */
function listen({ host, port, log }: BackendOptions, injector: ConnectionInjector): Promise<Listener> {
  const sockets = new Set<Socket>();
  const tcp = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    injector.injectConnection(socket);
  });
  tcp.maxConnections = MAX_CONNECTIONS;
  return new Promise((resolve, reject) => {
    const refuse = (error: Error): void => {
      const settings = { hostSetting: 'backend-host', portSetting: 'backend-port' };
      reject(listenError(error, { who: 'the backend', host, port, ...settings }));
    };
    tcp.once('error', refuse);
    tcp.listen(listenAddress(host, port), () => {
      tcp.off('error', refuse);
      // Such as too many open files: the next connection may find one.
      tcp.on('error', (error) => log.error({ err: error }, 'a connection could not be accepted'));
      resolve({ tcp, sockets });
    });
  });
}

/** Ends every streaming call with UNAVAILABLE; returns how many there were. */
function endStreams(calls: ReadonlySet<LiveCall>): number {
  const reason = new PassbandError('UNAVAILABLE', 'the server is shutting down');
  const streams = [...calls].filter((call) => call.streaming);
  for (const call of streams) call.end(reason);
  return streams.length;
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
