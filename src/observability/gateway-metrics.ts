import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Code } from '../errors.ts';

/** Seconds; from a cache hit to a call that waits out its default deadline. */
const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** HTTP methods that may be a label; OpenTelemetry's semantic conventions call all others `_OTHER`. */
const METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  'PATCH',
]);

/** What the gateway counts. Labels are RPCs, route templates, statuses and formats: sets that no client can make grow. */
export interface GatewayMetrics {
  request(
    labels: { readonly method: string; readonly route: string; readonly status: number; readonly code: Code },
    seconds: number,
  ): void;
  streamStarted(rpc: string, format: string): void;
  streamEnded(rpc: string, format: string): void;
  frame(rpc: string, format: string, bytes: number): void;
  dropped(rpc: string, messages: number): void;
  denied(rpc: string): void;
  connections(open: number): void;
  connectionRefused(reason: 'total' | 'per_cn' | 'handshake'): void;
  /** The backend refused a call since it does not accept this gateway. */
  gatewayRefused(): void;
}

/** Metrics on a registry, named after OpenTelemetry's HTTP conventions where those have a name. */
export function gatewayMetrics(registry: Registry): GatewayMetrics {
  const registers = [registry];
  const duration = new Histogram({
    name: 'http_server_request_duration_seconds',
    help: 'Duration of HTTP requests, streams included, by route template.',
    labelNames: ['http_request_method', 'http_route', 'http_response_status_code', 'rpc_grpc_status'] as const,
    buckets: DURATION_BUCKETS,
    registers,
  });
  const active = new Gauge({
    name: 'passband_streams_active',
    help: 'Streams that are open.',
    labelNames: ['rpc', 'format'] as const,
    registers,
  });
  const frames = new Counter({
    name: 'passband_stream_frames_total',
    help: 'Messages written to readers of streams.',
    labelNames: ['rpc', 'format'] as const,
    registers,
  });
  const bytes = new Counter({
    name: 'passband_stream_bytes_total',
    help: 'Bytes written to readers of streams, before TLS.',
    labelNames: ['rpc', 'format'] as const,
    registers,
  });
  const drops = new Counter({
    name: 'passband_stream_dropped_frames_total',
    help: 'Messages that the gateway dropped for readers that were too slow.',
    labelNames: ['rpc'] as const,
    registers,
  });
  const denials = new Counter({
    name: 'passband_denied_total',
    help: 'Requests that the policy denied.',
    labelNames: ['rpc'] as const,
    registers,
  });
  const open = new Gauge({ name: 'passband_connections_open', help: 'TLS connections that are open.', registers });
  const refused = new Counter({
    name: 'passband_connections_refused_total',
    help: 'Connections refused by a cap or lost in the handshake.',
    labelNames: ['reason'] as const,
    registers,
  });
  const refusals = new Counter({
    name: 'passband_gateway_refused_total',
    help: 'Calls that the backend refused since it does not accept this gateway.',
    registers,
  });
  return {
    request: ({ method, route, status, code }, seconds) =>
      duration.observe(
        {
          http_request_method: METHODS.has(method) ? method : '_OTHER',
          http_route: route,
          http_response_status_code: String(status),
          rpc_grpc_status: code,
        },
        seconds,
      ),
    streamStarted: (rpc, format) => active.inc({ rpc, format }),
    streamEnded: (rpc, format) => active.dec({ rpc, format }),
    frame: (rpc, format, size) => {
      frames.inc({ rpc, format });
      bytes.inc({ rpc, format }, size);
    },
    dropped: (rpc, messages) => drops.inc({ rpc }, messages),
    denied: (rpc) => denials.inc({ rpc }),
    connections: (count) => open.set(count),
    connectionRefused: (reason) => refused.inc({ reason }),
    gatewayRefused: () => refusals.inc(),
  };
}
