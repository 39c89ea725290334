import { constants } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls';
import type { Logger } from 'pino';
import { listenAddress } from '../../listen-address.ts';
import type { TlsMaterial } from '../../pki/tls-files.ts';
import { refusedCertificates } from '../../refused-certificates.ts';
import { handshakeAddress, remoteAddress } from '../../remote-address.ts';
import { tlsServerOptions } from '../../tls.ts';
import type { Material } from '../../trust/material.ts';
import type { Reloadable } from '../../trust/reloadable.ts';
import { UnfinishedHandshakes } from '../../unfinished-handshakes.ts';
import type { ConnectionMetrics } from '../metrics.ts';

/** Connections at a time; each costs some 100 KiB of TLS state. */
const MAX_CONNECTIONS = 1024;
/** Milliseconds a peer has for its TLS handshake. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

/** How to listen. */
export interface TlsDoorOptions {
  /** Address to listen on, such as `127.0.0.1` or `::`. */
  readonly host: string;
  /** TCP port; 0 takes a free one. */
  readonly port: number;
  readonly material: Reloadable<Material<'backend'>>;
  readonly log: Logger;
  readonly metrics: ConnectionMetrics;
  /** Connections at a time; 1024 unless told. */
  readonly maxConnections?: number;
  /** What is spoken: HTTP/2, which a peer must ask for by ALPN, unless told. */
  readonly protocol?: 'h2' | 'any';
  /** Takes a connection whose peer has shown a certificate that our CA signed, and speaks the protocol. */
  readonly onSecure: (socket: TLSSocket) => void;
  /** Says in the operator's words why the address could not be listened on; it is thrown as it is unless told. */
  readonly cannotListen?: (error: Error) => Error;
}

/** A listener for mutual TLS. */
export interface TlsDoor {
  readonly port: number;
  /** Accepts nothing more. */
  stopAccepting(): void;
  /** Cuts every connection, those included whose handshake is not over. */
  cutAll(): void;
}

/**
 * A TLS listener of our own in front of gRPC's HTTP/2 server. grpc-js has no limit on connections, would resolve the host
 * anew and listen on all that it finds, and a certificate that it is given anew takes its protocol versions and cipher
 * suites from defaults. Here every option is set again with each new certificate; connections that are open stay.
 */
export async function openTlsDoor(options: TlsDoorOptions): Promise<TlsDoor> {
  const { port, material, log, metrics, maxConnections = MAX_CONNECTIONS, protocol = 'h2' } = options;
  const sockets = new Set<Socket>();
  const unfinished = new UnfinishedHandshakes(maxConnections);
  const certificateRefused = refusedCertificates(log, 'a client certificate was refused');
  let shown = material.current().tls.backend;
  const server = createServer({
    ...serverOptions(shown),
    ...(protocol === 'h2' ? { ALPNProtocols: ['h2'] } : {}),
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    noDelay: true,
  });
  server.maxConnections = maxConnections;
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    unfinished.begin(socket, sockets.size);
    metrics.open(sockets.size);
    socket.on('error', () => {});
    socket.once('close', () => {
      sockets.delete(socket);
      metrics.open(sockets.size);
    });
  });
  server.on('drop', () => metrics.refused('total'));
  server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
    metrics.refused('handshake');
    // A certificate that was refused shows as a broken connection only; why is told by the socket.
    const certificateFault = socket.authorizationError;
    const facts = { remote: handshakeAddress(socket), reason: String(certificateFault ?? error.message) };
    if (certificateFault) certificateRefused(facts);
    else log.debug(facts, 'a TLS handshake failed');
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    unfinished.finish(socket);
    socket.on('error', () => {});
    // HTTP/2 without ALPN would be a guess; RFC 9113 section 3.2 asks for it.
    if (protocol === 'any' || socket.alpnProtocol === 'h2') options.onSecure(socket);
    else {
      metrics.refused('handshake');
      log.debug({ remote: remoteAddress(socket.remoteAddress), reason: 'no HTTP/2 by ALPN' }, 'a TLS handshake failed');
      socket.destroy();
    }
  });
  await listening(server, options);
  const follow = (): void => {
    const now = material.current().tls.backend;
    if (now === shown) return;
    shown = now;
    server.setSecureContext(serverOptions(now));
    log.info({ port }, 'new connections are shown the new certificate');
  };
  const forget = material.onChange(follow);
  // What changed while the listener was being opened was told to nobody.
  follow();
  // Such as too many open files: the next connection may find one.
  server.on('error', (error) => log.error({ err: error }, 'a connection could not be accepted'));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    stopAccepting: () => {
      forget();
      server.close();
    },
    cutAll: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

function listening(server: Server, { host, port, cannotListen = (error) => error }: TlsDoorOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (error: Error): void => reject(cannotListen(error));
    server.once('error', refuse);
    server.listen(listenAddress(host, port), () => {
      server.off('error', refuse);
      resolve();
    });
  });
}

/**
 * The options of every listener, without session tickets: peers are gateways and services that keep their connections, and
 * a resumed session would bring neither a verified chain nor the certificates between its own and an authority.
 */
function serverOptions(material: TlsMaterial): TlsOptions {
  const options = tlsServerOptions(material);
  return { ...options, secureOptions: (options.secureOptions ?? 0) | constants.SSL_OP_NO_TICKET };
}
