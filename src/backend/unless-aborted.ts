/**
 * What something comes to, unless a signal aborts first: its reason is then thrown at once, also where the doing itself
 * cannot be broken off, such as the opening of a file on a disk that does not answer.
 *
 * @param letGo takes what comes after all.
 * @throws the signal's reason, or what the doing throws.
 */
export function unlessAborted<T>(doing: Promise<T>, signal: AbortSignal, letGo: (late: T) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    doing
      .finally(() => signal.removeEventListener('abort', abort))
      .then((value) => (signal.aborted ? letGo(value) : resolve(value)), reject);
  });
}
