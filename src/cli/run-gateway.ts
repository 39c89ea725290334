import { join } from 'node:path';
import type { Registry } from 'prom-client';
import type { Config } from '../config.ts';
import { type Descriptors, ERROR_DETAILS_PROTO, loadDescriptors, PASSBAND_PROTO } from '../descriptors.ts';
import { UsageError } from '../errors.ts';
import { createApp } from '../gateway/app.ts';
import { startListener } from '../gateway/edge/listener.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { Admission } from '../gateway/guard/admission.ts';
import { LiveStreams } from '../gateway/guard/live-streams.ts';
import type { Policy } from '../gateway/guard/policy.ts';
import { holderOf } from '../gateway/holder.ts';
import { PAGES } from '../gateway/pages.ts';
import { buildRouteTable, type RouteTable } from '../gateway/routes/table.ts';
import { statusDetails } from '../gateway/status-details.ts';
import { unreadableRequest } from '../gateway/unreadable-request.ts';
import { upstreamCalls } from '../gateway/upstream/call.ts';
import { openChannel } from '../gateway/upstream/channel.ts';
import { backendIsReady } from '../gateway/upstream/health.ts';
import { serviceConfig } from '../gateway/upstream/service-config.ts';
import { SharedStreams } from '../gateway/upstream/shared-streams.ts';
import { gatewayMetrics } from '../observability/gateway-metrics.ts';
import type { Log } from '../observability/log.ts';
import { loadTlsMaterial } from '../pki/store.ts';
import { gatewayPages } from './gateway-pages.ts';
import { knownMethods } from './known-methods.ts';
import { loadPolicy } from './policy.ts';

/** A running gateway. */
export interface RunningGateway {
  readonly port: number;
  readonly ready: () => Promise<boolean>;
  /** Open streams at this moment. */
  readonly streams: () => number;
  /**
   * Shuts down in order: accept nothing new, end streams with UNAVAILABLE, let running requests finish, close the
   * channel, cut what is left. At most `graceMs` long.
   */
  close(graceMs: number): Promise<void>;
}

/** Milliseconds between two looks at whether all requests are answered. */
const DRAIN_POLL_MS = 20;

/** Builds a gateway from its settings and starts it. Opens nothing before all that it reads is proven. */
export async function runGateway(config: Config, log: Log, registry: Registry): Promise<RunningGateway> {
  const descriptors = await loadDescriptors({
    paths: config.proto.length === 0 ? [PASSBAND_PROTO] : config.proto,
    includePaths: config.protoPath,
  });
  const errorTypes = await loadDescriptors({ paths: [ERROR_DETAILS_PROTO] });
  const table = buildRouteTable(descriptors);
  refuseHiddenRoutes(table);
  const policy = await gatewayPolicy(config, descriptors);
  const serverTls = await loadTlsMaterial(config.certs, 'server');
  const clientTls = await loadTlsMaterial(config.certs, 'gateway');

  const metrics = gatewayMetrics(registry);
  const live = new LiveStreams();
  const channel = openChannel({
    backend: config.backend,
    backendName: config.backendName,
    tls: clientTls,
    serviceConfig: serviceConfig(descriptors),
  });
  const upstream = upstreamCalls(channel, statusDetails(descriptors.root, errorTypes.root));
  const ready = (): Promise<boolean> => backendIsReady(upstream);
  const gateway: Gateway = {
    table,
    policy: () => policy,
    admission: new Admission(live),
    live,
    upstream,
    shared: new SharedStreams(),
    metrics,
    log,
    ready,
    limits: { maxBodyBytes: config.maxBodyBytes, timeoutMs: config.timeoutMs, maxTimeoutMs: config.maxTimeoutMs },
    pages: gatewayPages(
      descriptors,
      table,
      () => gateway,
      () => `https://localhost:${port}`,
    ),
  };
  let port = config.port;
  let active = 0;
  const app = createApp(gateway);
  const listener = await startListener(
    (request, response) => {
      active++;
      response.once('close', () => active--);
      app(request, response);
    },
    {
      host: config.host,
      port: config.port,
      tls: serverTls,
      maxConnections: config.maxConnections,
      maxConnectionsPerCn: config.maxConnectionsPerCn,
      holderOf,
      onUnreadable: unreadableRequest(log, metrics),
      events: {
        open: (count) => metrics.connections(count),
        refused: (reason, detail) => {
          metrics.connectionRefused(reason);
          log.debug({ reason, detail }, 'connection refused');
        },
      },
    },
  ).catch((error: unknown) => {
    channel.close();
    throw listenError(error, config);
  });
  port = listener.port;
  log.info(
    { host: config.host, port: listener.port, backend: config.backend, routes: table.routes.length },
    'gateway listens',
  );

  return {
    port: listener.port,
    ready,
    streams: () => live.size,
    close: async (graceMs) => {
      const until = Date.now() + graceMs;
      listener.stopAccepting();
      live.endAll({ code: 'UNAVAILABLE', message: 'the gateway is shutting down' });
      while (active > 0 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
      upstream.close();
      await listener.closeAll();
      log.info({ port: listener.port, cut: active }, 'gateway is closed');
    },
  };
}

/** The policy; where it is the certs folder's and the protos are others, a mistake in it is most likely that. */
async function gatewayPolicy(config: Config, descriptors: Descriptors): Promise<Policy> {
  const known = knownMethods(descriptors);
  if (config.policy !== undefined) return loadPolicy(config.policy, known);
  try {
    return await loadPolicy(join(config.certs, 'policy.yaml'), known);
  } catch (error) {
    if (!(error instanceof UsageError) || config.proto.length === 0) throw error;
    throw new UsageError(`${error.message}; name a policy for the protos of --proto with --policy`, { cause: error });
  }
}

/** The gateway's own pages come first; an RPC bound to exactly such a path could never be called. */
function refuseHiddenRoutes(table: RouteTable): void {
  for (const { method, httpMethod, template } of table.routes) {
    const path = `/${template.segments.map((segment) => (segment.kind === 'literal' ? segment.text : '*')).join('/')}`;
    if (template.verb === undefined && PAGES.some((page) => page.path === path)) {
      throw new UsageError(`${method.name} binds ${httpMethod} ${path}, which is a page of the gateway itself`);
    }
  }
}

function listenError(error: unknown, config: Config): unknown {
  const code = (error as { readonly code?: unknown } | null)?.code;
  if (code === 'EADDRINUSE') {
    return new UsageError(`port ${config.port} is in use; choose another with --port, or 0 for any free one`, {
      cause: error,
    });
  }
  if (code === 'EACCES')
    return new UsageError(`port ${config.port} needs more rights; choose one from 1024 up with --port`);
  if (code === 'EADDRNOTAVAIL') return new UsageError(`--host ${config.host} is no address of this machine`);
  return error;
}
