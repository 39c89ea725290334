/** setTimeout takes no longer delay, milliseconds; a certificate that lives longer is looked at again then. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Calls back once a moment is over, however far away it is.
 *
 * @param atMs milliseconds since 1970; a certificate is valid up to and including its notAfter.
 * @returns a function that takes the callback back.
 */
export function afterMoment(atMs: number, callback: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const arm = (): void => {
    const leftMs = atMs - Date.now();
    if (leftMs < 0) callback();
    else timer = setTimeout(arm, Math.min(leftMs + 1, MAX_TIMER_MS)).unref();
  };
  arm();
  return () => clearTimeout(timer);
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
