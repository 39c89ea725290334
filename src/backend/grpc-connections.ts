import type { TLSSocket } from 'node:tls';
import { type Server, ServerCredentials } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { Policy } from '../gateway/guard/policy.ts';
import type { Reloadable } from '../trust/reloadable.ts';
import { ConnectionShares, SHARE_IS_TAKEN } from './connection-shares.ts';
import { type Connection, type Connections, REFUSED_PEER_MS } from './connections.ts';
import type { Door } from './door.ts';
import type { ConnectionMetrics } from './metrics.ts';
import type { Rechecks } from './rechecks.ts';

/** Calls on one connection at a time. A gateway carries all of its clients over a few connections. */
const MAX_STREAMS_PER_CONNECTION = 1024;
/** Bytes a peer may send on one stream ahead of us: 64 KiB would slow a pushing producer down to a third. */
const STREAM_WINDOW_BYTES = 8 * 1024 * 1024;
/** Options of a gRPC server whose connections are taken by takeConnections. */
export const HTTP2_OPTIONS = { 'grpc.max_concurrent_streams': MAX_STREAMS_PER_CONNECTION } as const;

/** Where connections are known. */
export interface ConnectionRecords {
  readonly connections: Connections;
  readonly rechecks: Rechecks;
  readonly door: Door;
  readonly policy: Reloadable<Policy>;
  readonly log: Logger;
  readonly metrics: ConnectionMetrics;
}

/**
 * Makes a gRPC server take connections whose TLS is done already. It sees the socket for what it is, so that the peer's
 * certificate is a call's as ever.
 */
export function takeConnections(server: Server, records: ConnectionRecords): (socket: TLSSocket) => void {
  const { connections, rechecks, door, policy, log, metrics } = records;
  setWindow(server);
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const shares = new ConnectionShares(policy);
  const refuse = ({ remote, chain }: Connection, label: 'peer' | 'per_cn', reason: string): void => {
    metrics.refused(label);
    log.warn({ remote, serial: chain.leaf.serialNumber.toLowerCase(), reason }, 'a peer was refused');
  };
  return (socket) => {
    const connection = connections.add(socket);
    if (connection === undefined) {
      metrics.refused('handshake');
      socket.destroy();
      return;
    }
    const fault = door.connectionFault(connection, Date.now());
    const leave = shares.take(connection, fault === undefined);
    if (leave === undefined) {
      refuse(connection, 'per_cn', SHARE_IS_TAKEN);
      socket.destroy();
      return;
    }
    socket.once('close', leave);
    if (fault === undefined) socket.once('close', rechecks.watch(connection));
    else {
      refuse(connection, 'peer', fault.publicMessage);
      connection.cut(REFUSED_PEER_MS);
    }
    injector.injectConnection(socket);
  };
}

/**
 * grpc-js offers the receive window as an option for clients only; HTTP2_OPTIONS has made it keep settings, to which this
 * adds. Were they no longer where they are, streams of producers would be slower, and a test would say so.
 */
function setWindow(server: Server): void {
  const settings: unknown = Reflect.get(Object(Reflect.get(server, 'commonServerOptions')), 'settings');
  if (typeof settings === 'object' && settings !== null) {
    Object.assign(settings, { initialWindowSize: STREAM_WINDOW_BYTES });
  }
}
