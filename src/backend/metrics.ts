import { Counter, Gauge, Registry } from 'prom-client';
import type { Code } from '../errors.ts';
import { type StationsMetrics, stationMetrics } from './stations/station-metrics.ts';

/** What the backend counts about its calls. */
export interface CallMetrics {
  started(service: string, method: string): void;
  handled(service: string, method: string, code: Code): void;
  /** A streaming call opened (+1) or ended (-1). */
  streams(service: string, method: string, change: 1 | -1): void;
}

/** What the backend counts about its connections. */
export interface ConnectionMetrics {
  open(connections: number): void;
  /** By a cap on connections, in the TLS handshake, or because the peer has no standing or no rule. */
  refused(reason: 'total' | 'per_cn' | 'handshake' | 'peer'): void;
  /** A connection was cut because its peer lost its standing, or its last rule. */
  cut(): void;
}

/** The backend's metrics. */
export interface BackendMetrics {
  readonly calls: CallMetrics;
  readonly connections: ConnectionMetrics;
  readonly stations: StationsMetrics;
}

/**
 * Registers the backend's metrics; call names are those of grpc-ecosystem's Prometheus interceptors.
 *
 * @param registry where to; without one nothing can read them, and they cost next to nothing.
 */
export function createMetrics(registry: Registry = new Registry()): BackendMetrics {
  const registers = [registry];
  const method = ['grpc_service', 'grpc_method'] as const;
  const startedTotal = new Counter({
    name: 'grpc_server_started_total',
    help: 'RPCs that began on the backend.',
    labelNames: method,
    registers,
  });
  const handledTotal = new Counter({
    name: 'grpc_server_handled_total',
    help: 'RPCs that ended on the backend, by gRPC code.',
    labelNames: [...method, 'grpc_code'] as const,
    registers,
  });
  const activeStreams = new Gauge({
    name: 'passband_backend_active_streams',
    help: 'Streaming RPCs that are open on the backend.',
    labelNames: method,
    registers,
  });
  const connectionsOpen = new Gauge({
    name: 'passband_backend_connections_open',
    help: 'Connections to the backend that are open.',
    registers,
  });
  const connectionsRefused = new Counter({
    name: 'passband_backend_connections_refused_total',
    help: 'Connections to the backend refused by a cap, in the handshake, or for who their peer is.',
    labelNames: ['reason'] as const,
    registers,
  });
  const connectionsCut = new Counter({
    name: 'passband_backend_connections_cut_total',
    help: 'Connections to the backend cut because their peer lost its standing, or its last rule.',
    registers,
  });
  return {
    calls: {
      started: (grpc_service, grpc_method) => startedTotal.inc({ grpc_service, grpc_method }),
      handled: (grpc_service, grpc_method, grpc_code) => handledTotal.inc({ grpc_service, grpc_method, grpc_code }),
      streams: (grpc_service, grpc_method, change) => activeStreams.inc({ grpc_service, grpc_method }, change),
    },
    connections: {
      open: (connections) => connectionsOpen.set(connections),
      refused: (reason) => connectionsRefused.inc({ reason }),
      cut: () => connectionsCut.inc(),
    },
    stations: stationMetrics(registry),
  };
}
