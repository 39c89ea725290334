import type { ServerWritableStream } from '@grpc/grpc-js';

/**
 * Bytes given to the transport and not taken by the reader's flow control yet. Enough to keep a fast reader busy; a slow
 * one costs no more than this, for everything else it has not read lies in the ring that all share.
 */
const MAX_IN_FLIGHT_BYTES = 1024 * 1024;

/** Messages written in one turn of the event loop, so that a reader of tiny frames does not starve the others. */
const MESSAGES_PER_TURN = 64;

/** Writes what a reader has to a call, as fast as the call takes it. */
export interface Pump {
  /** There may be more to write. */
  wake(): void;
  /** Writes nothing more. */
  stop(): void;
  /**
   * Writes nothing more, and calls `then` once all that was written has left: a status that is an error would overtake it.
   * Of several the first counts; where the call is over already none is called.
   */
  end(then: () => void): void;
}

/**
 * Moves encoded messages from `next` to a call until stopped. It stops by itself when the call is cancelled, fails or
 * closes; waiting for the transport alone would wait for ever then.
 *
 * @param next the next message, or undefined when there is none at the moment.
 * @param taken called when a message has left for the reader, its bytes copied, or (not `hasLeft`) never will.
 */
export function pumpTo<Message extends { readonly message: Buffer }>(
  call: ServerWritableStream<unknown, Buffer>,
  next: () => Message | undefined,
  taken: (message: Message, hasLeft: boolean) => void,
): Pump {
  let stopped = false;
  let inFlight = 0;
  let inFlightBytes = 0;
  let whenLeft = (): void => {};
  let scheduled = false;

  const stop = (): void => {
    stopped = true;
  };
  const end = (then: () => void): void => {
    if (stopped) return;
    stopped = true;
    if (inFlight === 0) then();
    else whenLeft = then;
  };
  const run = (): void => {
    scheduled = false;
    for (let budget = MESSAGES_PER_TURN; !stopped && inFlightBytes < MAX_IN_FLIGHT_BYTES; budget--) {
      if (budget === 0) {
        scheduled = true;
        setImmediate(run);
        return;
      }
      const item = next();
      if (item === undefined) return;
      const { length } = item.message;
      inFlight++;
      inFlightBytes += length;
      call.write(item.message, (error?: Error | null) => {
        inFlight--;
        inFlightBytes -= length;
        taken(item, error === undefined || error === null);
        if (inFlight === 0) whenLeft();
        wake();
      });
    }
  };
  const wake = (): void => {
    if (!scheduled && !stopped) run();
  };
  for (const event of ['cancelled', 'error', 'close', 'finish']) call.on(event, stop);
  return { wake, stop, end };
}
