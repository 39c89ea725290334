import { PassbandError } from '../../errors.ts';
import type { Overflow } from '../../stream-options.ts';
import type { LossMeter } from './loss.ts';
import type { Chunk, EndStatus, OutgoingMessage, StreamWriter } from './stream-writer.ts';

/** Bytes that may wait in a response before its reader counts as slow: about one frame of IQ and its successor. */
export const HIGH_WATER_BYTES = 1024 * 1024;
/** Messages that wait for a slow reader under `drop-oldest`. */
export const MAX_QUEUED_MESSAGES = 256;
/** Bytes that wait for a slow reader under `drop-oldest`; what is larger drops earlier. */
export const MAX_QUEUED_BYTES = 8 * 1024 * 1024;
/** Silence after which the format's sign of life is written, milliseconds; proxies commonly give up after 30 to 60 s. */
export const SILENCE_MS = 15_000;
/** How long a reader may take nothing at all before it is cut off, milliseconds. */
export const STALL_LIMIT_MS = 300_000;

/** Where messages come from. The pump listens; nothing is buffered on the way beyond what flow control allows. */
export interface MessageSource {
  onMessage(listener: (bytes: Uint8Array) => void): void;
  onEnd(listener: (status: EndStatus) => void): void;
  pause(): void;
  resume(): void;
  /** Ends the upstream call; no message and no end comes after it. */
  cancel(): void;
}

/** Where chunks go: the part of an HTTP response that the pump needs. */
export interface Sink {
  readonly writableLength: number;
  readonly destroyed: boolean;
  write(chunk: Chunk): boolean;
  end(chunk?: Chunk): unknown;
  on(event: 'drain' | 'close' | 'error', listener: () => void): unknown;
}

/** A pace that a reader shares with others. */
export interface SharedPace {
  /** Whether a message may go now, without having waited. */
  mayGo(): boolean;
  /** Calls back when it is one's turn to send one message; the function that is returned gives the turn up. */
  wait(turn: () => void): () => void;
  /** Notes bytes that have gone. */
  spend(bytes: number): void;
}

/** Is told of whatever is written, beginning, gaps, signs of life and end as well; of messages alone; and of those dropped. */
export interface PumpObserver {
  wrote(bytes: number): void;
  frame(bytes: number): void;
  dropped(messages: number): void;
}

/** Everything one stream needs. */
export interface PumpOptions {
  readonly source: MessageSource;
  readonly sink: Sink;
  readonly writer: StreamWriter;
  readonly outgoing: (bytes: Uint8Array) => OutgoingMessage;
  readonly loss: LossMeter;
  readonly overflow: Overflow;
  readonly observer: PumpObserver;
  /** Ends the response so that nobody takes it for a whole one. */
  readonly breakOff: () => void;
  /** How fast this reader may be served, asked at every message; a reader that has to wait for it counts as slow. */
  readonly pace?: (() => SharedPace | undefined) | undefined;
  /** Looks at each message before it goes anywhere; what it throws ends the stream. */
  readonly inspect?: ((bytes: Uint8Array) => void) | undefined;
  readonly silenceMs?: number;
  readonly stallLimitMs?: number;
}

/** A running stream. */
export interface Pump {
  /** Resolves when the response is over, with the status that ended it; CANCELLED when the reader went away. */
  readonly done: Promise<EndStatus>;
  /** Ends the stream from inside (shutdown, lost right): the upstream call is cancelled and the reader told why. */
  finish(status: EndStatus): void;
}

const GONE: EndStatus = { code: 'CANCELLED', message: 'the client went away', details: [] };

/**
 * Carries messages from a source to a sink at the reader's pace. A slow reader holds the source back (`block`) or loses
 * messages that are counted (`drop-oldest`, `latest`); it never makes memory grow. It waits for drain, close and error
 * alike, since a client that dies never drains.
 */
