/**
 * A value that is made of files, and made anew when they change: all of it or nothing. While the files cannot be used, the
 * last good value stays, but for what must not wait until they can.
 */
export interface Reloadable<T> {
  /** The value in use. */
  current(): T;
  /** Is told of every replacement, after it; the function that is returned ends that. */
  onChange(listener: (now: T, before: T) => void): () => void;
  /** Reads the files again now, changed or not; false when they cannot be used. */
  reload(): Promise<boolean>;
  /** Stops watching. */
  close(): void;
}

/** A value that never changes, for what is made without files. */
export function unchanging<T>(value: T): Reloadable<T> {
  return { current: () => value, onChange: () => () => {}, reload: async () => true, close: () => {} };
}
