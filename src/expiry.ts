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
