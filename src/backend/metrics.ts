import { Counter, Gauge, Registry } from 'prom-client';
import type { Code } from '../errors.ts';

/** Why samples did not reach a reader. */
export type LossCause = 'slow_reader' | 'source_gap';

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

/** What the backend counts about one station. */
export interface StationMetrics {
  produced(samples: number): void;
  lost(cause: LossCause, samples: number): void;
  sent(bytes: number): void;
}

/** The backend's metrics. */
export interface BackendMetrics {
  readonly calls: CallMetrics;
  readonly connections: ConnectionMetrics;
  /** For a station that was declared at start: the label never holds what a client invented. */
  station(stationId: string): StationMetrics;
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
  const producedTotal = new Counter({
    name: 'passband_samples_produced_total',
    help: 'Complex samples that a station produced.',
    labelNames: ['station_id'] as const,
    registers,
  });
  const lostTotal = new Counter({
    name: 'passband_samples_lost_total',
    help: 'Complex samples that were lost: per reader that was too slow, or once where the source left a gap.',
    labelNames: ['station_id', 'cause'] as const,
    registers,
  });
  const framesTotal = new Counter({
    name: 'passband_iq_frames_sent_total',
    help: 'IQ frames given to readers.',
    labelNames: ['station_id'] as const,
    registers,
  });
  const bytesTotal = new Counter({
    name: 'passband_iq_sent_bytes_total',
    help: 'Bytes of sample data given to readers.',
    labelNames: ['station_id'] as const,
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
    station: (station_id) => ({
      produced: (samples) => producedTotal.inc({ station_id }, samples),
      lost: (cause, samples) => lostTotal.inc({ station_id, cause }, samples),
      sent: (bytes) => {
        framesTotal.inc({ station_id });
        bytesTotal.inc({ station_id }, bytes);
      },
    }),
  };
}
