import { createReadStream } from 'node:fs';

const LINE_FEED = 0x0a;

/** A line as its bytes, without the line feed. */
export interface RawLine {
  readonly bytes: Buffer;
  /** Whether a line feed ended it; what is not ended is the file's last. */
  readonly ended: boolean;
}

/**
 * The lines of a file, one after the other, whatever bytes are in them. A line that is longer than allowed comes cut to one
 * byte more than that: no line of ours is, and no file can make the reader's memory grow.
 */
export async function* linesOf(file: string, maxBytes: number): AsyncGenerator<RawLine> {
  let begun: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    let from = 0;
    for (;;) {
      const to = chunk.indexOf(LINE_FEED, from);
      const part = chunk.subarray(from, to === -1 ? undefined : to);
      if (begun.length <= maxBytes) begun = begun.length === 0 ? part : Buffer.concat([begun, part]);
      if (to === -1) break;
      yield { bytes: begun.subarray(0, maxBytes + 1), ended: true };
      begun = Buffer.alloc(0);
      from = to + 1;
    }
  }
  if (begun.length > 0) yield { bytes: begun.subarray(0, maxBytes + 1), ended: false };
}
