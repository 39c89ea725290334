import type { Http2Session, ServerHttp2Stream } from 'node:http2';

/** Milliseconds that an HTTP/2 connection without streams is kept. */
export const IDLE_SESSION_MS = 120_000;
/** Milliseconds from the GOAWAY of an idle connection to its end: a peer may neither read it nor close. */
const LAST_WORDS_MS = 1_000;

/**
 * Closes an HTTP/2 connection that has had no stream for a time. Frames that open none (PING, SETTINGS, half a header
 * block) keep nobody's place: Node's own time limit of a session begins anew with each of them.
 */
export function closeWhenIdle(session: Http2Session, idleMs = IDLE_SESSION_MS): void {
  let streams = 0;
  let timer: NodeJS.Timeout | undefined;
  const idle = (): void => {
    timer = setTimeout(() => {
      session.close();
      timer = setTimeout(() => session.destroy(), LAST_WORDS_MS);
      timer.unref();
    }, idleMs);
    timer.unref();
  };
  session.on('stream', (stream: ServerHttp2Stream) => {
    streams++;
    clearTimeout(timer);
    stream.once('close', () => {
      streams--;
      if (streams === 0 && !session.destroyed) idle();
    });
  });
  session.once('close', () => clearTimeout(timer));
  idle();
}
