import type { RequestListener } from 'node:http';
import { createSecureServer, type Http2SecureServer, type Http2Session } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { listenAddress } from '../../listen-address.ts';
import type { TlsMaterial } from '../../pki/store.ts';
import { tlsServerOptions } from '../../tls.ts';
import { ConnectionCount } from './connection-count.ts';
import { headerExcess, MAX_HEADER_BYTES } from './header-caps.ts';
import { type OnUnreadable, UnreadableRequests } from './unreadable.ts';

/** Milliseconds for a TLS handshake; a slower one holds a place that others wait for. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Milliseconds until the headers of a request are complete. */
export const HEADERS_TIMEOUT_MS = 10_000;
/** Milliseconds that an idle HTTP/1.1 connection is kept; longer than common proxies keep theirs idle. */
const KEEP_ALIVE_MS = 65_000;
/** Milliseconds that an HTTP/2 connection without streams is kept. */
const IDLE_SESSION_MS = 120_000;
/**
 * Headers of an HTTP/2 request beyond which its stream is reset and no answer given: room for the four pseudo-headers, and
 * for a client that is a little over the cap to be told so.
 */
const MAX_HEADER_PAIRS = 200;
/** Streams that one HTTP/2 connection may have open: twelve dashboards with eight streams each. */
const MAX_CONCURRENT_STREAMS = 100;

/** What the listener tells of itself. */
export interface ListenerEvents {
  open(connections: number): void;
  refused(reason: 'total' | 'per_cn' | 'handshake', detail: string): void;
}

/** How to listen. */
export interface ListenerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly tls: TlsMaterial;
  readonly maxConnections: number;
  readonly maxConnectionsPerCn: number;
  /** Names the holder of a certificate (DER), any certificate, for the cap per holder. */
  readonly holderOf: (certificate: Uint8Array) => string;
  readonly events: ListenerEvents;
  /** Answers a request that breaks the syntax, the size or the time of HTTP before a handler could see it. */
  readonly onUnreadable: OnUnreadable;
  readonly handshakeTimeoutMs?: number;
  readonly headersTimeoutMs?: number;
}

/** A running HTTPS listener. */
export interface Listener {
  readonly port: number;
  /** Refuses new connections and lets HTTP/2 peers know; running requests go on. */
  stopAccepting(): void;
  /** Cuts every connection. */
  closeAll(): Promise<void>;
}

/**
 * The HTTPS listener: HTTP/1.1 and HTTP/2 by ALPN on one port, a verified client certificate on every connection, time
 * and size limits on everything that a peer can send before it is anybody.
 */
export async function startListener(handler: RequestListener, options: ListenerOptions): Promise<Listener> {
  const server = createSecureServer({
    ...tlsServerOptions(options.tls),
    allowHTTP1: true,
    handshakeTimeout: options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS,
    maxHeaderListPairs: MAX_HEADER_PAIRS,
    settings: { maxConcurrentStreams: MAX_CONCURRENT_STREAMS, maxHeaderListSize: MAX_HEADER_BYTES, enablePush: false },
    unknownProtocolTimeout: HANDSHAKE_TIMEOUT_MS,
  });
  const headersTimeout = options.headersTimeoutMs ?? HEADERS_TIMEOUT_MS;
  // As properties: an HTTP/2 server takes these as options in Node 24, and passes them over in Node 22.
  Object.assign(server, {
    headersTimeout,
    // Request streams may take hours; bodies have their own time limits where they are read.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    // The handler refuses such a request itself, with a document that says why.
    requireHostHeader: false,
    connectionsCheckingInterval: Math.min(1_000, headersTimeout),
  });
  server.maxConnections = options.maxConnections;

  const sockets = new Set<Socket>();
  const sessions = new Set<Http2Session>();
  const perHolder = new ConnectionCount(options.maxConnectionsPerCn);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    options.events.open(sockets.size);
    socket.on('error', () => {});
    socket.once('close', () => {
      sockets.delete(socket);
      options.events.open(sockets.size);
    });
  });
  server.on('drop', () => options.events.refused('total', `more than ${options.maxConnections} connections`));
  server.on('secureConnection', (socket: TLSSocket) => {
    socket.on('error', () => {});
    const certificate = socket.getPeerX509Certificate();
    // A resumed session has been seen to bring no certificate; all of those together have one share.
    const holder = certificate === undefined ? '' : options.holderOf(certificate.raw);
    if (!perHolder.take(holder)) {
      options.events.refused('per_cn', `more than ${options.maxConnectionsPerCn} connections of one holder`);
      socket.destroy();
      return;
    }
    socket.once('close', () => perHolder.release(holder));
  });
  server.on('session', (session: Http2Session) => {
    sessions.add(session);
    session.on('error', () => {});
    session.setTimeout(IDLE_SESSION_MS, () => session.close());
    session.once('close', () => sessions.delete(session));
  });
  server.on('tlsClientError', (error: Error, socket: TLSSocket) =>
    // A certificate that was refused shows as a broken connection only; why is told by the socket.
    options.events.refused('handshake', String(socket.authorizationError ?? error.message)),
  );
  const unreadable = new UnreadableRequests(options.onUnreadable);
  server.on('clientError', (error: Error, socket: TLSSocket) => unreadable.refuse(error, socket));
  const onRequest: RequestListener = (request, response) => {
    unreadable.watch(request, response);
    const excess = headerExcess(request.rawHeaders);
    if (excess === undefined) handler(request, response);
    else unreadable.answer(excess, request, response);
  };
  server.on('request', onRequest as Parameters<Http2SecureServer['on']>[1]);
  // An expectation that nobody here knows may be passed over (RFC 9110 section 10.1.1).
  server.on('checkExpectation', onRequest as Parameters<Http2SecureServer['on']>[1]);

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listenAddress(options.host, options.port), () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    stopAccepting: () => {
      server.close();
      for (const session of sessions) session.close();
    },
    closeAll: () =>
      new Promise((resolve) => {
        if (!server.listening && sockets.size === 0) return resolve();
        server.once('close', () => resolve());
        server.close();
        for (const session of sessions) session.destroy();
        for (const socket of sockets) socket.destroy();
      }),
  };
}
