import { createServer, type Socket } from 'node:net';
import type { Logger } from 'pino';
import { listenAddress } from '../../listen-address.ts';
import type { TlsDoor } from '../door/tls-door.ts';
import type { ConnectionMetrics } from '../metrics.ts';

/** How to listen. */
export interface PlainDoorOptions {
  readonly host: string;
  /** TCP port; 0 takes a free one. */
  readonly port: number;
  /** Connections at a time. */
  readonly maxConnections: number;
  readonly log: Logger;
  readonly metrics: Pick<ConnectionMetrics, 'refused'>;
  readonly onConnection: (socket: Socket) => void;
}

/** A TCP listener without TLS: for programs of this machine alone. */
export async function openPlainDoor(options: PlainDoorOptions): Promise<TlsDoor> {
  const { host, port, maxConnections, log, metrics, onConnection } = options;
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true, keepAlive: true });
  server.maxConnections = maxConnections;
  server.on('drop', () => metrics.refused('total'));
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listenAddress(host, port), () => {
      server.off('error', reject);
      resolve();
    });
  });
  server.on('error', (error) => log.error({ err: error }, 'a connection could not be accepted'));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    stopAccepting: () => void server.close(),
    cutAll: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}
