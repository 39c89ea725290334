import type { TLSSocket } from 'node:tls';
import type { Logger } from 'pino';
import type { PassbandError } from '../../errors.ts';
import type { Policy } from '../../gateway/guard/policy.ts';
import type { Reloadable } from '../../trust/reloadable.ts';
import type { ConnectionMetrics } from '../metrics.ts';
import { ConnectionShares, SHARE_IS_TAKEN } from './connection-shares.ts';
import type { Connection, Connections } from './connections.ts';
import type { Door } from './door.ts';
import type { Rechecks } from './rechecks.ts';

/** Where connections are known. */
export interface ConnectionRecords {
  readonly connections: Connections;
  readonly rechecks: Rechecks;
  readonly door: Door;
  readonly policy: Reloadable<Policy>;
  readonly log: Logger;
  readonly metrics: ConnectionMetrics;
}

/** A connection that is known from now on. */
export interface AdmittedConnection {
  readonly connection: Connection;
  /** Why it is of no use to its peer; undefined when it may be. It is not cut for that here. */
  readonly fault: PassbandError | undefined;
}

/** Takes a connection on; undefined when it was refused and is gone. */
export type AdmitConnection = (socket: TLSSocket) => AdmittedConnection | undefined;

/**
 * What every connection passes through whose TLS handshake is over, whatever is spoken on it: from then on it is known,
 * counted to its holder's share, and looked after until it closes.
 */
export function admitConnections(records: ConnectionRecords): AdmitConnection {
  const { connections, rechecks, door, policy, log, metrics } = records;
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
      return undefined;
    }
    const fault = door.connectionFault(connection, Date.now());
    const leave = shares.take(connection, fault === undefined);
    if (leave === undefined) {
      refuse(connection, 'per_cn', SHARE_IS_TAKEN);
      socket.destroy();
      return undefined;
    }
    socket.once('close', leave);
    if (fault === undefined) socket.once('close', rechecks.watch(connection));
    else refuse(connection, 'peer', fault.publicMessage);
    return { connection, fault };
  };
}
