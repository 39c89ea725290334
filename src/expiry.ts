/**
 * Milliseconds between two looks at the clock while anything waits for a moment: timers count the time that the machine
 * runs, and the clock may be set, or go on while the machine sleeps.
 */
const LOOK_MS = 1_000;

/** Something that waits for a moment. */
interface Waiting {
  readonly atMs: number;
  readonly callback: () => void;
}

/** All that wait share one timer, so that many cost one look a second. */
const waiting = new Set<Waiting>();
let look: NodeJS.Timeout | undefined;
/** When the timer goes off by the clock as it was when it was set. */
let lookAtMs = 0;

/**
 * Calls back once a moment is over, however far away it is, and within a second or so also when the clock was set past it.
 *
 * @param atMs milliseconds since 1970; a certificate is valid up to and including its notAfter.
 * @returns a function that takes the callback back.
 */
export function afterMoment(atMs: number, callback: () => void): () => void {
  if (Date.now() > atMs) {
    callback();
    return () => {};
  }
  const one = { atMs, callback };
  waiting.add(one);
  if (look === undefined || atMs < lookAtMs) lookAgain(atMs);
  return () => {
    waiting.delete(one);
    if (waiting.size === 0) stopLooking();
  };
}

/** Looks at the clock when a moment is over, and in a second at the latest. */
function lookAgain(firstMs: number): void {
  stopLooking();
  const delayMs = Math.min(Math.max(firstMs - Date.now(), 0) + 1, LOOK_MS);
  lookAtMs = Date.now() + delayMs;
  look = setTimeout(callThoseThatAreOver, delayMs).unref();
}

function stopLooking(): void {
  clearTimeout(look);
  look = undefined;
}

function callThoseThatAreOver(): void {
  const nowMs = Date.now();
  const over: Waiting[] = [];
  let firstMs = Number.POSITIVE_INFINITY;
  for (const one of waiting) {
    if (nowMs > one.atMs) over.push(one);
    else firstMs = Math.min(firstMs, one.atMs);
  }
  // Before anybody is called: a callback that throws must not keep the others waiting for good.
  lookAgain(firstMs);
  for (const one of over) {
    // Another one's callback may have taken it back.
    if (waiting.delete(one)) one.callback();
  }
  if (waiting.size === 0) stopLooking();
}
/** Milliseconds of one step of {@link afterRunning}. */
const STEP_MS = 50;

/**
 * Calls back once the program itself has run for some time. While the machine gives it no turn the time stands still: what
 * is waited for could not have happened, and must not be cut off for it when the turn comes.
 *
 * @param durationMs milliseconds, counted in steps of 50.
 * @returns a function that takes the callback back.
 */
export function afterRunning(durationMs: number, callback: () => void): () => void {
  let leftMs = durationMs;
  let timer: NodeJS.Timeout | undefined;
  const step = (): void => {
    if (leftMs <= 0) callback();
    else timer = setTimeout(step, Math.min(leftMs, STEP_MS)).unref();
    leftMs -= STEP_MS;
  };
  step();
  return () => clearTimeout(timer);
}
