import type { X509Certificate } from 'node:crypto';
import type { Http2Session } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { PassbandError } from '../../errors.ts';
import { afterRunning } from '../../expiry.ts';
import { remoteAddress } from '../../remote-address.ts';
import { dropUnsent } from '../../unsent.ts';
import type { EdgeRequest } from './peer.ts';

/**
 * Milliseconds between the last answer of an HTTP/2 connection and its GOAWAY: there are clients that throw away what they
 * have not worked off when they read one.
 */
const SETTLE_MS = 50;

/** A connection whose TLS handshake is over, and the way to end it. */
export class EdgeConnection {
  /**
   * The verified leaf certificate. Undefined when there is none: a resumed TLS 1.3 session has been seen to call itself
   * authorized without.
   */
  readonly certificate: X509Certificate | undefined;
  /** Address of the other end, without port. */
  readonly address: string;
  /** Why it is cut for what its client sent; undefined while there is no such reason. */
  fault: PassbandError | undefined;
  private readonly socket: TLSSocket;
  private session: Http2Session | undefined;
  private running = 0;
  private isClosing = false;

  constructor(socket: TLSSocket) {
    this.socket = socket;
    this.certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
    this.address = remoteAddress(socket.remoteAddress);
  }

  /** Notes that HTTP/2 is spoken on it. */
  carries(session: Http2Session): void {
    this.session = session;
  }

  /** Notes a request that is being answered; the function that is returned is called when its answer is over. */
  begin(): () => void {
    this.running++;
    return () => {
      this.running--;
      if (this.isClosing && this.running === 0) this.letGo(SETTLE_MS);
    };
  }

  /** Takes nothing new, lets the answers that are under way come to their end, and cuts what is left after `withinMs`. */
  close(withinMs: number): void {
    if (this.isClosing) return;
    this.isClosing = true;
    this.socket.once(
      'close',
      afterRunning(withinMs, () => this.cut()),
    );
    if (this.running === 0) this.letGo(0);
  }

  /** Calls back when the connection is over. */
  onClose(listener: () => void): void {
    this.socket.once('close', listener);
  }

  private letGo(afterMs: number): void {
    const { session } = this;
    // Not destroyed: as long as it is ours it can be cut, with what its reader has not taken.
    if (session === undefined) this.socket.end();
    else setTimeout(() => session.close(), afterMs).unref();
  }

  private cut(): void {
    this.session?.destroy();
    dropUnsent(this.socket);
    this.socket.destroy();
  }
}

/** Connections by what requests know of them: the socket for HTTP/1.1, the session for HTTP/2. */
const connections = new WeakMap<object, EdgeConnection>();

/** Makes a connection known by its socket or session. */
export function remember(key: TLSSocket | Http2Session, connection: EdgeConnection): void {
  connections.set(key, connection);
}

/** The connection of a socket or session. */
export function connectionAt(key: object): EdgeConnection | undefined {
  return connections.get(key);
}

/** The connection of a request; undefined once an HTTP/2 session is over. */
export function connectionOf(request: EdgeRequest): EdgeConnection | undefined {
  const key = 'stream' in request ? request.stream.session : request.socket;
  return key === undefined ? undefined : connectionAt(key);
}
