import { setTimeout as sleep } from 'node:timers/promises';
import { frameStream, type IqFrame, StreamFault } from './frame-stream.ts';
import type { RecordOrder } from './record-order.ts';

/** Samples in a frame at most; those of whole bands are that long. */
const FULL_BATCH_SIZE = 8192;
/** Seconds of a part of a band in a frame at most: a connection without a frame for long is taken for a dead one. */
const FRAME_SECONDS = 1;

/** Milliseconds between two tries, from the first to the longest. */
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5000;

/**
 * Frames over as many connections as it takes: each goes on behind the last frame of the one before. Ends when the station's
 * stream ends in good order, or `signal` is aborted.
 *
 * @param say told of what happens, in a sentence.
 * @throws StreamFault when it cannot go on.
 */
export async function* resumedFrames(
  order: RecordOrder,
  signal: AbortSignal,
  say: (sentence: string) => void,
): AsyncGenerator<IqFrame> {
  let last: IqFrame | undefined;
  let pauseMs = FIRST_PAUSE_MS;
  let heardMs = performance.now();
  /** What was said last since the last frame: each try may fail for the same reason. */
  let said = '';
  while (!signal.aborted) {
    try {
      for await (const frame of frameStream(order, queryOf(order, last), signal)) {
        last = frame;
        pauseMs = FIRST_PAUSE_MS;
        said = '';
        yield frame;
        heardMs = performance.now();
      }
      return;
    } catch (error) {
      if (signal.aborted) return;
      const fault = error instanceof StreamFault ? error : undefined;
      if (fault?.isPassing !== true || performance.now() - heardMs >= order.retryMs) throw error;
      if (fault.message !== said) say(`${fault.message}; trying again`);
      said = fault.message;
      await sleep(pauseMs, undefined, { signal }).catch(() => {});
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    }
  }
}

/** Samples in a frame: the same for every connection, since a sequence number counts frames of one size. */
function batchSizeOf({ part }: RecordOrder): number {
  if (part === undefined) return FULL_BATCH_SIZE;
  return Math.max(1, Math.min(FULL_BATCH_SIZE, Math.floor(part.outputRate * FRAME_SECONDS)));
}

function queryOf(order: RecordOrder, last: IqFrame | undefined): URLSearchParams {
  const { from, datatype, part } = order;
  const batchSize = batchSizeOf(order);
  const query = new URLSearchParams({ batchSizeSamples: String(batchSize), overflow: 'block' });
  if (datatype !== undefined) query.set('datatype', datatype);
  for (const [name, value] of Object.entries(part ?? {})) query.set(name, String(value));
  if (last !== undefined) {
    query.set('afterSequence', last.sequence);
    query.set('afterEpoch', last.epoch);
  } else if (from.kind === 'time') query.set('afterTimeNs', String(from.timestampNs));
  else if (from.kind === 'earliest' || (from.kind === 'index' && from.index < batchSize))
    query.set('start', 'EARLIEST');
  else if (from.kind === 'index') query.set('afterSequence', String(Math.floor(from.index / batchSize) - 1));
  return query;
}
