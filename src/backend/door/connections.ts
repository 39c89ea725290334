import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { remoteAddress } from '../../remote-address.ts';
import type { PeerChain } from '../../trust/trust.ts';
import { dropUnsent } from '../../unsent.ts';

/** Certificates of a peer that are looked at beside its own; longer chains than this lead nowhere that we believe. */
const MAX_INTERMEDIATES = 8;

/**
 * Milliseconds that a peer without standing has for being told why: its calls are answered with a status. What it holds
 * longer, others would be short of.
 */
export const REFUSED_PEER_MS = 1_000;

/**
 * Milliseconds between the end of a connection and cutting it. A peer that is behind still finds what was sent before the
 * end; of a connection that is cut it may find nothing, for what it sends itself is then answered with a reset.
 */
const FAREWELL_MS = 300;

/** The four numbers that tell one TCP connection from another, as grpc-js tells them of a call. */
export interface ConnectionEnds {
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

/** A TLS connection whose handshake is over. */
export interface Connection {
  /** What the peer proved itself with. */
  readonly chain: PeerChain;
  /** The peer's own certificate, DER. */
  readonly certificate: Buffer;
  /** Address of the other end, without port. */
  readonly remote: string;
  /**
   * Ends the connection after a while, for what is under way on it to get out, and cuts it FAREWELL_MS later if its peer
   * has not taken that by then: with all that the system still holds for it. The first call counts.
   */
  cut(afterMs: number): void;
  /** Names what speaks over it, which then says goodbye for it: its last words must go out before the connection's end. */
  spokenBy(session: Farewell): void;
}

/** What is used of an HTTP/2 session. */
export interface Farewell {
  /** Says that nothing more is taken, and ends the connection when nothing is under way. */
  close(): void;
  destroy(): void;
}

/** The connections that are open: what a call came over, and what is to be cut when a peer loses its standing. */
export class Connections {
  readonly #open = new Map<string, Connection>();

  /** Takes a connection on until it closes; undefined when the peer showed no certificate, or one that TLS refused. */
  add(socket: TLSSocket): Connection | undefined {
    const leaf = socket.getPeerX509Certificate();
    if (leaf === undefined || !socket.authorized || socket.destroyed) return undefined;
    let timer: NodeJS.Timeout | undefined;
    let session: Farewell | undefined;
    const connection: Connection = {
      chain: { leaf, intermediates: intermediatesOf(leaf) },
      certificate: leaf.raw,
      remote: remoteAddress(socket.remoteAddress),
      cut: (afterMs) => {
        timer ??= setTimeout(() => {
          if (session === undefined) socket.end();
          else session.close();
          timer = setTimeout(() => {
            session?.destroy();
            dropUnsent(socket);
            socket.destroy();
          }, FAREWELL_MS);
        }, afterMs);
      },
      spokenBy: (speaker) => {
        session = speaker;
      },
    };
    const key = keyOf(socket);
    this.#open.set(key, connection);
    socket.once('close', () => {
      clearTimeout(timer);
      // Another connection may have come to have the same ends.
      if (this.#open.get(key) === connection) this.#open.delete(key);
    });
    return connection;
  }

  /** The connection between these ends, shown to be the one by the certificate that came over it. */
  of(ends: ConnectionEnds, certificate: Uint8Array): Connection | undefined {
    const connection = this.#open.get(keyOf(ends));
    return connection?.certificate.equals(certificate) ? connection : undefined;
  }

  /** All of them, as they are now. */
  all(): readonly Connection[] {
    return [...this.#open.values()];
  }

  get size(): number {
    return this.#open.size;
  }
}

function keyOf({ localAddress, localPort, remoteAddress, remotePort }: ConnectionEnds): string {
  return `${localAddress} ${localPort} ${remoteAddress} ${remotePort}`;
}

/** What the peer sent behind its own certificate, in its order. */
function intermediatesOf(leaf: X509Certificate): readonly X509Certificate[] {
  const found: X509Certificate[] = [];
  for (let next = leaf.issuerCertificate; next !== undefined; next = next.issuerCertificate) {
    if (found.length === MAX_INTERMEDIATES) break;
    found.push(next);
  }
  return found;
}
