import type { Identity } from './identity.ts';

/** An open stream, and the way to end it. */
export interface LiveStream {
  readonly identity: Identity;
  readonly method: string;
  /** Name of the rule that allowed it. */
  readonly rule: string;
  /** Ends it with this status. */
  end(status: StreamEnd): void;
}

/** Why a stream is ended from inside. */
export interface StreamEnd {
  readonly code: 'UNAVAILABLE' | 'UNAUTHENTICATED' | 'PERMISSION_DENIED';
  readonly message: string;
}

/** setTimeout takes no more than this, milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Every stream that is open now. A stream ends at its certificate's notAfter, whatever else happens. */
export class LiveStreams {
  private readonly streams = new Set<LiveStream>();

  /** Registers a stream; the function that is returned takes it off again. */
  add(stream: LiveStream, nowMs: number): () => void {
    this.streams.add(stream);
    const expire = (): void => stream.end({ code: 'UNAUTHENTICATED', message: 'the client certificate has expired' });
    const leftMs = stream.identity.notAfterMs - nowMs;
    const timer = leftMs > MAX_TIMER_MS ? undefined : setTimeout(expire, Math.max(0, leftMs));
    timer?.unref();
    return () => {
      clearTimeout(timer);
      this.streams.delete(stream);
    };
  }

  get size(): number {
    return this.streams.size;
  }

  /** Open streams of one caller under one rule. */
  count(cn: string, rule: string): number {
    let count = 0;
    for (const stream of this.streams) if (stream.identity.cn === cn && stream.rule === rule) count++;
    return count;
  }

  /** Ends all streams. */
  endAll(status: StreamEnd): void {
    for (const stream of [...this.streams]) stream.end(status);
  }
}
