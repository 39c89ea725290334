import { setImmediate } from 'node:timers/promises';
import { Subscriber } from 'zeromq';

/**
 * Bytes of one message at most. GNU Radio sends what its buffer holds at once: 64 KiB unless a flowgraph asks for more. A
 * longer one breaks the connection off.
 */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
/**
 * Messages that wait here at most, so that 64 MiB do. When they are that many, TCP holds the sink back, whose own queue
 * is where messages are then dropped.
 */
export const MAX_WAITING_MESSAGES = 16;
/** Bytes that are taken in one go, before others have their turn: some hundred microseconds of work. */
const TURN_BYTES = 1024 * 1024;
/** Milliseconds until a lost connection is tried again; doubled each time up to the second. */
const RECONNECT_MS = 100;
const RECONNECT_AT_MOST_MS = 2000;
/** Seconds without a sign of life until the kernel asks for one, and between its questions. */
const KEEPALIVE_S = 10;

/** Who hears what a subscription brings. */
export interface ZmqListener {
  /** The parts of one message. */
  message(parts: readonly Uint8Array[]): void;
  /** The connection was lost; it is tried again. */
  disconnected(): void;
  /** Nothing more will come: the library failed, or who listens did. */
  broken(error: unknown): void;
}

/**
 * Subscribes to everything that an endpoint publishes; returns how to end it.
 *
 * @throws Error when the library does not take the endpoint, or the machine has no file descriptors left.
 */
export type ZmqSubscribe = (endpoint: string, listener: ZmqListener) => () => void;

/** A subscription over TCP. While nobody publishes it goes on trying; who hears nothing has to judge that. */
export const subscribeZmq: ZmqSubscribe = (endpoint, listener) => {
  const socket = new Subscriber({
    receiveHighWaterMark: MAX_WAITING_MESSAGES,
    maxMessageSize: MAX_MESSAGE_BYTES,
    linger: 0,
    ipv6: true,
    reconnectInterval: RECONNECT_MS,
    reconnectMaxInterval: RECONNECT_AT_MOST_MS,
    tcpKeepalive: 1,
    tcpKeepaliveIdle: KEEPALIVE_S,
    tcpKeepaliveInterval: KEEPALIVE_S,
  });
  let ended = false;
  socket.events.on('disconnect', () => {
    if (!ended) listener.disconnected();
  });
  const receive = async (): Promise<void> => {
    let taken = 0;
    while (!ended) {
      const parts = await socket.receive();
      if (ended) return;
      listener.message(parts);
      taken += parts.reduce((sum, part) => sum + part.length, 0);
      if (taken < TURN_BYTES) continue;
      taken = 0;
      await setImmediate();
    }
  };
  try {
    socket.connect(endpoint);
    socket.subscribe();
  } catch (error) {
    socket.close();
    throw error;
  }
  receive().catch((error: unknown) => {
    // That is how a closed socket ends a receive that waits.
    if (!ended) listener.broken(error);
  });
  return () => {
    ended = true;
    socket.close();
  };
};
