import type { ClientReadableStream } from '@grpc/grpc-js';
import type { Message } from './backend-under-test.ts';

/** How a call ended: its status, and when. */
export interface CallEnd {
  readonly code: number;
  readonly details: string;
  readonly atMs: number;
}

/** Reads the frames of a stream as they come, and sees whether their numbers follow one another. */
export class FrameRun {
  /** How it ended; never rejects. */
  readonly end: Promise<CallEnd>;
  readonly stream: ClientReadableStream<Message>;
  count = 0;
  /** Frames that are missing between two that came. */
  missing = 0;
  ended = false;
  #last: number | undefined;

  constructor(stream: ClientReadableStream<Message>) {
    this.stream = stream;
    stream.on('data', ({ sequence_number, lost_samples }: Message) => {
      const sequence = Number(sequence_number);
      if (this.#last !== undefined) this.missing += sequence - this.#last - 1;
      if (Number(lost_samples) > 0) this.missing++;
      this.#last = sequence;
      this.count++;
    });
    this.end = new Promise((resolve) => {
      stream.on('error', () => undefined);
      stream.on('status', ({ code, details }) => {
        this.ended = true;
        resolve({ code, details, atMs: performance.now() });
      });
    });
  }

  /** Resolves when so many more frames have come. */
  more(frames: number): Promise<void> {
    const wanted = this.count + frames;
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (this.count < wanted) return;
        this.stream.off('data', look);
        resolve();
      };
      this.stream.on('data', look);
      this.end.then(({ details }) => reject(new Error(`the stream ended: ${details}`)));
    });
  }
}
