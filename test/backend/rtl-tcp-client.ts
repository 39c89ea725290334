import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { TestFiles } from '../support/pki.ts';
import { until } from '../support/until.ts';

/** What a client shows to a listener with TLS. */
export interface Showing {
  readonly caPem: string;
  /** Undefined for a client without a certificate. */
  readonly pair: TestFiles | undefined;
}

/** A program that reads rtl_tcp. */
export class RtlTcpClient {
  readonly #socket: Socket;
  readonly #chunks: Buffer[] = [];
  #length = 0;
  #isClosed = false;

  constructor(port: number, showing?: Showing) {
    const { caPem: ca, pair } = showing ?? {};
    this.#socket =
      showing === undefined
        ? connectTcp({ host: '127.0.0.1', port })
        : connectTls({
            host: 'localhost',
            port,
            ca,
            ...(pair === undefined ? {} : { cert: pair.certPem, key: pair.keyPem }),
          });
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      this.#isClosed = true;
    });
    this.#socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
    });
  }

  /** Bytes so far, the header included. */
  get length(): number {
    return this.#length;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Samples so far, without the header. */
  samples(): Buffer {
    return Buffer.concat(this.#chunks).subarray(12);
  }

  header(): Buffer {
    return Buffer.concat(this.#chunks).subarray(0, 12);
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  stop(): void {
    this.#socket.destroy();
  }

  /** Waits until it is served. */
  async served(): Promise<this> {
    await this.has(12);
    return this;
  }

  async has(bytes: number): Promise<void> {
    await until(
      `${bytes} bytes`,
      () => (this.#isClosed ? -1 : this.#length),
      (seen) => seen === -1 || seen >= bytes,
    );
    if (this.#length < bytes) throw new Error(`closed after ${this.#length} bytes`);
  }

  async closed(): Promise<void> {
    await until('the connection is closed', () => this.#isClosed);
  }
}
