import type { TLSSocket } from 'node:tls';
import { type Server, ServerCredentials } from '@grpc/grpc-js';
import type { AdmitConnection } from './connection-admission.ts';
import { type Farewell, REFUSED_PEER_MS } from './connections.ts';

/** Calls on one connection at a time. A gateway carries all of its clients over a few connections. */
const MAX_STREAMS_PER_CONNECTION = 1024;
/** Bytes a peer may send on one stream ahead of us: 64 KiB would slow a pushing producer down to a third. */
const STREAM_WINDOW_BYTES = 8 * 1024 * 1024;
/**
 * Bytes a peer may send on all streams of a connection ahead of us. HTTP/2 begins with 64 KiB, which a producer 20 ms away
 * fills with 0.4 MS/s. It holds nothing back but that: Node gives it back as bytes come, read or not, and what waits to be
 * read is each stream's own window.
 */
const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024;
/** Options of a gRPC server whose connections are taken by takeConnections. */
export const HTTP2_OPTIONS = { 'grpc.max_concurrent_streams': MAX_STREAMS_PER_CONNECTION } as const;

/**
 * Makes a gRPC server take connections whose TLS is done already. It sees the socket for what it is, so that the peer's
 * certificate is a call's as ever. A peer that is refused for who it is gets that as the status of its calls.
 */
export function takeConnections(server: Server, admit: AdmitConnection): (socket: TLSSocket) => void {
  setWindow(server);
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  let begun: Http2Session | undefined;
  onSession(server, (session) => {
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    begun = session;
  });
  return (socket) => {
    const admitted = admit(socket);
    if (admitted === undefined) return;
    if (admitted.fault !== undefined) admitted.connection.cut(REFUSED_PEER_MS);
    begun = undefined;
    injector.injectConnection(socket);
    // A session begins while its connection is injected.
    if (begun !== undefined) admitted.connection.spokenBy(begun);
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

/** What is used of Node's; to name its type is the edge's alone. */
interface Http2Session extends Farewell {
  setLocalWindowSize(bytes: number): void;
}

/** For windows of connections grpc-js has no option at all, and it ends no connection for a reason of ours. */
function onSession(server: Server, begin: (session: Http2Session) => void): void {
  const servers: unknown = Reflect.get(server, 'http2Servers');
  if (!(servers instanceof Map)) return;
  for (const http2Server of servers.keys()) {
    http2Server.on('session', begin);
  }
}
