import { connect, type Socket } from 'node:net';
import type { Clock } from '../../clock.ts';
import { HEADER_BYTES, parseHeader, type RtlTcpHeader } from '../../rtl-tcp-protocol.ts';

/** Milliseconds for the TCP connection, and again for the header behind it. */
export const CONNECT_TIMEOUT_MS = 5_000;
/** Looks at whether samples still come, milliseconds apart. */
export const LOOK_MS = 1_000;
/**
 * Looks in a row without a byte after which a server is given up. They are counted, not measured: while our own process
 * stands still, no server is silent.
 */
export const SILENT_LOOKS = 5;
/**
 * Bytes of commands that wait for the server to read them. Whoever reads none has been sent thousands of changes, and
 * would carry them out hours later.
 */
const MAX_UNREAD_COMMAND_BYTES = 5_000;

/** Who follows a connection. */
export interface ConnectionEvents {
  /** The server's header has come and is one. */
  opened(header: RtlTcpHeader): void;
  /** Whole samples (cu8), at most as many as come from the system at once, which is 64 KiB. */
  samples(bytes: Uint8Array): void;
  /** It is over, by no wish of ours: why, in words for the public, and what the system said. Called once at most. */
  broke(reason: string, cause: unknown): void;
}

/** One connection to an rtl_tcp server, from the attempt to its end. It reads whatever comes at once and never waits. */
export class RtlTcpConnection {
  readonly #events: ConnectionEvents;
  readonly #socket: Socket;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  /** The first byte of a sample whose second has not come yet. */
  #odd: number | undefined;
  #cancelTimer: () => void;
  #quietLooks = 0;
  #isOver = false;

  constructor(server: { readonly host: string; readonly port: number }, clock: Clock, events: ConnectionEvents) {
    this.#events = events;
    const late = (what: string) => (): void => this.#break(`${what} within ${CONNECT_TIMEOUT_MS / 1000} s`);
    this.#cancelTimer = clock.after(CONNECT_TIMEOUT_MS, late('the rtl_tcp server does not answer'));
    this.#socket = connect({ host: server.host, port: server.port, noDelay: true, keepAlive: true });
    this.#socket.on('connect', () => {
      this.#cancelTimer();
      // rtl_tcp serves one client: a second one is connected by the system, and hears nothing.
      const hint = 'the rtl_tcp server sends no header, perhaps since it serves another client,';
      this.#cancelTimer = clock.after(CONNECT_TIMEOUT_MS, late(hint));
    });
    this.#socket.on('data', (chunk) => this.#take(chunk, clock));
    this.#socket.on('error', (error) => this.#break('the rtl_tcp server cannot be reached', error));
    this.#socket.on('close', () => this.#break('the rtl_tcp server has closed the connection'));
  }

  /** Sends a command. A server that reads none is given up. */
  send(command: Buffer): void {
    if (this.#isOver) return;
    this.#socket.write(command);
    if (this.#socket.writableLength > MAX_UNREAD_COMMAND_BYTES) this.#break('the rtl_tcp server reads no commands');
  }

  /** Ends it; nothing is told of it any more. */
  close(): void {
    this.#isOver = true;
    this.#cancelTimer();
    this.#socket.destroy();
  }

  #take(chunk: Buffer, clock: Clock): void {
    if (this.#isOver) return;
    this.#quietLooks = 0;
    try {
      const samples = this.#headerBytes === HEADER_BYTES ? chunk : this.#takeHeader(chunk, clock);
      if (samples.length > 0 && !this.#isOver) this.#takeSamples(samples);
    } catch (error) {
      // Out of a socket's event it would end the process.
      this.#break('what the rtl_tcp server sends cannot be taken', error);
    }
  }

  /** What follows the header in this chunk. */
  #takeHeader(chunk: Buffer, clock: Clock): Buffer {
    const taken = chunk.copy(this.#header, this.#headerBytes);
    this.#headerBytes += taken;
    if (this.#headerBytes < HEADER_BYTES) return chunk.subarray(taken);
    const header = this.#readHeader();
    if (header === undefined) return chunk;
    this.#cancelTimer();
    this.#cancelTimer = clock.every(LOOK_MS, () => this.#look());
    this.#events.opened(header);
    return chunk.subarray(taken);
  }

  #readHeader(): RtlTcpHeader | undefined {
    try {
      return parseHeader(this.#header);
    } catch (error) {
      this.#break('what answers there is no rtl_tcp server', error);
      return undefined;
    }
  }

  #look(): void {
    if (++this.#quietLooks >= SILENT_LOOKS) this.#break(`the rtl_tcp server sends nothing for ${SILENT_LOOKS} s`);
  }

  /** As they came; where TCP has cut a sample in two, a copy with its first byte in front. */
  #takeSamples(chunk: Buffer): void {
    const bytes = this.#odd === undefined ? chunk : Buffer.concat([Buffer.of(this.#odd), chunk]);
    const whole = bytes.length - (bytes.length % 2);
    this.#odd = bytes[whole];
    if (whole > 0) this.#events.samples(bytes.subarray(0, whole));
  }

  #break(reason: string, cause?: unknown): void {
    if (this.#isOver) return;
    this.close();
    this.#events.broke(reason, cause);
  }
}
