import type { Socket } from 'node:net';

/** Connections that are kept free at most for whoever comes next; one more needs a place for a few milliseconds only. */
const MAX_RESERVE = 16;
/** Part of all connections that is kept free at most: a small listener needs its few for those who are in. */
const RESERVE_PART = 1 / 8;

/**
 * The connections whose TLS handshake is not over. Nobody knows yet who they are, so that no cap per holder counts them,
 * and whoever opens enough of them and says nothing would have every place until each one's time is up.
 *
 * While the last places are being taken, everyone who comes costs the handshake that has lasted longest its connection. An
 * honest one is over before as many have come as there are unfinished ones.
 */
export class UnfinishedHandshakes {
  /** By the far end, oldest first. */
  private readonly begun = new Map<string, Socket>();
  private readonly mostOpen: number;

  /** @param maxConnections what the listener takes in all. */
  constructor(maxConnections: number) {
    const reserve = Math.min(MAX_RESERVE, Math.floor(maxConnections * RESERVE_PART));
    this.mostOpen = maxConnections - Math.max(1, reserve);
  }

  /**
   * A connection has come.
   *
   * @param open how many there are, this one included.
   */
  begin(socket: Socket, open: number): void {
    if (open > this.mostOpen) this.cutOldest();
    const key = keyOf(socket);
    this.begun.set(key, socket);
    socket.once('close', () => {
      if (this.begun.get(key) === socket) this.begun.delete(key);
    });
  }

  /** The handshake of this connection, raw or wrapped in TLS, is over. */
  finish(socket: Socket): void {
    this.begun.delete(keyOf(socket));
  }

  private cutOldest(): void {
    for (const [key, socket] of this.begun) {
      this.begun.delete(key);
      socket.destroy();
      return;
    }
  }
}

/** The far end of a connection: the same for a socket and for the TLS socket around it, and nobody else's meanwhile. */
function keyOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
