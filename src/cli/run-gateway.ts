import type { Registry } from 'prom-client';
import { logged } from '../audit/logged.ts';
import type { Config } from '../config.ts';
import type { Descriptors } from '../descriptors.ts';
import { createApp } from '../gateway/app.ts';
import { Callers } from '../gateway/callers.ts';
import { startListener } from '../gateway/edge/listener.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { Admission } from '../gateway/guard/admission.ts';
import { holderOf } from '../gateway/guard/holder.ts';
import { LiveConnections } from '../gateway/guard/live-connections.ts';
import { LiveStreams } from '../gateway/guard/live-streams.ts';
import type { Policy } from '../gateway/guard/policy.ts';
import { ownIdentity } from '../gateway/own-identity.ts';
import { refusedConnection } from '../gateway/refused-connection.ts';
import { refusedGateway } from '../gateway/refused-gateway.ts';
import { statusDetails } from '../gateway/status-details.ts';
import { unreadableRequest } from '../gateway/unreadable-request.ts';
import { BackendPeers } from '../gateway/upstream/backend-peers.ts';
import { upstreamCalls } from '../gateway/upstream/call.ts';
import { openChannel } from '../gateway/upstream/channel.ts';
import { backendIsReady } from '../gateway/upstream/health.ts';
import { RotatingUpstream } from '../gateway/upstream/rotating.ts';
import { serviceConfig } from '../gateway/upstream/service-config.ts';
import { SharedStreams } from '../gateway/upstream/shared-streams.ts';
import { listenError } from '../listen-error.ts';
import { gatewayMetrics } from '../observability/gateway-metrics.ts';
import type { Log } from '../observability/log.ts';
import { trustMetrics } from '../observability/trust-metrics.ts';
import { watchExpiry } from '../trust/expiry-watch.ts';
import { startOcspRounds } from '../trust/ocsp-rounds.ts';
import { watchOwnRevocation } from '../trust/own-revocation.ts';
import type { Trust } from '../trust/trust.ts';
import { VERSION } from '../version.ts';
import { followChanges, judgeBackend } from './follow-changes.ts';
import { gatewayPages } from './gateway-pages.ts';
import { openAudit } from './open-audit.ts';
import { GATEWAY_PAIRS, type GatewayFiles, gatewayPolicy, policyFile, readGatewayFiles } from './proven-files.ts';
import { ocspChecker, openMaterial, openPolicy } from './reloadables.ts';

/** A running gateway. */
export interface RunningGateway {
  readonly port: number;
  readonly ready: () => Promise<boolean>;
  /** Open streams at this moment. */
  readonly streams: () => number;
  /** Reads policy, certificates and revocation lists again now; false when something of it cannot be used. */
  reload(): Promise<boolean>;
  /**
   * Shuts down in order: accept nothing new, end streams with UNAVAILABLE, let running requests finish, close the
   * channel, cut what is left. At most `graceMs` long.
   */
  close(graceMs: number): Promise<void>;
}

/** Milliseconds between two looks at whether all requests are answered. */
const DRAIN_POLL_MS = 20;

/**
 * Builds a gateway from its settings and starts it. Opens nothing before all that it reads is proven.
 *
 * @param files what it reads, where the caller has read it already.
 */
