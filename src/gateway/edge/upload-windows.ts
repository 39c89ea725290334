import type { Http2Session } from 'node:http2';

/**
 * Bytes that a client may send on one HTTP/2 stream ahead of who reads it. HTTP/2 begins with 64 KiB, which holds an upload
 * over a path of 100 ms to 0.6 MB/s; this lets 10 MB/s through. It is what an unread body can hold of the gateway's memory:
 * 100 MiB for all streams of a connection, and a quarter of what a body may have anyway (`--max-body-bytes`).
 */
export const STREAM_WINDOW_BYTES = 1024 * 1024;

/**
 * The same for all streams of a connection together. It holds no memory: Node gives it back as bytes come, read or not, and
 * what waits to be read is each stream's own window.
 */
export const CONNECTION_WINDOW_BYTES = 4 * 1024 * 1024;

/** Gives a connection the room that its streams together have; that of each of them is in the settings it began with. */
export function widenConnection(session: Http2Session): void {
  session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
}
