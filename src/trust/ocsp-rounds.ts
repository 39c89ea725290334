/** Milliseconds between two rounds: with the lifetime of an answer, so long may a revocation stay unknown. */
const ROUND_MS = 10_000;
/** Peers asked about at one time: well below the questions that a checker has open at most. */
const MAX_AT_ONCE = 8;

/**
 * Asks again and again about every peer that has something open, since a stream may outlive the answer that let it in.
 * Answers that are still good cost no question. A round that takes longer than the pause delays the next.
 *
 * @param open the peers at this moment.
 * @param ask asks about one, and ends what it has open when it is not good; must not throw.
 * @returns a function that ends the rounds.
 */
export function startOcspRounds<Peer>(open: () => readonly Peer[], ask: (peer: Peer) => Promise<void>): () => void {
  let isOver = false;
  let timer: NodeJS.Timeout;
  const round = async (): Promise<void> => {
    const waiting = [...open()];
    const work = async (): Promise<void> => {
      for (let peer = waiting.pop(); peer !== undefined && !isOver; peer = waiting.pop()) await ask(peer);
    };
    await Promise.all(Array.from({ length: MAX_AT_ONCE }, work));
    if (!isOver) arm();
  };
  const arm = (): void => {
    timer = setTimeout(() => void round(), ROUND_MS).unref();
  };
  arm();
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}
