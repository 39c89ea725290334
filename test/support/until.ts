/** Milliseconds between two looks. */
const POLL_MS = 10;

/**
 * Waits until something is so, for what tells of itself in no event (a counter, a log).
 *
 * @throws Error naming `what`, and what was seen last, when it is not so within `deadlineMs`.
 */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  isSo: (seen: T) => boolean = Boolean,
  deadlineMs = 15_000,
): Promise<T> {
  const endMs = Date.now() + deadlineMs;
  for (;;) {
    const seen = await look();
    if (isSo(seen)) return seen;
    if (Date.now() > endMs) throw new Error(`not within ${deadlineMs} ms: ${what}; last seen: ${JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
