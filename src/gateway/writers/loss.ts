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
 * is the id that the reader named when it came back.
 */
export function contiguousLossMeter(resumedAfter: string | undefined): LossMeter {
  let last = resumedAfter === undefined ? undefined : BigInt(resumedAfter);
  return {
    dropped: () => {},
    before: (text) => {
      if (text === undefined) return undefined;
      const id = BigInt(text);
      const expected = last === undefined ? id : last + 1n;
      last = id;
      if (id <= expected) return undefined;
      const lost = id - expected;
      return {
        lost: lost <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(lost) : lost,
        from: String(expected),
        to: String(id - 1n),
      };
    },
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
