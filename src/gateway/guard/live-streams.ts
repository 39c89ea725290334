import type { Identity } from './identity.ts';

/** An open stream, and the way to end it. */
export interface LiveStream {
  readonly identity: Identity;
  readonly method: string;
  /** The entry of the policy that allows it: Entry.id. */
  readonly entry: string;
  /** Ends it with this status. */
  end(status: StreamEnd): void;
}

/** Why a stream is ended from inside. */
export interface StreamEnd {
  readonly code: 'UNAVAILABLE' | 'UNAUTHENTICATED' | 'PERMISSION_DENIED';
  readonly message: string;
}

/** Every stream that was let in and is not over. */
export class LiveStreams {
  private readonly streams = new Set<LiveStream>();

  /** Registers a stream; the function that is returned takes it off again. */
  add(stream: LiveStream): () => void {
    this.streams.add(stream);
    return () => this.streams.delete(stream);
  }

  get size(): number {
    return this.streams.size;
  }

  /** Streams of a stream's caller under an entry, itself left out. */
  countBeside(stream: LiveStream, entry: string): number {
    const { cn } = stream.identity;
    let count = 0;
    for (const other of this.streams) {
      if (other !== stream && other.identity.cn === cn && other.entry === entry) count++;
    }
    return count;
  }

  /** Ends all streams. */
  endAll(status: StreamEnd): void {
    for (const stream of [...this.streams]) stream.end(status);
  }
}
