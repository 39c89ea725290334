import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { listenError } from '../listen-error.ts';

/** Connections of the probe listener; it serves a scraper and an orchestrator. */
const MAX_CONNECTIONS = 32;
/** Milliseconds for headers and request of a probe. */
const PROBE_TIMEOUT_MS = 5_000;

/** A running probe listener. */
export interface Probes {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * The plain HTTP listener for probes, on loopback unless told otherwise: `/metrics` (Prometheus), `/healthz` (the
 * process lives) and `/readyz` (it can serve). Nothing else is reachable without a certificate.
 */
export async function startProbes(options: {
  readonly host: string;
  readonly port: number;
  readonly registry: Registry;
  readonly ready: () => Promise<boolean>;
}): Promise<Probes> {
  const server = createServer(
    { headersTimeout: PROBE_TIMEOUT_MS, requestTimeout: PROBE_TIMEOUT_MS, keepAliveTimeout: PROBE_TIMEOUT_MS },
    (request, response) => {
      const answer = async (): Promise<readonly [number, string, string]> => {
        if (request.method !== 'GET' && request.method !== 'HEAD') return [405, 'text/plain', 'method not allowed\n'];
        if (request.url === '/metrics') return [200, options.registry.contentType, await options.registry.metrics()];
        if (request.url === '/healthz') return [200, 'text/plain', 'ok\n'];
        if (request.url === '/readyz') {
          return (await options.ready()) ? [200, 'text/plain', 'ok\n'] : [503, 'text/plain', 'not ready\n'];
        }
        return [404, 'text/plain', 'not found\n'];
      };
      answer()
        .catch((): readonly [number, string, string] => [500, 'text/plain', 'failed\n'])
        .then(([status, type, body]) => {
          response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
          response.end(request.method === 'HEAD' ? undefined : body);
        });
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  const { host, port } = options;
  await new Promise<void>((resolve, reject) => {
    const refuse = (error: Error): void => {
      const settings = { hostSetting: 'metrics-host', portSetting: 'metrics-port' };
      reject(listenError(error, { who: 'the listener of metrics and probes', host, port, ...settings }));
    };
    server.once('error', refuse);
    server.listen(port, host, () => {
      server.off('error', refuse);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
