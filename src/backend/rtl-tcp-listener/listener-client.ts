import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import { dropUnsent } from '../../unsent.ts';
import type { Clock } from '../clock.ts';
import type { EndReason } from '../iq/frames/frame-origin.ts';
import { gainCountOf, R820T } from '../iq/sources/rtl-tcp-gains.ts';
import { encodeHeader } from '../rtl-tcp-protocol.ts';
import type { Station } from '../stations/station.ts';
import { CommandWatch } from './command-watch.ts';
import type { ReadingRight } from './guarded-client.ts';
import type { FeedReader, SampleFeed } from './sample-feed.ts';

/** What existing programs know best: a receiver with an R820T, and the number of its gains. */
const HEADER = encodeHeader({ tunerType: R820T, gainCount: gainCountOf(R820T) });
/** Bytes that wait for one client to take them: half a second at the 2 MS/s of a usual receiver. What comes then is dropped. */
export const MAX_PENDING_BYTES = 2 * 1024 * 1024;
/** Milliseconds for which a client may take nothing at all while there is something for it. */
export const STALLED_MS = 30_000;
/** Milliseconds that a client has for taking the rest when the samples have ended. */
const FAREWELL_MS = 1_000;

/** What one client is served with. */
export interface ClientContext {
  readonly station: Station;
  readonly feed: SampleFeed;
  readonly clock: Clock;
  readonly log: Logger;
  /** By what right a client reads, where that is asked; others may have all that they can take. */
  readonly right?: ReadingRight;
}

/** How a client was served. */
export interface ClientTotals {
  readonly bytes: number;
  readonly droppedBytes: number;
}

/**
 * One program that reads a station by rtl_tcp. The protocol knows no gaps: a client that is too slow is left out whole
 * blocks, nothing waits for it, and nothing grows.
 */
export class ListenerClient implements FeedReader {
  readonly #socket: Socket;
  readonly #context: ClientContext;
  readonly #leave: () => void;
  #bytes = 0;
  #droppedBytes = 0;
  /** A block waits to be let out. */
  #waits = false;
  #fullSinceMs: number | undefined;
  #takenBytes = 0;

  /** Begins to serve a connection. @throws PassbandError when the station has no samples to give. */
  constructor(socket: Socket, context: ClientContext) {
    const { station, feed, clock, log } = context;
    this.#socket = socket;
    this.#context = context;
    this.#leave = feed.join(this);
    socket.setNoDelay(true);
    socket.write(HEADER);
    const commands = new CommandWatch(() => station.hub.source.tuning, clock, log);
    socket.on('data', (chunk: Buffer) => {
      if (commands.take(chunk)) return;
      log.warn('an rtl_tcp client was cut: it sends more commands than any program does');
      socket.destroy();
    });
    socket.once('close', () => this.#leave());
  }

  get totals(): ClientTotals {
    return { bytes: this.#bytes, droppedBytes: this.#droppedBytes };
  }

  block(bytes: Buffer): void {
    const { right } = this.#context;
    if (this.#isFull()) this.#drop(bytes);
    else if (right === undefined) this.#write(bytes);
    else {
      this.#waits = true;
      right.pace(bytes, () => {
        this.#waits = false;
        this.#write(bytes);
      });
    }
  }

  end(reason: EndReason): void {
    this.#context.right?.over(reason);
    this.#socket.end();
    const cancel = this.#context.clock.after(FAREWELL_MS, () => {
      dropUnsent(this.#socket);
      this.#socket.destroy();
    });
    this.#socket.once('close', cancel);
  }

  #write(bytes: Buffer): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    this.#bytes += bytes.length;
    this.#context.station.hub.metrics.sent(bytes.length);
    this.#socket.write(bytes);
  }

  #isFull(): boolean {
    if (this.#waits) return true;
    const { writableLength } = this.#socket;
    const isFull = writableLength >= MAX_PENDING_BYTES;
    const taken = this.#bytes - writableLength;
    if (!isFull || taken !== this.#takenBytes) this.#fullSinceMs = undefined;
    this.#takenBytes = taken;
    if (!isFull) return false;
    const nowMs = this.#context.clock.nowMs();
    this.#fullSinceMs ??= nowMs;
    if (nowMs - this.#fullSinceMs > STALLED_MS) this.#socket.destroy();
    return true;
  }

  #drop(bytes: Buffer): void {
    this.#droppedBytes += bytes.length;
    this.#context.station.hub.metrics.lost('slow_reader', bytes.length / 2);
  }
}
