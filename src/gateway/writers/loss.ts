import { eventId, positionOf } from './event-id.ts';
import type { Gap } from './stream-writer.ts';

/** Keeps count of what one reader did not get, and says so before the next message that it gets. */
export interface LossMeter {
  /** A message was dropped on its way to this reader. */
  dropped(): void;
  /** The gap before a message with this id, if there is one. */
  before(id: string | undefined): Gap | undefined;
}

/**
 * A meter for ids that count up by one: a jump is the loss, whoever caused it, and the count is exact. `resumedAfter`
 * is the id that the reader named when it came back. With epochs, ids are EPOCH-ID, and two of different epochs have no
 * count between them.
 */
export function contiguousLossMeter(resumedAfter: string | undefined, withEpochs = false): LossMeter {
  const read = (text: string): Position => {
    const { epoch, id } = withEpochs ? positionOf(text) : { epoch: undefined, id: text };
    return { text, epoch, number: BigInt(id) };
  };
  let last: Position | undefined;
  return {
    dropped: () => {},
    before: (text) => {
      if (text === undefined) return undefined;
      const before = last ?? (resumedAfter === undefined ? undefined : read(resumedAfter));
      last = read(text);
      return before === undefined ? undefined : gapBetween(before, last);
    },
  };
}

/** An id as text and as what it says. */
interface Position {
  readonly text: string;
  readonly epoch: string | undefined;
  readonly number: bigint;
}

function gapBetween(last: Position, next: Position): Gap | undefined {
  if (last.epoch !== undefined && last.epoch !== next.epoch) {
    return { lost: null, reason: 'epoch', from: last.text, to: next.text };
  }
  const expected = last.number + 1n;
  const { epoch, number } = next;
  if (number <= expected) return undefined;
  const lost = number - expected;
  return {
    lost: lost <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(lost) : lost,
    from: eventId({ epoch, id: String(expected) }),
    to: eventId({ epoch, id: String(number - 1n) }),
  };
}

/** A meter for streams without such ids: it knows only what the gateway itself dropped. */
export function countingLossMeter(): LossMeter {
  let lost = 0;
  return {
    dropped: () => {
      lost++;
    },
    before: () => {
      if (lost === 0) return undefined;
      const gap = { lost };
      lost = 0;
      return gap;
    },
  };
}
