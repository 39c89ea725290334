import type { TLSSocket } from 'node:tls';
import { FLAG, FRAME, FRAME_HEADER_BYTES, PREFACE, settings, settingsAck, statusOf } from './http2-frames.ts';
import { type RawOptions, rawConnected } from './raw.ts';
import { until } from './until.ts';

/** What became of one stream. */
export interface SeenStream {
  /** Status of the answer; 0 before there is one. */
  status: number;
  body: string;
  /** Code of the RST_STREAM; undefined when none came. */
  reset: number | undefined;
  ended: boolean;
}

/**
 * The other end of an HTTP/2 connection, that sends whatever bytes it is told and takes down what comes back. It checks
 * nothing, answers no ping, and acknowledges settings only where it is asked to be polite.
 */
export class Http2Peer {
  readonly socket: TLSSocket;
  readonly streams = new Map<number, SeenStream>();
  /** Frames that came, by type. */
  readonly frames = new Map<number, number>();
  /** Code of the last GOAWAY; undefined when none came. */
  goaway: number | undefined;
  closed = false;
  #rest: Buffer = Buffer.alloc(0);

  private constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.once('close', () => {
      this.closed = true;
    });
  }

  /** Connects and sends the preface and the settings. */
  static async open(to: RawOptions, ...ours: readonly (readonly [number, number])[]): Promise<Http2Peer> {
    const socket = await rawConnected({ ...to, alpn: ['h2'] });
    const peer = new Http2Peer(socket);
    peer.send(PREFACE, settings(...ours), settingsAck());
    return peer;
  }

  send(...frames: readonly Buffer[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(frames));
  }

  /** Sends the same frames many times, as fast as the socket takes them, until all are sent or the peer has closed. */
  async flood(times: number, frames: (turn: number) => Buffer, perWrite = 100): Promise<void> {
    for (let turn = 0; turn < times && !this.socket.destroyed; turn += perWrite) {
      const batch = Array.from({ length: Math.min(perWrite, times - turn) }, (_, index) => frames(turn + index));
      if (!this.socket.write(Buffer.concat(batch))) {
        await this.#drained();
      }
    }
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.socket.off('drain', done).off('close', done);
        resolve();
      };
      this.socket.once('drain', done).once('close', done);
    });
  }

  stream(id: number): SeenStream {
    let stream = this.streams.get(id);
    if (stream === undefined) {
      stream = { status: 0, body: '', reset: undefined, ended: false };
      this.streams.set(id, stream);
    }
    return stream;
  }

  /** Waits until a stream is over, by its end, its reset or the end of the connection. */
  async over(id: number): Promise<SeenStream> {
    const stream = this.stream(id);
    await until(`stream ${id} is over`, () => stream.ended || stream.reset !== undefined || this.closed);
    return stream;
  }

  /** Waits until the other end has closed. */
  async end(): Promise<void> {
    await until('the connection is closed', () => this.closed);
  }

  destroy(): void {
    this.socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      if (this.#rest.length < FRAME_HEADER_BYTES) return;
      const end = FRAME_HEADER_BYTES + this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < end) return;
      const [type, flags] = [this.#rest.readUInt8(3), this.#rest.readUInt8(4)];
      this.#see(type, flags, this.#rest.readUInt32BE(5), this.#rest.subarray(FRAME_HEADER_BYTES, end));
      this.#rest = this.#rest.subarray(end);
    }
  }

  #see(type: number, flags: number, id: number, payload: Buffer): void {
    this.frames.set(type, (this.frames.get(type) ?? 0) + 1);
    if (type === FRAME.goaway) this.goaway = payload.readUInt32BE(4);
    if (id === 0) return;
    const stream = this.stream(id);
    if (type === FRAME.headers) stream.status = statusOf(payload);
    if (type === FRAME.data) stream.body += payload.toString('utf8');
    if (type === FRAME.rstStream) stream.reset = payload.readUInt32BE(0);
    if ((type === FRAME.headers || type === FRAME.data) && (flags & FLAG.endStream) !== 0) stream.ended = true;
  }
}
