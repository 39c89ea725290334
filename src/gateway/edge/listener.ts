import { randomBytes, type X509Certificate } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { createSecureServer, type Http2SecureServer, type Http2Session } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { ConnectionCount } from '../../connection-count.ts';
import { listenAddress } from '../../listen-address.ts';
import type { TlsMaterial } from '../../pki/tls-files.ts';
import { handshakeAddress, remoteAddress } from '../../remote-address.ts';
import { tlsServerOptions } from '../../tls.ts';
import { UnfinishedHandshakes } from '../../unfinished-handshakes.ts';
import { connectionAt, connectionOf, EdgeConnection, remember } from './connection.ts';
import { framingFault } from './framing.ts';
import { headerExcess, MAX_HEADER_BYTES } from './header-caps.ts';
import { closeWhenIdle } from './idle-session.ts';
import { PipelinedRequests } from './pipelining.ts';
import { type OnUnreadable, UnreadableRequests } from './unreadable.ts';
import { STREAM_WINDOW_BYTES, widenConnection } from './upload-windows.ts';

/** Milliseconds for a TLS handshake; a slower one holds a place that others wait for. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Milliseconds until the headers of a request are complete. */
export const HEADERS_TIMEOUT_MS = 10_000;
/** Milliseconds that an idle HTTP/1.1 connection is kept; longer than common proxies keep theirs idle. */
const KEEP_ALIVE_MS = 65_000;
/**
 * Headers of an HTTP/2 request beyond which its stream is reset and no answer given: room for the four pseudo-headers, and
 * for a client that is a little over the cap to be told so.
 */
const MAX_HEADER_PAIRS = 200;
/** Streams that one HTTP/2 connection may have open: twelve dashboards with eight streams each. */
const MAX_CONCURRENT_STREAMS = 100;

/** Bytes of the keys that TLS session tickets are sealed with, as OpenSSL takes them. */
const TICKET_KEY_BYTES = 48;
/**
 * Milliseconds after which these keys are made anew: whoever learns one can read what was recorded of resumed sessions
 * (RFC 9325 section 3.4 has them changed regularly, say once a week).
 */
const TICKET_KEY_LIFETIME_MS = 24 * 60 * 60 * 1000;

/** What the listener tells of itself. */
export interface ListenerEvents {
  open(connections: number): void;
  /** A connection whose handshake is over and that has a place. */
  connected?(connection: EdgeConnection): void;
  refused(reason: 'total' | 'per_cn' | 'handshake', refusal: Refusal): void;
}

/** What is known of a connection that was refused. */
export interface Refusal {
  /** Why, for the log. */
  readonly detail: string;
  /** Address of the other end, without port; empty when it is not known. */
  readonly remote: string;
  /** The verified certificate that it showed; undefined without one. */
  readonly certificate?: X509Certificate | undefined;
  /** Whether it showed a certificate that was refused. */
  readonly isOfCertificate?: boolean;
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
  readonly idleSessionMs?: number;
}

/** A running HTTPS listener. */
export interface Listener {
  readonly port: number;
  /**
   * Shows another certificate and believes another CA bundle, from the next handshake on. Connections that are open stay.
   *
   * @param forgetSessions whether sessions that were begun before can no longer be resumed.
   */
  replaceTls(tls: TlsMaterial, forgetSessions: boolean): void;
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
  let ticketKeys = randomBytes(TICKET_KEY_BYTES);
  const server = createSecureServer({
    ...tlsServerOptions(options.tls),
    ticketKeys,
    allowHTTP1: true,
    handshakeTimeout: options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS,
    maxHeaderListPairs: MAX_HEADER_PAIRS,
    settings: {
      maxConcurrentStreams: MAX_CONCURRENT_STREAMS,
      maxHeaderListSize: MAX_HEADER_BYTES,
      initialWindowSize: STREAM_WINDOW_BYTES,
      enablePush: false,
    },
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
  const unfinished = new UnfinishedHandshakes(options.maxConnections);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    unfinished.begin(socket, sockets.size);
    options.events.open(sockets.size);
    socket.on('error', () => {});
    socket.once('close', () => {
      sockets.delete(socket);
      options.events.open(sockets.size);
    });
  });
  server.on('drop', (from) =>
    options.events.refused('total', {
      detail: `more than ${options.maxConnections} connections`,
      remote: remoteAddress(from?.remoteAddress),
    }),
  );
  let latest: EdgeConnection | undefined;
  // In front of Node's own listener, which makes the HTTP/2 session and tells of it before it returns.
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    unfinished.finish(socket);
    latest = new EdgeConnection(socket);
    remember(socket, latest);
  });
  // And behind it: by then there is a session that can be told of the end.
  server.on('secureConnection', (socket: TLSSocket) => {
    socket.on('error', () => {});
    const connection = connectionAt(socket);
    if (connection === undefined) return;
    // All that bring no certificate have one share together.
    const holder = connection.certificate === undefined ? '' : options.holderOf(connection.certificate.raw);
    if (!perHolder.take(holder)) {
      options.events.refused('per_cn', {
        detail: `more than ${options.maxConnectionsPerCn} connections of one holder`,
        remote: connection.address,
        certificate: connection.certificate,
      });
      socket.destroy();
      return;
    }
    socket.once('close', () => perHolder.release(holder));
    options.events.connected?.(connection);
  });
  server.on('session', (session: Http2Session) => {
    sessions.add(session);
    if (latest !== undefined) {
      latest.carries(session);
      remember(session, latest);
    }
    session.on('error', () => {});
    widenConnection(session);
    closeWhenIdle(session, options.idleSessionMs);
    session.once('close', () => sessions.delete(session));
  });
  server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
    // A certificate that was refused shows as a broken connection only; why is told by the socket.
    const certificateFault: unknown = socket.authorizationError;
    options.events.refused('handshake', {
      detail: String(certificateFault ?? error.message),
      remote: handshakeAddress(socket),
      isOfCertificate: Boolean(certificateFault),
    });
  });
  const unreadable = new UnreadableRequests(options.onUnreadable);
  const serve: RequestListener = (request, response) => {
    const over = connectionOf(request)?.begin();
    if (over !== undefined) response.once('close', over);
    const fault = framingFault(request) ?? headerExcess(request.rawHeaders);
    if (fault === undefined) handler(request, response);
    else unreadable.answer(fault, request, response);
  };
  const pipelined = new PipelinedRequests(serve, (socket) => unreadable.tooMany(socket));
  const onRequest: RequestListener = (request, response) => {
    if ('stream' in request) serve(request, response);
    else pipelined.take(request, response);
  };
  server.on('clientError', (error: Error, socket: TLSSocket) =>
    unreadable.refuse(error, socket, pipelined.owes(socket)),
  );
  server.on('request', onRequest as Parameters<Http2SecureServer['on']>[1]);
  // An expectation that nobody here knows may be passed over (RFC 9110 section 10.1.1).
  server.on('checkExpectation', onRequest as Parameters<Http2SecureServer['on']>[1]);

  const renewTicketKeys = (): void => {
    ticketKeys = randomBytes(TICKET_KEY_BYTES);
    server.setTicketKeys(ticketKeys);
  };
  const ticketTimer = setInterval(renewTicketKeys, TICKET_KEY_LIFETIME_MS).unref();
  server.once('close', () => clearInterval(ticketTimer));

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listenAddress(options.host, options.port), () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    replaceTls: (tls, forgetSessions) => {
      if (forgetSessions) renewTicketKeys();
      server.setSecureContext({ ...tlsServerOptions(tls), ticketKeys });
    },
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