export async function runGateway(
  config: Config,
  log: Log,
  registry: Registry,
  files?: GatewayFiles,
): Promise<RunningGateway> {
  const { descriptors, errorTypes, table } = files ?? (await readGatewayFiles(config));
  const metrics = gatewayMetrics(registry);
  const filesMetrics = trustMetrics(registry);
  const readPolicy = (): Promise<Policy> => gatewayPolicy(config, descriptors);
  const policy = await openPolicy(policyFile(config), readPolicy, log, filesMetrics.outcome('policy'));
  const material = await openMaterial(config, GATEWAY_PAIRS, log, filesMetrics.outcome('certificates')).catch(
    (error: unknown) => {
      policy.close();
      throw error;
    },
  );
  const observers = { log, metrics: filesMetrics };
  const unwatch = [watchExpiry(material, observers), watchOwnRevocation(material, observers)];
  const trust = (): Trust => material.current().trust;
  const live = new LiveStreams();
  const connections = new LiveConnections({
    policy: () => policy.current(),
    trust,
    onRecheck: (ended) => log.info(ended, 'ended what has lost its right'),
    onMoment: () => judgeBackend(upstream, log),
  });
  const details = statusDetails(descriptors.root, errorTypes.root);
  const upstream = new RotatingUpstream(() => {
    const peers = new BackendPeers(trust, () => judgeBackend(upstream, log));
    const tls = material.current().tls.gateway;
    const channel = openChannel({
      backend: config.backend,
      backendName: config.backendName,
      tls,
      serviceConfig: serviceConfig(descriptors),
      peers,
    });
    return { peers, calls: upstreamCalls(channel, details, refusedGateway({ log, metrics }, tls)) };
  });
  let stopRounds = (): void => {};
  const closeFiles = (): void => {
    stopRounds();
    for (const end of unwatch) end();
    policy.close();
    material.close();
    connections.stop();
  };
  const ready = (): Promise<boolean> => backendIsReady(upstream, ownIdentity(material.current().tls.gateway.certPem));
  const journal = await openAudit(config, 'gateway', log, registry).catch((error: unknown) => {
    closeFiles();
    throw error;
  });
  const audit = logged(journal, log);
  const ocsp = ocspChecker(config, log, filesMetrics);
  const callers = new Callers({ trust, connections, audit, ocsp });
  if (ocsp !== undefined)
    stopRounds = startOcspRounds(
      () => connections.all(),
      (connection) => callers.askAgain(connection),
    );
  const gateway: Gateway = {
    table,
    policy: () => policy.current(),
    callers,
    admission: new Admission(live),
    live,
    upstream,
    shared: new SharedStreams(),
    metrics,
    log,
    audit,
    ready,
    limits: { maxBodyBytes: config.maxBodyBytes, timeoutMs: config.timeoutMs, maxTimeoutMs: config.maxTimeoutMs },
    pages: gatewayPages(descriptors, table, () => gateway, {
      ...apiNames(config, descriptors),
      serverUrl: () => `https://localhost:${port}`,
    }),
  };
  let port = config.port;
  let active = 0;
  const app = createApp(gateway);
  const started = material.current();
  const listener = await startListener(
    (request, response) => {
      active++;
      response.once('close', () => active--);
      app(request, response);
    },
    {
      host: config.host,
      port: config.port,
      tls: started.tls.server,
      maxConnections: config.maxConnections,
      maxConnectionsPerCn: config.maxConnectionsPerCn,
      holderOf,
      onUnreadable: unreadableRequest(log, metrics),
      events: {
        open: (count) => metrics.connections(count),
        connected: (connection) => callers.connected(connection),
        refused: refusedConnection({ log, metrics, audit }),
      },
    },
  ).catch(async (error: Error) => {
    upstream.close();
    closeFiles();
    await audit.close();
    const { host, port } = config;
    throw listenError(error, { who: 'the gateway', host, port, hostSetting: 'host', portSetting: 'port' });
  });
  port = listener.port;
  followChanges(material, policy, { listener, connections, upstream, log }, started);
  log.info(
    { host: config.host, port: listener.port, backend: config.backend, routes: table.routes.length },
    'gateway listens',
  );

  return {
    port: listener.port,
    ready,
    streams: () => live.size,
    reload: async () => {
      const outcomes = await Promise.all([material.reload(), policy.reload()]);
      return outcomes.every(Boolean);
    },
    close: async (graceMs) => {
      const until = Date.now() + graceMs;
      listener.stopAccepting();
      live.endAll({ code: 'UNAVAILABLE', message: 'the gateway is shutting down' });
      while (active > 0 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
      upstream.close();
      await listener.closeAll();
      closeFiles();
      await audit.close();
      log.info({ port: listener.port, cut: active }, 'gateway is closed');
    },
  };
}

/** What the API description calls the API: our own by our name, another by the names of its services. */
function apiNames(config: Config, { services }: Descriptors): { readonly title: string; readonly version: string } {
  if (config.proto.length === 0) return { title: 'Passband', version: VERSION };
  return { title: services.map(({ name }) => name).join(', '), version: '0.0.0' };
}
