import { XPublisher } from 'zeromq';
import { until } from './until.ts';

/** A publisher on loopback that knows when somebody has subscribed, so that nothing is sent before. */
export class ZmqPublisher {
  #socket: XPublisher | undefined;
  #endpoint = 'tcp://127.0.0.1:*';

  /** Listens, on the port it had before where it had one. */
  async open(): Promise<void> {
    const socket = new XPublisher({ linger: 0, sendHighWaterMark: 100_000 });
    // One that comes while another has not quite left is told of, too.
    socket.verbosity = 'allSubsUnsubs';
    this.#socket = socket;
    // One that was closed gives its port back a little later.
    await until('its port is free', () => socket.bind(this.#endpoint).then(() => true, isStillInUse));
    this.#endpoint = socket.lastEndpoint ?? this.#endpoint;
  }

  /** Where it can be subscribed. */
  get endpoint(): string {
    return this.#endpoint;
  }

  /** Waits until somebody subscribes. */
  async subscribed(): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined) throw new Error('the publisher is closed');
    for (;;) {
      const [frame] = await socket.receive();
      // 1 subscribes, 0 ends that.
      if (frame?.[0] === 1) return;
    }
  }

  async send(...parts: readonly Uint8Array[]): Promise<void> {
    await this.#socket?.send(parts.map((part) => Buffer.from(part)));
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }
}

/** False for a port that is in use; whatever else is wrong with it is thrown. */
function isStillInUse(error: unknown): boolean {
  // Of the library's own realm, where tests run in another: no instance of our Error.
  if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'EADDRINUSE') return false;
  throw error;
}