export function startPump(options: PumpOptions): Pump {
  const { source, sink, breakOff, writer, outgoing, loss, overflow, observer, inspect } = options;
  const { pace = () => undefined, silenceMs = SILENCE_MS, stallLimitMs = STALL_LIMIT_MS } = options;
  let queue: Uint8Array[] = [];
  let queuedBytes = 0;
  let blockedSinceMs: number | undefined;
  let lastWriteMs = Date.now();
  /** Gives up the turn that is waited for; undefined while none is. */
  let giveUpTurn: (() => void) | undefined;
  let ending: EndStatus | undefined;
  let over = false;
  let settle: (status: EndStatus) => void = () => {};
  const done = new Promise<EndStatus>((resolve) => {
    settle = resolve;
  });

  const close = (status: EndStatus): void => {
    if (over) return;
    over = true;
    clearInterval(watch);
    giveUpTurn?.();
    queue = [];
    source.cancel();
    settle(status);
  };

  /** Writes a chunk and says of how many bytes it was. */
  const write = (chunk: Chunk | undefined): number => {
    if (chunk === undefined || chunk.length === 0) return 0;
    lastWriteMs = Date.now();
    if (!sink.write(chunk) && sink.writableLength >= HIGH_WATER_BYTES) blockedSinceMs ??= lastWriteMs;
    const bytes = Buffer.byteLength(chunk);
    observer.wrote(bytes);
    pace()?.spend(bytes);
    return bytes;
  };

  const send = (bytes: Uint8Array): void => {
    const message = outgoing(bytes);
    const gap = loss.before(message.id());
    if (gap !== undefined) write(writer.gap(gap));
    observer.frame(write(writer.message(message)));
  };

  const drop = (): void => {
    const dropped = queue.shift();
    if (dropped === undefined) return;
    queuedBytes -= dropped.length;
    loss.dropped();
    observer.dropped(1);
  };

  const enqueue = (bytes: Uint8Array): void => {
    if (overflow === 'latest') while (queue.length > 0) drop();
    queue.push(bytes);
    queuedBytes += bytes.length;
    if (overflow === 'block') source.pause();
    else while (queue.length > MAX_QUEUED_MESSAGES || (queuedBytes > MAX_QUEUED_BYTES && queue.length > 1)) drop();
  };

  /** An encoder that fails has met a message that has no such form; the reader is told, the process goes on. */
  const guarded = (action: () => void): void => {
    try {
      action();
    } catch (error) {
      finish(endOf(error));
    }
  };

  const mayGo = (): boolean => pace()?.mayGo() ?? true;

  /** Sends what waits; with a turn, one message even though others wait for theirs. */
  const flush = (hasTurn: boolean): void => {
    let free = hasTurn;
    while (blockedSinceMs === undefined && giveUpTurn === undefined && !over) {
      const [next] = queue;
      if (next === undefined) break;
      if (!free && !mayGo()) {
        awaitTurn();
        break;
      }
      free = false;
      queue.shift();
      queuedBytes -= next.length;
      guarded(() => send(next));
    }
    if (over || queue.length > 0) return;
    if (ending !== undefined) conclude(ending);
    else if (overflow === 'block' && blockedSinceMs === undefined) source.resume();
  };

  const awaitTurn = (): void => {
    giveUpTurn = pace()?.wait(() => {
      giveUpTurn = undefined;
      if (!over) flush(true);
    });
  };

  const conclude = (status: EndStatus): void => {
    if (over) return;
    const last = writer.end(status);
    close(status);
    if (last === undefined) breakOff();
    else {
      sink.end(last.length === 0 ? undefined : last);
      observer.wrote(Buffer.byteLength(last));
      // A reader that takes nothing must not hold its connection for ever by not taking the end either.
      const cut = setTimeout(breakOff, stallLimitMs);
      cut.unref();
      sink.on('close', () => clearTimeout(cut));
    }
  };

  const finish = (status: EndStatus): void => {
    // An end that still waits behind unread messages gives way: those messages are not coming any more.
    if (over) return;
    ending = status;
    source.cancel();
    // What waits is lost to a reader whose right or server has ended; the end itself must not wait.
    queue = [];
    conclude(status);
  };

  const watch = setInterval(
    () => {
      const nowMs = Date.now();
      if (blockedSinceMs !== undefined && nowMs - blockedSinceMs > stallLimitMs) {
        breakOff();
        close(GONE);
      } else if (blockedSinceMs === undefined && nowMs - lastWriteMs >= silenceMs) write(writer.silence());
    },
    Math.max(10, Math.min(silenceMs / 4, stallLimitMs / 4, 1000)),
  );
  watch.unref();

  sink.on('drain', () => {
    blockedSinceMs = undefined;
    flush(false);
  });
  sink.on('close', () => close(GONE));
  sink.on('error', () => close(GONE));
  source.onMessage((bytes) => {
    if (over || ending !== undefined) return;
    guarded(() => {
      inspect?.(bytes);
      if (blockedSinceMs === undefined && queue.length === 0 && mayGo()) return send(bytes);
      enqueue(bytes);
      if (blockedSinceMs === undefined && giveUpTurn === undefined) awaitTurn();
    });
  });
  source.onEnd((status) => {
    if (over || ending !== undefined) return;
    ending = status;
    flush(false);
  });
  write(writer.head());
  if (sink.destroyed) close(GONE);
  return { done, finish };
}

function endOf(error: unknown): EndStatus {
  const { code, publicMessage: message, details } = PassbandError.from(error);
  return { code, message, details };
}
