import { type EventPosition, eventId, positionOf } from './event-id.ts';
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
  const read = withEpochs ? positionOf : (id: string): EventPosition => ({ epoch: undefined, id });
  let last = resumedAfter;
  return {
    dropped: () => {},
    before: (text) => {
      if (text === undefined) return undefined;
      const before = last;
      last = text;
      return before === undefined ? undefined : gapBetween(before, text, read);
    },
  };
}

function gapBetween(lastText: string, text: string, read: (id: string) => EventPosition): Gap | undefined {
  const [last, next] = [read(lastText), read(text)];
  if (last.epoch !== undefined && last.epoch !== next.epoch) {
    return { lost: null, reason: 'epoch', from: lastText, to: text };
  }
  const [expected, id] = [BigInt(last.id) + 1n, BigInt(next.id)];
  if (id <= expected) return undefined;
  const lost = id - expected;
  const { epoch } = next;
  return {
    lost: lost <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(lost) : lost,
    from: eventId({ epoch, id: String(expected) }),
    to: eventId({ epoch, id: String(id - 1n) }),
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
