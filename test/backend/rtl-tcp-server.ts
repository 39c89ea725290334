import { createServer, type Server, type Socket } from 'node:net';
import { until } from '../support/until.ts';

/** A command as the protocol describes it: its code, and its argument as four bytes. */
export type Command = readonly [code: number, argument: number];

/** What an R820T dongle's server sends first, byte by byte as the protocol says. */
export const R820T_HEADER = Buffer.from([0x52, 0x54, 0x4c, 0x30, 0, 0, 0, 5, 0, 0, 0, 29]);

/** An rtl_tcp server that does what a test tells it; it knows the protocol from its description alone. */
export class RtlTcpServer {
  /** Commands so far, all connections. */
  readonly commands: Command[] = [];
  /** Connections so far. */
  accepted = 0;
  readonly #header: Buffer;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;

  /** @param header what it sends first; nothing when empty. */
  constructor(header: Buffer = R820T_HEADER) {
    this.#header = header;
  }

  get port(): number {
    return this.#port;
  }

  /** Connections that are open. */
  get open(): number {
    return this.#sockets.size;
  }

  /** Listens; again on the same port when it did before. */
  async listen(): Promise<this> {
    const server = createServer({ noDelay: true }, (socket) => {
      this.accepted++;
      this.#sockets.add(socket);
      let held = Buffer.alloc(0);
      socket.on('data', (chunk: Buffer) => {
        held = Buffer.concat([held, chunk]);
        for (; held.length >= 5; held = held.subarray(5)) {
          const [code = 0, a = 0, b = 0, c = 0, d = 0] = held;
          this.commands.push([code, ((a << 24) | (b << 16) | (c << 8) | d) >>> 0]);
        }
      });
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
      if (this.#header.length > 0) socket.write(this.#header);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#server = server;
    const address = server.address();
    if (typeof address === 'object' && address !== null) this.#port = address.port;
    return this;
  }

  /** The latest argument of a command; undefined before the first. */
  latest(code: number): number | undefined {
    return this.commands.findLast(([latest]) => latest === code)?.[1];
  }

  /** Waits until a number of connections is open, and the last command of each has come. */
  async connected(accepted = 1): Promise<void> {
    await until(
      'the server is connected and commanded',
      () => this.accepted >= accepted && this.latest(3) !== undefined,
    );
  }

  /** Sends bytes to everyone who is connected, in one write. */
  send(bytes: Uint8Array): void {
    for (const socket of this.#sockets) socket.write(bytes);
  }

  /** Reads nothing any more. */
  pause(): void {
    for (const socket of this.#sockets) socket.pause();
  }

  /** Breaks every connection off. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Listens no more, and breaks every connection off. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.cut();
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }
}
