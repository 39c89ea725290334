import type { Socket } from 'node:net';

/** Milliseconds that a handshake has once nobody finds a place any more; an honest one takes some hundredths of it. */
export const CROWDED_HANDSHAKE_MS = 1_000;

/**
 * The connections whose TLS handshake is not over. Nobody knows yet who they are, so no cap per holder counts them, and
 * whoever opens enough of them and says nothing would have every place until each one's time is up.
 */
export class UnfinishedHandshakes {
  private readonly begun = new Map<string, { readonly socket: Socket; readonly sinceMs: number }>();

  /** A connection has come. */
  begin(socket: Socket): void {
    const key = keyOf(socket);
    this.begun.set(key, { socket, sinceMs: performance.now() });
    socket.once('close', () => this.begun.delete(key));
  }

  /** The handshake of this connection, raw or wrapped in TLS, is over. */
  finish(socket: Socket): void {
    this.begun.delete(keyOf(socket));
  }

  /** Somebody found no place: cuts every connection whose handshake has had its time. */
  makeRoom(): void {
    const latestMs = performance.now() - CROWDED_HANDSHAKE_MS;
    for (const { socket, sinceMs } of this.begun.values()) if (sinceMs <= latestMs) socket.destroy();
  }
}

/** The far end of a connection: the same for a socket and for the TLS socket around it, and nobody else's meanwhile. */
function keyOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
