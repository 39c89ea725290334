import { Socket } from 'node:net';

/**
 * Lets a connection that is destroyed next go with all that the system still holds for its reader. Closed as others are, it
 * would stay open there for one who does not read, for minutes and with some MiB, which go out as soon as he does: whatever
 * he has lost the right to since.
 *
 * Node's own `resetAndDestroy` first waits for what is written to go out, which such a reader holds up; this sets its mark alone.
 * Were that no longer where it is, the connection would be closed as others are, and a test would say so.
 */
export function dropUnsent(socket: Socket): void {
  const tcp: unknown = Reflect.get(socket, '_parent');
  // While its end is on the way to the system, that takes no reset, and Node would leave the connection open.
  const isEnding = socket.writableEnded && socket.writableLength === 0 && !socket.writableFinished;
  if (tcp instanceof Socket && !isEnding) Reflect.set(tcp, 'resetAndClosing', true);
}
